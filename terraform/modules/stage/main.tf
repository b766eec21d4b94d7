# One stage: a function, its account, who may call it, and where its messages come from and go to.

locals {
  name      = var.function.name
  is_called = var.function.trigger != "http" # by one identity of ours, which exists for that alone
}

resource "google_service_account" "this" {
  account_id   = var.function.account
  display_name = "${local.name}: runs"
}

resource "google_service_account" "caller" {
  count = local.is_called ? 1 : 0

  account_id   = var.function.caller
  display_name = "${local.name}: calls it"
}

resource "google_cloudfunctions2_function" "this" {
  # checkov:skip=CKV_GCP_124: intake takes webhooks from anywhere; every other stage is internal, which a test holds
  name     = local.name
  location = var.platform.region

  build_config {
    runtime           = "python313"
    entry_point       = var.function.target
    service_account   = var.platform.build_account
    docker_repository = var.platform.repository

    source {
      storage_source {
        bucket = var.platform.bucket
        object = var.platform.object
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.this.email
    ingress_settings                 = var.ingress
    timeout_seconds                  = var.function.timeout_s
    available_memory                 = "${var.function.memory_mib}Mi"
    available_cpu                    = "1" # a part of one would allow one request at a time
    min_instance_count               = var.min_instances
    max_instance_count               = var.function.instances
    max_instance_request_concurrency = var.function.requests_per_instance
    all_traffic_on_latest_revision   = true
    environment_variables            = var.environment

    dynamic "secret_environment_variables" {
      for_each = var.secrets
      content {
        project_id = var.platform.project_id
        key        = secret_environment_variables.key
        secret     = secret_environment_variables.key
        version    = secret_environment_variables.value # a number: with latest, instances that run keep the old one
      }
    }
  }

  dynamic "event_trigger" {
    for_each = var.document_event[*]
    content {
      event_type            = event_trigger.value.type
      trigger_region        = event_trigger.value.location
      retry_policy          = "RETRY_POLICY_RETRY"
      service_account_email = google_service_account.caller[0].email

      event_filters {
        attribute = "database"
        value     = event_trigger.value.database
      }
      event_filters {
        attribute = "document"
        value     = event_trigger.value.document
        operator  = "match-path-pattern"
      }
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_member.this,
    google_project_iam_member.documents,
    google_project_iam_member.receives_events,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "caller" {
  count = local.is_called || var.invoker != null ? 1 : 0

  location = var.platform.region
  name     = google_cloudfunctions2_function.this.name
  role     = "roles/run.invoker"
  member   = local.is_called ? google_service_account.caller[0].member : var.invoker

  # The grant is on the service under the function, and goes with it.
  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.this.id]
  }
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each = var.secrets

  secret_id = each.key
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

# On the project, because Firestore has no IAM of its own; narrowed to its database and to what steps do there.
resource "google_project_iam_member" "documents" {
  count = var.function.stores ? 1 : 0

  project = var.platform.project_id
  role    = var.platform.database_role
  member  = google_service_account.this.member

  condition {
    title      = "its database"
    expression = "resource.name == \"${var.platform.database}\""
  }
}

# On the project, because traces have no other owner; it may add spans and read none.
resource "google_project_iam_member" "traces" {
  count = var.platform.traces ? 1 : 0

  project = var.platform.project_id
  role    = "roles/cloudtrace.agent"
  member  = google_service_account.this.member
}

# On the project, because Eventarc knows no narrower resource to receive events of.
resource "google_project_iam_member" "receives_events" {
  count = var.document_event == null ? 0 : 1

  project = var.platform.project_id
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.caller[0].member
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = toset(var.function.publishes)

  topic  = var.platform.topics[each.key]
  role   = "roles/pubsub.publisher"
  member = google_service_account.this.member
}
