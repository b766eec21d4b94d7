# Whom one function or service runs as, and all that this identity may do.

resource "google_service_account" "this" {
  account_id   = var.function.account
  display_name = "${var.function.name}: runs"
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each = var.secrets

  secret_id = "${var.platform.secret_prefix}${each.key}"
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

# On the project, because Firestore has no IAM of its own; narrowed to its database and to what steps do there.
resource "google_project_iam_member" "documents" {
  count = var.function.stores ? 1 : 0

  project = var.platform.project_id
  role    = var.platform.database_role
  member  = google_service_account.this.member

  condition {
    title      = "its database"
    expression = "resource.name == \"${var.platform.database}\""
  }
}

# On the project, because traces have no other owner; it may add spans and read none.
resource "google_project_iam_member" "traces" {
  count = var.platform.traces ? 1 : 0

  project = var.platform.project_id
  role    = "roles/cloudtrace.agent"
  member  = google_service_account.this.member
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = toset(var.function.publishes)

  topic  = var.platform.topics[each.key]
  role   = "roles/pubsub.publisher"
  member = google_service_account.this.member
}
