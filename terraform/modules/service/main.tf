# A Cloud Run service from an image of its own: revisions that take traffic one after the other, or side by side.

locals {
  name   = var.function.name
  opened = var.public || var.iap != null
}

module "account" {
  source = "../account"

  function = var.function
  secrets  = keys(var.secrets)
  platform = var.platform
}

resource "google_cloud_run_v2_service" "this" {
  name     = local.name
  location = var.platform.region
  ingress  = local.opened ? "INGRESS_TRAFFIC_ALL" : "INGRESS_TRAFFIC_INTERNAL_ONLY"

  # Who is asked for a Google identity: everybody by IAM, unless the service is public; before that, people by IAP.
  invoker_iam_disabled = var.public
  iap_enabled          = var.iap != null

  deletion_protection = false # it holds nothing, and its name is free again at once

  # Of the service, so that two revisions together have the limit once, and none that waits for traffic is kept warm.
  scaling {
    min_instance_count = var.min_instances
    max_instance_count = var.function.instances
  }

  template {
    service_account                  = module.account.email
    encryption_key                   = var.platform.key
    timeout                          = "${var.function.timeout_s}s"
    max_instance_request_concurrency = var.function.requests_per_instance

    scaling {
      max_instance_count = var.function.instances
    }

    containers {
      image = coalesce(var.image, "missing")

      resources {
        limits            = { cpu = "1", memory = "${var.function.memory_mib}Mi" }
        cpu_idle          = true # paid while it answers; beside other resources this has to be said
        startup_cpu_boost = true
      }

      # The server listens before it has imported the code: only an answer says that a revision starts. The platform asks
      # the container; from outside, Cloud Run keeps paths that end in z for itself (cloud.google.com/run/docs/issues).
      startup_probe {
        period_seconds    = 2
        failure_threshold = 30
        http_get {
          path = "/healthz"
        }
      }

      dynamic "env" {
        for_each = var.environment
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = var.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = "${var.platform.secret_prefix}${env.key}"
              version = env.value # a number: with latest, instances that run keep the old one
            }
          }
        }
      }
    }
  }

  # A new revision waits under its tag while the one that serves goes on; where none is named it serves at once.
  dynamic "traffic" {
    for_each = var.serving[*]
    content {
      type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
      revision = traffic.value
      percent  = 100
    }
  }
  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = var.serving == null ? 100 : 0
    tag     = "next"
  }

  lifecycle {
    precondition {
      condition     = var.image != null
      error_message = "images names none for ${local.name}: make release builds it, and writes what to give with -var-file."
    }
  }

  depends_on = [module.account]
}
