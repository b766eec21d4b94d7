output "intake_url" {
  description = "Where sources send webhooks, and the audience of ID tokens for POST /."
  value       = local.url_of["intake"]
}

output "console_url" {
  description = "Where people decide; null without `console`."
  value       = var.console == null ? null : local.url_of["console"]
}

output "console_canary" {
  description = "The service account as which a deployment looks at a new revision of the console; null: nobody does."
  value       = try(var.console.canary, null)
}

output "egress_address" {
  description = "The address from which providers are called; null without `egress`."
  value       = one(google_compute_address.egress[*].address)
}

output "chat_url" {
  description = "Where a chat calls: /slack and /google-chat below it; null without `chat_approvals`."
  value       = var.chat_approvals == null ? null : local.url_of["chat"]
}

output "topics" {
  description = "Topics by name: `events` takes tasks, `results` tells how they ended."
  value       = { for name, topic in google_pubsub_topic.this : name => topic.id }
}

output "bundles" {
  description = "Bundles that are deployed, by function: keep it, and give it as `bundles` to roll back. Services roll back by revision."
  value       = local.bundle_hashes
}

output "secrets" {
  description = "Secrets that must exist with at least one version."
  value       = sort([for name in keys(data.google_secret_manager_secret_version.this) : "${local.secret_prefix}${name}"])
}

output "dashboard" {
  description = "The dashboard's resource name."
  value       = google_monitoring_dashboard.this.id
}
