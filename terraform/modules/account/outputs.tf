output "id" {
  description = "The account's full resource name."
  value       = google_service_account.this.id
}

output "email" {
  description = "Its address."
  value       = google_service_account.this.email
}

output "member" {
  description = "The IAM member that it is."
  value       = google_service_account.this.member
}

output "publishes" {
  description = "Topics that it may publish to."
  value       = keys(google_pubsub_topic_iam_member.publisher)
}
