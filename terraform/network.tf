# One address for all that leaves: Direct VPC egress, Cloud NAT and a reserved address. Whoever calls nobody outside goes
# without: Google's own services are reached the short way, not through the gateway.

locals {
  # The executors' providers, the users APIs and the model, and the chats.
  calls_out = setunion(keys(local.executors), ["classify", "notify"])

  # Four addresses for an instance (cloud.google.com/run/docs/configuring/networking-best-practices), taken in blocks of
  # sixteen (.../vpc-direct-vpc); four of a range are Google's own.
  addresses_needed = 4 + 16 * sum([for name in local.calls_out : ceil(local.functions[name].instances / 4)])

  network = var.egress == null ? null : {
    network    = google_compute_network.egress[0].id
    subnetwork = google_compute_subnetwork.egress[0].id
  }
}

resource "google_compute_network" "egress" {
  count = var.egress == null ? 0 : 1

  name                    = "${local.prefix}switchyard"
  auto_create_subnetworks = false # nothing else is in it

  depends_on = [time_sleep.apis]
}

resource "google_compute_subnetwork" "egress" {
  # checkov:skip=CKV_GCP_26: nobody comes in, and flow logs name no service (cloud.google.com/run/docs/configuring/vpc-direct-vpc)
  # checkov:skip=CKV_GCP_76: IPv4 alone
  count = var.egress == null ? 0 : 1

  name                     = "${local.prefix}switchyard"
  network                  = google_compute_network.egress[0].id
  region                   = var.region
  ip_cidr_range            = var.egress.range
  private_ip_google_access = true
}

resource "google_compute_address" "egress" {
  count = var.egress == null ? 0 : 1

  name   = "${local.prefix}switchyard-egress"
  region = var.region

  # Providers have it on their lists: another one would be refused.
  deletion_policy = var.protect_data ? "PREVENT" : "DELETE"

  depends_on = [time_sleep.apis]
}

resource "google_compute_router" "egress" {
  count = var.egress == null ? 0 : 1

  name    = "${local.prefix}switchyard"
  network = google_compute_network.egress[0].id
  region  = var.region
}

resource "google_compute_router_nat" "egress" {
  count = var.egress == null ? 0 : 1

  name                               = "${local.prefix}switchyard"
  router                             = google_compute_router.egress[0].name
  region                             = var.region
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = [google_compute_address.egress[0].id]
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"

  subnetwork {
    name                    = google_compute_subnetwork.egress[0].id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }
  log_config {
    enable = true
    filter = "ERRORS_ONLY" # a connection that found no port
  }
}
