resource "google_firestore_database" "this" {
  name                              = local.database_made
  location_id                       = coalesce(var.firestore_location, var.region)
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "OPTIMISTIC"
  point_in_time_recovery_enablement = var.protect_data ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = var.protect_data ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.protect_data ? "PREVENT" : "DELETE"

  dynamic "cmek_config" {
    for_each = local.database_key[*]
    content {
      kms_key_name = cmek_config.value
    }
  }

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

resource "google_firestore_backup_schedule" "daily" {
  count = var.protect_data ? 1 : 0

  database  = google_firestore_database.this.name
  retention = "1209600s" # 14 days
  daily_recurrence {}
}

# The queries that more than one field decides; fields alone are indexed by Firestore, and it merges indexes of the same
# order where several fields have to be equal.
resource "google_firestore_index" "this" {
  for_each = {
    tasks_by_state            = { collection = "tasks", equal = ["state"], order = "created_at", direction = "DESCENDING" }
    tasks_by_intent           = { collection = "tasks", equal = ["intent"], order = "created_at", direction = "DESCENDING" }
    tasks_by_source           = { collection = "tasks", equal = ["source"], order = "created_at", direction = "DESCENDING" }
    tasks_by_state_oldest     = { collection = "tasks", equal = ["state"], order = "created_at", direction = "ASCENDING" }
    tasks_by_intent_oldest    = { collection = "tasks", equal = ["intent"], order = "created_at", direction = "ASCENDING" }
    tasks_by_source_oldest    = { collection = "tasks", equal = ["source"], order = "created_at", direction = "ASCENDING" }
    tasks_by_urgency          = { collection = "tasks", equal = ["state", "priority"], order = "created_at", direction = "ASCENDING" }
    tasks_by_amount           = { collection = "tasks", equal = ["state"], order = "amount", direction = "DESCENDING" }
    tasks_by_key              = { collection = "tasks", equal = ["keys"], order = "created_at", direction = "DESCENDING" }
    tasks_by_key_oldest       = { collection = "tasks", equal = ["keys"], order = "created_at", direction = "ASCENDING" }
    letters_open              = { collection = "dead_letters", equal = ["redriven_at"], order = "created_at", direction = "DESCENDING" }
    tasks_by_state_and_change = { collection = "tasks", equal = ["state"], order = "updated_at", direction = "DESCENDING" }
    tasks_by_state_and_intent = { collection = "tasks", equal = ["state", "intent"], order = "created_at", direction = "DESCENDING" }
    tasks_by_requester        = { collection = "tasks", equal = ["requester.key"], order = "created_at", direction = "DESCENDING" }
    tasks_by_assignee         = { collection = "tasks", equal = ["assignee"], order = "created_at", direction = "DESCENDING" }
    tasks_by_assignee_oldest  = { collection = "tasks", equal = ["assignee"], order = "created_at", direction = "ASCENDING" }
    tasks_by_decider          = { collection = "tasks", equal = ["approval.by"], order = "created_at", direction = "DESCENDING" }
    tasks_by_decider_oldest   = { collection = "tasks", equal = ["approval.by"], order = "created_at", direction = "ASCENDING" }
    tasks_that_ran_alone      = { collection = "tasks", equal = ["intent", "state", "approval"], order = "updated_at", direction = "DESCENDING" }
    labels_by_right           = { collection = "labels", equal = ["right"], order = "at", direction = "DESCENDING" }
    labels_of_intent_by_right = { collection = "labels", equal = ["said", "right"], order = "at", direction = "DESCENDING" }
    labels_of_intent_by_draw  = { collection = "labels", equal = ["said", "drawn"], order = "at", direction = "DESCENDING" }
    audits_open               = { collection = "audits", equal = ["open"], order = "drawn_at", direction = "ASCENDING" }
    approvals_waiting         = { collection = "approvals", equal = ["outcome"], order = "requested_at", direction = "ASCENDING" }
    shadows_by_candidate      = { collection = "shadows", equal = ["candidate"], order = "at", direction = "DESCENDING" }
    approvals_decided         = { collection = "approvals", equal = ["outcome"], order = "status", direction = "ASCENDING" }
  }

  database   = google_firestore_database.this.name
  collection = each.value.collection

  dynamic "fields" {
    for_each = each.value.equal
    content {
      field_path   = fields.value
      order        = fields.value == "keys" ? null : "ASCENDING"
      array_config = fields.value == "keys" ? "CONTAINS" : null # a list, one of which has to be equal
    }
  }
  fields {
    field_path = each.value.order
    order      = each.value.direction
  }
}

# What people find a task by is counted by one key, without an order.
resource "google_firestore_field" "keys" {
  database   = google_firestore_database.this.name
  collection = "tasks"
  field      = "keys"
  index_config {
    indexes {
      array_config = "CONTAINS"
    }
  }
}

# Documents past `expire_at` are deleted; those where it is null are open. Not tasks: of an ended one the sweep leaves a
# tombstone. Times that only grow make a hot spot of an index that nobody reads.
resource "google_firestore_field" "expiry" {
  for_each = toset(["answers", "approvals", "cards", "dead_letters", "effects", "ignored", "shadows", "usage"])

  database   = google_firestore_database.this.name
  collection = each.key
  field      = "expire_at"
  ttl_config {}
  index_config {}
}

# Never searched for, and up to 256 KiB or dozens of entries long.
resource "google_firestore_field" "unindexed" {
  for_each = {
    "approvals.approved_by" = { collection = "approvals", field = "approved_by" }
    "approvals.parameters"  = { collection = "approvals", field = "parameters" }
    "approvals.plan"        = { collection = "approvals", field = "plan" }
    "approvals.reasons"     = { collection = "approvals", field = "reasons" }
    "approvals.refusals"    = { collection = "approvals", field = "refusals" }
    "dead_letters.data"     = { collection = "dead_letters", field = "data" }
    "effects.wishes"        = { collection = "effects", field = "wishes" }
    "ignored.counts"        = { collection = "ignored", field = "counts" }
    "ignored.messages"      = { collection = "ignored", field = "messages" }
    "labels.text"           = { collection = "labels", field = "text" }
    "notifications.told"    = { collection = "notifications", field = "told" }
    "promotions.report"     = { collection = "promotions", field = "report" }
    "router.report"         = { collection = "router", field = "report" }
    "routers.content"       = { collection = "routers", field = "content" }
    "tasks.classification"  = { collection = "tasks", field = "classification" }
    "tasks.decision"        = { collection = "tasks", field = "decision" }
    "tasks.followups"       = { collection = "tasks", field = "followups" }
    "tasks.history"         = { collection = "tasks", field = "history" }
    "tasks.looking"         = { collection = "tasks", field = "looking" }
    "tasks.metadata"        = { collection = "tasks", field = "metadata" }
    "tasks.notes"           = { collection = "tasks", field = "notes" }
    "tasks.parameters"      = { collection = "tasks", field = "parameters" }
    "tasks.payload"         = { collection = "tasks", field = "payload" }
    "tasks.result"          = { collection = "tasks", field = "result" }
    "tasks.review"          = { collection = "tasks", field = "review" }
    "tasks.ticket"          = { collection = "tasks", field = "ticket" }
    "tasks.tombstone"       = { collection = "tasks", field = "tombstone" }
  }

  database   = google_firestore_database.this.name
  collection = each.value.collection
  field      = each.value.field
  index_config {}
}

# Only service accounts and people with an IAM role get in; no mobile or web client ever does.
resource "google_firebaserules_ruleset" "deny_all" {
  source {
    files {
      name    = "firestore.rules"
      content = file("${path.module}/firestore.rules")
    }
  }

  depends_on = [google_firestore_database.this]
}

resource "google_firebaserules_release" "deny_all" {
  name         = var.prefix == null ? "cloud.firestore" : "cloud.firestore/${var.prefix}"
  ruleset_name = "projects/${var.project_id}/rulesets/${google_firebaserules_ruleset.deny_all.name}"

  lifecycle {
    replace_triggered_by = [google_firebaserules_ruleset.deny_all]
  }
}

# A restored database comes with its documents and indexes, and without rules.
resource "google_firebaserules_release" "restored" {
  count = var.database == null ? 0 : 1

  name         = "cloud.firestore/${var.database}"
  ruleset_name = "projects/${var.project_id}/rulesets/${google_firebaserules_ruleset.deny_all.name}"

  lifecycle {
    replace_triggered_by = [google_firebaserules_ruleset.deny_all]
  }
}

# Everything the steps do to documents. None may delete one: expiry does, and what is erased leaves an empty document.
resource "google_project_iam_custom_role" "documents" {
  role_id = "switchyardDocuments${local.suffix}"
  title   = "Switchyard: read and write documents"
  permissions = [
    "datastore.databases.get",
    "datastore.entities.create",
    "datastore.entities.get",
    "datastore.entities.list",
    "datastore.entities.update",
  ]

  depends_on = [time_sleep.apis]
}
