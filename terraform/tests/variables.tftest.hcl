# What is refused, and before anything is planned. tests/terraform holds the words it is refused with.

mock_provider "google" {}
mock_provider "time" {}

variables {
  project_id        = "test-project"
  model             = { location = "global" }
  sources           = ["canary"]
  images            = { for name in ["chat", "console", "intake"] : name => "europe-west1-docker.pkg.dev/test-project/services/${name}@sha256:${sha256(name)}" }
  alert_emails      = ["oncall@acme.test"]
  provider_settings = { SHOP_API_URL = "https://shop.acme.test", AUTH0_API_URL = "https://acme.auth0.test", AUTH0_CLIENT_ID = "switchyard" }
}

run "a_public_topic_of_events" {
  command = plan
  variables {
    event_publishers = ["allUsers"]
  }
  expect_failures = [var.event_publishers]
}

run "a_public_console" {
  command = plan
  variables {
    console = { members = ["allAuthenticatedUsers"] }
  }
  expect_failures = [var.console]
}

run "a_key_among_the_settings" {
  command = plan
  variables {
    provider_settings = { STRIPE_API_KEY = "sk_live", SHOP_API_URL = "https://shop.acme.test", AUTH0_API_URL = "https://acme.auth0.test", AUTH0_CLIENT_ID = "switchyard" }
  }
  expect_failures = [var.provider_settings]
}

run "a_placeholder_for_a_provider" {
  command = plan
  variables {
    provider_settings = {}
  }
  expect_failures = [var.provider_settings]
}

run "an_allowance_of_an_intent_that_is_none" {
  command = plan
  variables {
    automatic = { refund = 5000 }
  }
  expect_failures = [var.automatic]
}

run "a_model_that_answers_later_than_classify_waits" {
  command = plan
  variables {
    model = { timeout_s = 60 }
  }
  expect_failures = [var.model]
}
