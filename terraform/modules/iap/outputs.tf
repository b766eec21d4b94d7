output "audience" {
  description = "Audience of the assertions that the proxy signs."
  value       = "/projects/${var.project_number}/global/backendServices/${google_compute_backend_service.this.generated_id}"
}

output "address" {
  description = "IP address for the domain's A record."
  value       = google_compute_global_address.this.address
}
