data "google_project" "this" {
  project_id = var.project_id
}

locals {
  project_number = data.google_project.this.number
  pubsub_agent   = "serviceAccount:service-${local.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  eventarc_agent = "serviceAccount:service-${local.project_number}@gcp-sa-eventarc.iam.gserviceaccount.com"
  iap_agent      = "serviceAccount:service-${local.project_number}@gcp-sa-iap.iam.gserviceaccount.com"

  apis = toset(concat(
    [
      "artifactregistry", "cloudbuild", "cloudfunctions", "cloudscheduler", "eventarc", "firebaserules", "firestore",
      "logging", "monitoring", "pubsub", "run", "secretmanager", "storage",
    ],
    local.uses_vertex ? ["aiplatform"] : [],
    var.tracing_ratio == null ? [] : ["cloudtrace", "telemetry"],
    var.console == null ? [] : ["iap"],
    var.egress == null ? [] : ["compute"],
    var.encryption == null ? [] : ["cloudkms"],
    var.budget == null ? [] : ["billingbudgets"],
  ))
}

resource "google_project_service" "this" {
  for_each = local.apis

  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false # others may use it
}

# A service and its agent are not there the moment the call that enables it returns.
resource "time_sleep" "apis" {
  create_duration = "60s"
  triggers        = { apis = join(",", local.apis) }

  depends_on = [google_project_service.this]
}

# On the project, as Google grants them where an API makes its agent by itself. An agent that was asked for gets none
# (cloud.google.com/iam/docs/create-service-agents): Eventarc could not watch documents, Pub/Sub could not sign what it
# pushes, and neither would say so. Service agents are alone in these roles.
resource "google_project_iam_member" "agent" {
  # checkov:skip=CKV_GCP_49: Google's own agents in the roles that Google gives them
  for_each = {
    "roles/eventarc.serviceAgent" = local.eventarc_agent
    "roles/pubsub.serviceAgent"   = local.pubsub_agent
  }

  project = var.project_id
  role    = each.key
  member  = each.value

  depends_on = [time_sleep.apis]
}
