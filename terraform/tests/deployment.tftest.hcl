# The whole root, planned and applied on mocks: what each environment has, and has not.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
  mock_data "google_secret_manager_secret_version" {
    defaults = { version = "3" }
  }
  mock_data "google_secret_manager_secret" {
    defaults = {
      secret_id   = "SHOP_API_KEY"
      replication = [{ auto = [{ customer_managed_encryption = [] }], user_managed = [] }]
    }
  }
  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/test-project/serviceAccounts/somebody@test-project.iam.gserviceaccount.com"
      email  = "somebody@test-project.iam.gserviceaccount.com"
      member = "serviceAccount:somebody@test-project.iam.gserviceaccount.com"
    }
  }
}

mock_provider "time" {}

variables {
  project_id        = "test-project"
  sources           = ["canary", "zendesk", "my-crm"]
  model             = { location = "europe-west1" }
  alert_emails      = ["oncall@acme.test"]
  provider_settings = { SHOP_API_URL = "https://shop.acme.test", AUTH0_API_URL = "https://acme.auth0.test", AUTH0_CLIENT_ID = "switchyard" }
  bundles           = { for name in keys(jsondecode(file("manifest.json")).functions) : name => sha256(name) }
  images            = { for name in ["chat", "console", "intake"] : name => "europe-west1-docker.pkg.dev/test-project/services/${name}@sha256:${sha256(name)}" }
}

run "every_topic_of_the_manifest_and_no_other" {
  command = plan

  assert {
    condition     = toset(keys(google_pubsub_topic.this)) == toset(local.manifest.topics)
    error_message = "Topics differ from the manifest's."
  }
  assert {
    condition     = toset([for intent, topic in local.manifest.intents : topic if !contains(keys(google_pubsub_topic.this), topic)]) == toset([])
    error_message = "An intent has no topic."
  }
}

run "every_intent_has_its_executor" {
  command = plan

  assert {
    condition     = toset([for f in local.executors : f.environment.INTENT]) == toset(keys(local.manifest.intents))
    error_message = "Executors and intents differ."
  }
  assert {
    condition     = toset(keys(module.executor)) == toset([for intent in keys(local.manifest.intents) : "execute-${replace(intent, "_", "-")}"])
    error_message = "There is not exactly one executor per intent."
  }
  assert {
    condition     = alltrue([for name, e in module.executor : e.name == name])
    error_message = "A function is not called as in the manifest."
  }
}

run "data_is_protected_unless_said_otherwise" {
  command = plan

  assert {
    condition     = google_firestore_database.this.deletion_policy == "PREVENT" && google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_ENABLED"
    error_message = "The database could be destroyed."
  }
  assert {
    condition     = alltrue([for name in ["events", "tasks", "tasks-express", "dead-letters", "results"] : google_pubsub_topic.this[name].deletion_policy == "PREVENT"])
    error_message = "A topic that holds tasks could be destroyed."
  }
  assert {
    condition     = google_pubsub_topic.this["intent-order-status"].deletion_policy == "DELETE"
    error_message = "An intent could not be removed."
  }
  assert {
    condition     = !google_storage_bucket.bundles.force_destroy && alltrue([for o in google_storage_bucket_object.bundle : o.deletion_policy == "ABANDON"])
    error_message = "A bundle to roll back to could be destroyed."
  }
}

run "a_place_to_try_things_can_be_destroyed" {
  command = plan

  variables {
    protect_data = false
  }

  assert {
    condition     = google_firestore_database.this.deletion_policy == "DELETE" && google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_DISABLED"
    error_message = "The database is protected."
  }
  assert {
    condition     = alltrue([for t in google_pubsub_topic.this : t.deletion_policy == "DELETE"])
    error_message = "A topic is protected."
  }
  assert {
    condition     = length(google_firestore_backup_schedule.daily) == 0
    error_message = "Backups cost money."
  }
}

run "only_used_secrets_are_asked_for" {
  command = plan

  assert {
    condition     = output.secrets == tolist(["CANARY_WEBHOOK_SECRET", "MY_CRM_WEBHOOK_SECRET", "PRIVACY_KEY", "SHOP_API_KEY", "SLACK_API_KEY", "STRIPE_API_KEY", "ZENDESK_WEBHOOK_SECRET"])
    error_message = "Secrets: ${join(", ", output.secrets)}"
  }
  assert {
    condition     = toset(local.secrets_of["intake"]) == toset(["CANARY_WEBHOOK_SECRET", "MY_CRM_WEBHOOK_SECRET", "ZENDESK_WEBHOOK_SECRET"]) && tolist(local.secrets_of["classify"]) == tolist(["PRIVACY_KEY"])
    error_message = "A function gets a secret that it does not need."
  }
}

