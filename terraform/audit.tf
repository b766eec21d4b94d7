# Who read and wrote what, as Google's services log it themselves. What the functions do is in their own lines: they are
# left out, or every task would be logged a dozen times.

locals {
  # Service and kinds of access. Firestore is switched on under its old name (cloud.google.com/firestore/docs/audit-logging),
  # and the proxy logs whom it lets in as ADMIN_READ or DATA_READ (cloud.google.com/iap/docs/audit-log-howto).
  audited = {
    database = { service = "datastore.googleapis.com", types = ["DATA_READ", "DATA_WRITE"], exempt = true }
    secrets  = { service = "secretmanager.googleapis.com", types = ["DATA_READ"], exempt = false }
    sign_in  = { service = "iap.googleapis.com", types = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"], exempt = false }
  }

  accounts = [for stage in merge(module.executor, module.stage, module.intake, module.service) : stage.account]
}

# For these services this is all there is: what was set otherwise goes.
resource "google_project_iam_audit_config" "this" {
  for_each = { for name, audited in local.audited : name => audited if contains(var.audit_logs, name) }

  project = var.project_id
  service = each.value.service

  dynamic "audit_log_config" {
    for_each = each.value.types
    content {
      log_type         = audit_log_config.value
      exempted_members = each.value.exempt ? local.accounts : []
    }
  }
}
