# One stage at a time: each kind of trigger.

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/test-project/serviceAccounts/somebody@test-project.iam.gserviceaccount.com"
      email  = "somebody@test-project.iam.gserviceaccount.com"
      member = "serviceAccount:somebody@test-project.iam.gserviceaccount.com"
    }
  }
  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = { uri = "https://worker.run.test" }
    }
  }
}

variables {
  function = {
    name    = "worker", target = "execute", trigger = "push", timeout_s = 30, instances = 2, requests_per_instance = 10, memory_mib = 512
    account = "run-worker", caller = "call-worker", publishes = ["results"], stores = true
  }
  subscriptions = {
    work = {
      topic             = "intent-work", ack_deadline_s = 60, min_backoff_s = 10, max_backoff_s = 600, max_delivery_attempts = 20
      dead_letter_topic = "dead-letters"
    }
  }
  environment   = { BACKEND = "gcp" }
  secrets       = { SHOP_API_KEY = "3" }
  min_instances = 0
  platform = {
    project_id       = "test-project"
    region           = "europe-west1"
    bucket           = "bundles"
    object           = "worker/0.zip"
    build_account    = "projects/test-project/serviceAccounts/build@test-project.iam.gserviceaccount.com"
    repository       = "projects/test-project/locations/europe-west1/repositories/functions"
    pubsub_agent     = "serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com"
    database_role    = "projects/test-project/roles/documents"
    database         = "projects/test-project/databases/(default)"
    protected_topics = ["tasks", "dead-letters"]
    topics = {
      "intent-work"  = "projects/test-project/topics/intent-work"
      "tasks"        = "projects/test-project/topics/tasks"
      "dead-letters" = "projects/test-project/topics/dead-letters"
      "results"      = "projects/test-project/topics/results"
    }
  }
}

run "a_pushed_stage_is_called_by_its_own_identity_only" {
  module {
    source = "./modules/stage"
  }

  assert {
    condition     = google_pubsub_subscription.this["work"].push_config[0].push_endpoint == "https://worker.run.test" && google_pubsub_subscription.this["work"].push_config[0].oidc_token[0].audience == "https://worker.run.test"
    error_message = "The push goes elsewhere, or its token does."
  }
  assert {
    condition     = google_pubsub_subscription.this["work"].push_config[0].oidc_token[0].service_account_email == google_service_account.caller.email
    error_message = "The push is not made as the caller."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_member.caller.name == "worker" && google_cloud_run_v2_service_iam_member.caller.role == "roles/run.invoker"
    error_message = "The caller may not call, or calls another."
  }
  assert {
    condition     = google_service_account_iam_member.pubsub[0].role == "roles/iam.serviceAccountOpenIdTokenCreator" && google_service_account_iam_member.pubsub[0].member == var.platform.pubsub_agent
    error_message = "Pub/Sub cannot sign as the caller."
  }
}

run "its_messages_never_vanish" {
  module {
    source = "./modules/stage"
  }

  assert {
    condition     = google_pubsub_subscription.this["work"].expiration_policy[0].ttl == ""
    error_message = "An idle subscription would expire."
  }
  assert {
    condition     = google_pubsub_subscription.this["work"].dead_letter_policy[0].dead_letter_topic == "projects/test-project/topics/dead-letters" && google_pubsub_subscription.this["work"].dead_letter_policy[0].max_delivery_attempts == 20
    error_message = "There is no dead letter."
  }
  assert {
    condition     = google_pubsub_subscription_iam_member.pubsub["work"].role == "roles/pubsub.subscriber" && google_pubsub_subscription_iam_member.pubsub["work"].member == var.platform.pubsub_agent
    error_message = "Pub/Sub cannot forward dead letters."
  }
  assert {
    condition     = google_pubsub_subscription.this["work"].retry_policy[0].minimum_backoff == "10s"
    error_message = "Messages are retried at once."
  }
}

run "an_intents_subscription_may_go_and_one_with_tasks_may_not" {
  module {
    source = "./modules/stage"
  }
  variables {
    subscriptions = {
      work  = { topic = "intent-work", ack_deadline_s = 60, min_backoff_s = 10, max_backoff_s = 600, max_delivery_attempts = 20, dead_letter_topic = "dead-letters" }
      tasks = { topic = "tasks", ack_deadline_s = 60, min_backoff_s = 10, max_backoff_s = 600, max_delivery_attempts = 20, dead_letter_topic = "dead-letters" }
    }
  }

  assert {
    condition     = google_pubsub_subscription.this["work"].deletion_policy == "DELETE" && google_pubsub_subscription.this["tasks"].deletion_policy == "PREVENT"
    error_message = "Protection is the wrong way round."
  }
}

