# A domain in, signed-in people at a Cloud Run service out: HTTPS load balancer, certificate, Identity-Aware Proxy.

resource "google_compute_region_network_endpoint_group" "this" {
  name                  = var.name
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = var.service
  }
}

resource "google_compute_backend_service" "this" {
  name                  = var.name
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"

  backend {
    group = google_compute_region_network_endpoint_group.this.id
  }
  iap {
    enabled = true
  }
  log_config {
    enable      = true
    sample_rate = 1
  }
}

# Google's own client is shut to programs; those of a desktop client of yours are let in by its id
# (cloud.google.com/iap/docs/authentication-howto). A service account needs none: it signs for itself.
resource "google_iap_settings" "programs" {
  count = length(var.programmatic_clients) == 0 ? 0 : 1

  name = "projects/${var.project_number}/iap_web/compute/services/${google_compute_backend_service.this.generated_id}"

  access_settings {
    oauth_settings {
      programmatic_clients = sort(var.programmatic_clients)
    }
  }
}

resource "google_iap_web_backend_service_iam_member" "this" {
  for_each = var.members

  web_backend_service = google_compute_backend_service.this.name
  role                = "roles/iap.httpsResourceAccessor"
  member              = each.key
}

resource "google_compute_global_address" "this" {
  name = var.name
}

resource "google_compute_managed_ssl_certificate" "this" {
  # The name follows the domain: a certificate in use cannot be replaced under its own name.
  name = "${var.name}-${substr(sha256(var.domain), 0, 8)}"

  managed {
    domains = [var.domain]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_ssl_policy" "this" {
  name            = var.name
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_url_map" "this" {
  name            = var.name
  default_service = google_compute_backend_service.this.id
}

resource "google_compute_target_https_proxy" "this" {
  name             = var.name
  url_map          = google_compute_url_map.this.id
  ssl_certificates = [google_compute_managed_ssl_certificate.this.id]
  ssl_policy       = google_compute_ssl_policy.this.id
}

resource "google_compute_global_forwarding_rule" "this" {
  name                  = var.name
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.this.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.this.id
}
