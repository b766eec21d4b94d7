output "name" {
  description = "The function's name, which is its Cloud Run service's too."
  value       = google_cloudfunctions2_function.this.name
}

output "url" {
  description = "Where it listens."
  value       = google_cloudfunctions2_function.this.service_config[0].uri
}

output "account" {
  description = "IAM member it runs as."
  value       = module.account.member
}

output "caller_email" {
  description = "Address of the identity that may call it."
  value       = google_service_account.caller.email
}

output "environment" {
  description = "Names of its environment variables, secrets included."
  value       = concat(keys(var.environment), keys(var.secrets))
}
