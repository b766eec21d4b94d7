output "name" {
  description = "The service's name."
  value       = google_cloud_run_v2_service.this.name
}

output "url" {
  description = "Where it listens."
  value       = google_cloud_run_v2_service.this.uri
}

output "account" {
  description = "IAM member it runs as."
  value       = module.account.member
}
