# One stage: a function, its account, who may call it, and where its messages come from and go to.

locals {
  name = var.function.name
}

module "account" {
  source = "../account"

  function = var.function
  secrets  = keys(var.secrets)
  platform = var.platform
}

# It exists to call this function, and may call nothing else.
resource "google_service_account" "caller" {
  account_id   = var.function.caller
  display_name = "${local.name}: calls it"
}

resource "google_cloudfunctions2_function" "this" {
  name         = local.name
  location     = var.platform.region
  kms_key_name = var.platform.key

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
    service_account_email            = module.account.email
    ingress_settings                 = "ALLOW_INTERNAL_ONLY" # Pub/Sub, Eventarc and Scheduler of the project are internal
    timeout_seconds                  = var.function.timeout_s
    available_memory                 = "${var.function.memory_mib}Mi"
    available_cpu                    = "1" # a part of one would allow one request at a time
    min_instance_count               = var.min_instances
    max_instance_count               = var.function.instances
    max_instance_request_concurrency = var.function.requests_per_instance
    all_traffic_on_latest_revision   = true
    environment_variables            = var.environment

    # All traffic, for a provider's address is a public one.
    direct_vpc_egress = var.platform.network == null ? null : "VPC_EGRESS_ALL_TRAFFIC"
    dynamic "direct_vpc_network_interface" {
      for_each = var.platform.network[*]
      content {
        network    = direct_vpc_network_interface.value.network
        subnetwork = direct_vpc_network_interface.value.subnetwork
      }
    }

    dynamic "secret_environment_variables" {
      for_each = var.secrets
      content {
        project_id = var.platform.project_id
        key        = secret_environment_variables.key
        secret     = "${var.platform.secret_prefix}${secret_environment_variables.key}"
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
      service_account_email = google_service_account.caller.email

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
    module.account,
    google_project_iam_member.receives_events,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "caller" {
  location = var.platform.region
  name     = google_cloudfunctions2_function.this.name
  role     = "roles/run.invoker"
  member   = google_service_account.caller.member

  # The grant is on the service under the function, and goes with it.
  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.this.id]
  }
}

# On the project, because Eventarc knows no narrower resource to receive events of.
resource "google_project_iam_member" "receives_events" {
  count = var.document_event == null ? 0 : 1

  project = var.platform.project_id
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.caller.member
}
