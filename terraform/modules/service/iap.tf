# Identity-Aware Proxy on the service itself: it asks who somebody is, and calls as its own agent
# (cloud.google.com/run/docs/securing/identity-aware-proxy-cloud-run).

resource "google_cloud_run_v2_service_iam_member" "proxy" {
  count = var.iap == null ? 0 : 1

  location = var.platform.region
  name     = google_cloud_run_v2_service.this.name
  role     = "roles/run.invoker"
  member   = var.iap.agent

  # The grant is on the service, and goes with it.
  lifecycle {
    replace_triggered_by = [google_cloud_run_v2_service.this.id]
  }
}

resource "google_iap_web_cloud_run_service_iam_member" "people" {
  for_each = toset(var.iap == null ? [] : var.iap.members)

  location               = var.platform.region
  cloud_run_service_name = google_cloud_run_v2_service.this.name
  role                   = "roles/iap.httpsResourceAccessor"
  member                 = each.key

  lifecycle {
    replace_triggered_by = [google_cloud_run_v2_service.this.id]
  }
}

# Google's own client is shut to programs; those of a desktop client of yours are let in by its id
# (cloud.google.com/iap/docs/authentication-howto). A service account needs none: it signs for itself.
resource "google_iap_settings" "programs" {
  count = length(try(var.iap.programmatic_clients, [])) == 0 ? 0 : 1

  name = "projects/${var.iap.project_number}/iap_web/cloud_run-${var.platform.region}/services/${google_cloud_run_v2_service.this.name}"

  access_settings {
    oauth_settings {
      programmatic_clients = sort(var.iap.programmatic_clients)
    }
  }
}
