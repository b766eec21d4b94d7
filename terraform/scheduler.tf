# Every minute: the guarantee that what crashes and lost messages leave behind is found, and what people are told of.
resource "google_cloud_scheduler_job" "this" {
  for_each = { for name, f in local.stages : name => f if f.trigger == "schedule" }

  name             = "${local.prefix}${each.key}"
  description      = "Calls ${each.key} every minute."
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "${each.value.timeout_s}s"

  # The next minute is the retry.
  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = module.stage[each.key].url
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode("{}")

    oidc_token {
      service_account_email = module.stage[each.key].caller_email
      audience              = module.stage[each.key].url
    }
  }
}

moved {
  from = google_cloud_scheduler_job.sweep
  to   = google_cloud_scheduler_job.this["sweep"]
}