run "people_are_looked_up_where_a_users_api_is_named" {
  command = plan

  variables {
    provider_settings = { SHOP_API_URL = "https://shop.acme.test", AUTH0_API_URL = "https://acme.auth0.test", AUTH0_CLIENT_ID = "switchyard", ZENDESK_USERS_API_URL = "https://acme.zendesk.test" }
  }

  assert {
    condition     = tolist(local.secrets_of["classify"]) == tolist(["PRIVACY_KEY", "ZENDESK_USERS_API_KEY"]) && local.environment_of["classify"].ZENDESK_USERS_API_URL == "https://acme.zendesk.test"
    error_message = "classify gets ${join(", ", local.secrets_of["classify"])}."
  }
  assert {
    condition     = alltrue([for name, secrets in local.secrets_of : name == "classify" || !contains(secrets, "ZENDESK_USERS_API_KEY")])
    error_message = "Another function may read who people are."
  }
}

run "only_named_officers_may_ask_for_a_persons_data" {
  command = plan

  variables {
    privacy_officers = ["privacy@acme.test", "dpo@acme.test"]
    promoters        = ["ml@acme.test"]
  }

  assert {
    condition     = local.environment_of["console"]["PRIVACY_OFFICERS"] == "dpo@acme.test,privacy@acme.test"
    error_message = local.environment_of["console"]["PRIVACY_OFFICERS"]
  }
  assert {
    condition     = toset([for name, variables in local.environment_of : name if lookup(variables, "PROMOTERS", "") == "ml@acme.test"]) == toset(["classify", "console"])
    error_message = "PROMOTERS has to reach classify and the console, and nothing else."
  }
  assert {
    condition     = toset([for name, secrets in local.secrets_of : name if contains(secrets, "PRIVACY_KEY")]) == toset(["classify", "console", "deadletter", "resume"])
    error_message = "Another function may find out who asked."
  }
}

run "a_key_of_the_gemini_api_replaces_vertex" {
  command = plan

  variables {
    model = { classifier = "gemini", vertex = false, name = "gemini-3.5-flash-lite" }
  }

  assert {
    condition     = tolist(local.secrets_of["classify"]) == tolist(["GEMINI_API_KEY", "PRIVACY_KEY"]) && local.environment_of["classify"]["CLASSIFIER"] == "gemini"
    error_message = "classify has no key."
  }
  assert {
    condition     = length(google_project_iam_member.model) == 0 && !contains(keys(google_project_service.this), "aiplatform")
    error_message = "Vertex AI is set up though nobody asks it."
  }
  assert {
    condition     = !contains(keys(local.environment_of["classify"]), "VERTEX_PROJECT")
    error_message = "VERTEX_PROJECT is set."
  }
}

run "a_disabled_intent_needs_neither_secret_nor_setting" {
  command = plan

  variables {
    disabled_intents  = ["refund_request", "password_reset", "ticket_summary"]
    provider_settings = { SHOP_API_URL = "https://shop.acme.test" }
  }

  assert {
    condition     = local.secrets_of["execute-refund-request"] == [] && tolist(local.secrets_of["execute-order-status"]) == tolist(["SHOP_API_KEY"])
    error_message = "A disabled intent asks for its provider's key, or an enabled one does not."
  }
  assert {
    condition     = local.environment_of["classify"]["DISABLED_INTENTS"] == "password_reset,refund_request,ticket_summary"
    error_message = "The model is still offered a disabled intent."
  }
}

run "nothing_is_set_that_the_code_has_a_default_for" {
  command = plan

  assert {
    condition     = toset(keys(local.environment_of["classify"])) == toset(["BACKEND", "CLASSIFIER", "GOOGLE_CLOUD_PROJECT", "VERTEX_LOCATION", "VERTEX_PROJECT"])
    error_message = "classify: ${join(", ", keys(local.environment_of["classify"]))}"
  }
}

