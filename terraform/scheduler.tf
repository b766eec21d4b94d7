# The guarantee: what crashes and lost messages leave behind is found within a minute.
resource "google_cloud_scheduler_job" "sweep" {
  name             = "sweep"
  description      = "Publishes what is owed, ends what is over."
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "${local.functions["sweep"].timeout_s}s"

  # The next minute is the retry.
  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = module.stage["sweep"].url
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode("{}")

    oidc_token {
      service_account_email = module.stage["sweep"].caller_email
      audience              = module.stage["sweep"].url
    }
  }
}