run "the_dead_letters_have_no_dead_letter" {
  command = plan
  module {
    source = "./modules/stage"
  }
  variables {
    subscriptions = {
      dead = { topic = "dead-letters", ack_deadline_s = 60, min_backoff_s = 10, max_backoff_s = 600, max_delivery_attempts = 10, dead_letter_topic = null }
    }
  }

  assert {
    condition     = length(google_pubsub_subscription.this["dead"].dead_letter_policy) == 0
    error_message = "A dead letter could go round in circles."
  }
  assert {
    condition     = google_pubsub_subscription.this["dead"].message_retention_duration == "2678400s"
    error_message = "A dead letter is dropped before it has to be."
  }
}

run "a_deadline_before_the_functions_is_refused" {
  command = plan
  module {
    source = "./modules/stage"
  }
  variables {
    subscriptions = {
      work = { topic = "intent-work", ack_deadline_s = 30, min_backoff_s = 10, max_backoff_s = 600, max_delivery_attempts = 20, dead_letter_topic = "dead-letters" }
    }
  }

  expect_failures = [var.subscriptions]
}

run "it_runs_as_itself_inside_and_no_more_often_than_it_may" {
  module {
    source = "./modules/stage"
  }

  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].service_account_email == module.account.email && google_cloudfunctions2_function.this.service_config[0].max_instance_count * google_cloudfunctions2_function.this.service_config[0].max_instance_request_concurrency == 20
    error_message = "It runs as somebody else, or more often at once than it may."
  }
  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY" && length(google_project_iam_member.receives_events) == 0
    error_message = "It can be reached from outside, or receives events."
  }
}

run "it_may_do_what_its_step_does_and_no_more" {
  module {
    source = "./modules/account"
  }
  variables {
    secrets = ["SHOP_API_KEY"]
  }

  assert {
    condition     = toset(keys(google_pubsub_topic_iam_member.publisher)) == toset(["results"])
    error_message = "It may publish elsewhere."
  }
  assert {
    condition     = google_project_iam_member.documents[0].condition[0].expression == "resource.name == \"projects/test-project/databases/(default)\""
    error_message = "It may read another database."
  }
  assert {
    condition     = toset(keys(google_secret_manager_secret_iam_member.this)) == toset(["SHOP_API_KEY"])
    error_message = "It may read other secrets."
  }
}

run "a_step_without_documents_cannot_reach_the_database" {
  command = plan
  module {
    source = "./modules/account"
  }
  variables {
    function = { name = "intake", account = "run-intake", publishes = ["tasks"], stores = false }
    secrets  = []
  }

  assert {
    condition     = length(google_project_iam_member.documents) == 0
    error_message = "It may read documents."
  }
}

run "a_document_trigger_retries_and_knows_the_author" {
  command = plan
  module {
    source = "./modules/stage"
  }
  variables {
    function = {
      name    = "resume", target = "resume", trigger = "document", timeout_s = 30, instances = 1, requests_per_instance = 10, memory_mib = 512
      account = "run-resume", caller = "call-resume", publishes = [], stores = true
    }
    subscriptions = {}
    document_event = {
      type     = "google.cloud.firestore.document.v1.written.withAuthContext"
      location = "eur3"
      database = "(default)"
      document = "approvals/{task_id}"
    }
  }

  assert {
    condition     = google_cloudfunctions2_function.this.event_trigger[0].retry_policy == "RETRY_POLICY_RETRY" && google_cloudfunctions2_function.this.event_trigger[0].trigger_region == "eur3"
    error_message = "An event that fails is lost, or the trigger is not where the database is."
  }
  assert {
    condition     = endswith(google_cloudfunctions2_function.this.event_trigger[0].event_type, ".withAuthContext")
    error_message = "Nobody would know who decided."
  }
  assert {
    condition     = length(google_project_iam_member.receives_events) == 1 && length(google_pubsub_subscription.this) == 0
    error_message = "It cannot receive events, or has a subscription besides."
  }
  assert {
    condition     = length(google_service_account_iam_member.pubsub) == 1
    error_message = "Pub/Sub cannot sign what Eventarc pushes."
  }
}