run "settings_reach_the_functions_that_read_them" {
  command = plan

  variables {
    confidence_threshold = 0.9
    max_concurrent_calls = 5
    coalesce             = 8
    approval_ttl_s       = 3600
    retention_days       = 30
    automatic            = { refund_request = "50.00 USD|45.00 EUR", password_reset = null }
    approvers            = { "*" = ["ops@acme.test", "lead@acme.test"], refund_request = ["finance@acme.test"] }
    direct_callers       = ["crm@acme.iam.gserviceaccount.com"]
    model_limits         = { requests_a_minute = 1000, tokens_a_minute = 1000000, tokens_a_day = 5000000, in_place = "local", cache_s = 0 }
    model                = { timeout_s = 20, budget_s = 300, name = "gemini-x", location = "europe-west1", endpoint = "https://models.acme.test" }
  }

  assert {
    condition = local.environment_of["classify"] == {
      ANSWER_CACHE_S          = "0"
      APPROVAL_TTL_S          = "3600"
      AUTOMATIC               = "password_reset,refund_request<=50.00 USD|45.00 EUR"
      BACKEND                 = "gcp"
      CLASSIFIER              = "genai"
      COALESCE                = "8"
      CONFIDENCE_THRESHOLD    = "0.9"
      GEMINI_API_ENDPOINT     = "https://models.acme.test"
      GEMINI_MODEL            = "gemini-x"
      GOOGLE_CLOUD_PROJECT    = "test-project"
      MAX_CONCURRENT_CALLS    = "5"
      MODEL_BUDGET_S          = "300"
      MODEL_IN_PLACE          = "local"
      MODEL_REQUESTS_A_MINUTE = "250"
      MODEL_TOKENS_A_DAY      = "5000000"
      MODEL_TOKENS_A_MINUTE   = "250000"
      MODEL_TIMEOUT_S         = "20"
      RETENTION_DAYS          = "30"
      VERTEX_LOCATION         = "europe-west1"
      VERTEX_PROJECT          = "test-project"
    }
    error_message = "classify: ${jsonencode(local.environment_of["classify"])}"
  }
  assert {
    condition     = local.environment_of["console"]["APPROVERS"] == "*=lead@acme.test|ops@acme.test,refund_request=finance@acme.test"
    error_message = local.environment_of["console"]["APPROVERS"]
  }
  assert {
    condition     = local.environment_of["intake"]["DIRECT_CALLERS"] == "crm@acme.iam.gserviceaccount.com" && local.environment_of["intake"]["DIRECT_AUDIENCE"] == output.intake_url
    error_message = "POST / would refuse the callers that are listed."
  }
}

run "where_nobody_is_named_there_is_no_way_to_the_console" {
  command = plan

  assert {
    condition     = output.console_url == null && !contains(keys(google_project_service.this), "iap")
    error_message = "Something leads to the console."
  }
  assert {
    condition     = !contains(keys(local.environment_of["console"]), "IAP_AUDIENCE")
    error_message = "The console expects a proxy that is not there."
  }
}

run "the_console_stands_behind_the_proxy" {
  command = plan

  variables {
    console = { members = ["group:ops@acme.test", "serviceAccount:robot@test-project.iam.gserviceaccount.com"], canary = "deploy@test-project.iam.gserviceaccount.com" }
  }

  assert {
    condition     = local.environment_of["console"]["IAP_AUDIENCE"] == "/projects/123456789012/locations/europe-west1/services/console"
    error_message = "The console does not check for whom the proxy signed."
  }
  assert {
    condition     = output.console_canary == var.console.canary && contains(local.proxy.members, "serviceAccount:${var.console.canary}") && length(local.proxy.members) == 3
    error_message = "Whoever looks at a new revision is not let in, or somebody else is: ${join(", ", local.proxy.members)}."
  }
  assert {
    condition     = output.console_url == "https://console-123456789012.europe-west1.run.app"
    error_message = "Outputs do not lead to the console."
  }
}

run "a_pinned_bundle_is_used_and_not_uploaded" {
  command = plan

  assert {
    condition     = output.bundles["classify"] == sha256("classify") && local.bundle_objects["classify"] == "classify/${sha256("classify")}.zip"
    error_message = "The pin does not decide."
  }
  assert {
    condition     = length(google_storage_bucket_object.bundle) == 0
    error_message = "A pinned bundle is uploaded again."
  }
}

run "a_missing_bundle_stops_the_plan" {
  command = plan

  variables {
    bundles    = {}
    bundle_dir = "tests/nowhere"
  }

  expect_failures = [google_storage_bucket_object.bundle]
}

