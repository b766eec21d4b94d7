# Identity-Aware Proxy needs a load balancer in front of a function: only a Cloud Run service could have it directly,
# and Terraform builds no such service from source (provider issue 22263).
module "iap" {
  source = "./modules/iap"
  count  = var.console == null ? 0 : 1

  name           = "console"
  service        = "console" # by name: the function needs the audience, which exists before it
  region         = var.region
  project_number = local.project_number
  domain         = var.console.domain
  members        = var.console.members

  programmatic_clients = var.console.programmatic_clients

  depends_on = [time_sleep.apis]
}

moved {
  from = google_cloud_run_v2_service_iam_member.iap_calls_console[0]
  to   = module.stage["console"].google_cloud_run_v2_service_iam_member.caller[0]
}