run "budget_and_alerts_reach_the_channels" {
  variables {
    budget         = { billing_account = "012345-6789AB-CDEF01", amount = 100 }
    alert_emails   = [for n in range(7) : "oncall${n}@acme.test"]
    alert_channels = ["projects/test-project/notificationChannels/7"]
  }

  assert {
    condition     = length(google_billing_budget.this) == 1 && google_billing_budget.this[0].amount[0].specified_amount[0].units == "100"
    error_message = "There is no budget."
  }
  assert {
    condition     = length(google_monitoring_alert_policy.this) > 10 && alltrue([for a in google_monitoring_alert_policy.this : length(a.notification_channels) == 8])
    error_message = "An alert does not reach everybody."
  }
  assert {
    condition     = length(google_billing_budget.this[0].all_updates_rule[0].monitoring_notification_channels) == 5 && !contains(google_billing_budget.this[0].all_updates_rule[0].monitoring_notification_channels, "projects/test-project/notificationChannels/7")
    error_message = "A budget takes five channels of e-mail, and no other kind."
  }
}

run "what_is_scheduled_is_called_every_minute_by_an_identity_of_its_own" {
  assert {
    condition     = toset(keys(google_cloud_scheduler_job.this)) == toset(["notify", "sweep"])
    error_message = "Scheduled: ${join(", ", keys(google_cloud_scheduler_job.this))}"
  }
  assert {
    condition     = alltrue([for name, job in google_cloud_scheduler_job.this : job.schedule == "* * * * *" && job.http_target[0].oidc_token[0].service_account_email == module.stage[name].caller_email])
    error_message = "A function is not called as its caller."
  }
  assert {
    condition     = alltrue([for name, job in google_cloud_scheduler_job.this : job.http_target[0].uri == module.stage[name].url])
    error_message = "The scheduler calls something else."
  }
}

run "chats_are_told_where_their_secrets_are_named" {
  command = plan

  variables {
    chat_webhooks = ["NOTIFY_WEBHOOK_URL"]
    console       = { members = ["group:ops@acme.test"], canary = "deploy@test-project.iam.gserviceaccount.com" }
  }

  assert {
    condition     = local.secrets_of["notify"] == ["NOTIFY_WEBHOOK_URL"] && local.environment_of["notify"].CONSOLE_URL == "https://console-123456789012.europe-west1.run.app"
    error_message = "notify gets ${join(", ", local.secrets_of["notify"])}."
  }
  assert {
    condition     = alltrue([for name, secrets in local.secrets_of : name == "notify" || !contains(secrets, "NOTIFY_WEBHOOK_URL")])
    error_message = "Somebody else gets the webhook."
  }
}

run "what_is_legal_but_unwise_is_warned_of" {
  command = plan

  variables {
    alert_emails = []
    budget       = { billing_account = "012345-6789AB-CDEF01", amount = 100 }
    sources      = ["zendesk"]
    console      = { members = ["group:ops@acme.test"] }
  }

  assert {
    condition     = length(google_billing_budget.this[0].all_updates_rule) == 0
    error_message = "A budget without channels would be refused."
  }
  assert {
    condition     = length(google_monitoring_alert_policy.this) == 0
    error_message = "Alerts cost money and tell nobody."
  }

  expect_failures = [check.a_new_console_is_looked_at, check.deployments_are_tested, check.somebody_is_told]
}

run "a_secret_that_was_made_without_the_key_is_warned_of" {
  command = plan

  variables {
    encryption = { key = "projects/k/locations/europe-west1/keyRings/r/cryptoKeys/k" }
  }

  expect_failures = [check.secrets_have_a_key]
}

run "a_secret_that_was_made_with_a_key_is_well" {
  command = plan

  variables {
    encryption = { key = "projects/k/locations/europe-west1/keyRings/r/cryptoKeys/k" }
  }
  override_data {
    target = data.google_secret_manager_secret.this
    values = {
      replication = [{ auto = [], user_managed = [{ replicas = [{ location = "europe-west1", customer_managed_encryption = [{ kms_key_name = "k" }] }] }] }]
    }
  }

  assert {
    condition     = length(data.google_secret_manager_secret.this) == length(output.secrets)
    error_message = "A secret is not looked at."
  }
}

run "another_projects_state_is_refused" {
  command = plan

  variables {
    project_id = "other-project"
  }

  expect_failures = [terraform_data.environment]
}
