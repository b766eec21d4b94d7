# Plans that would be made, and should not be: refused where nothing good can come of them, else a warning.

# The state remembers whose it is. Another environment's variables on it would plan, quietly, to move everything there.
locals {
  whose = join("/", compact([var.project_id, var.prefix]))
}

resource "terraform_data" "environment" {
  input = local.whose

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.input == local.whose
      error_message = "This state is of the project ${self.input}, the variables are of ${local.whose}: initialise with the other bucket, or give the other file."
    }
  }
}

check "deployments_are_tested" {
  assert {
    condition     = contains(var.sources, "canary")
    error_message = "sources has no canary: intake refuses the smoke test of a deployment, which then counts as failed and is rolled back. Add it, and the secret CANARY_WEBHOOK_SECRET."
  }
}

check "a_new_console_is_looked_at" {
  assert {
    condition     = !var.protect_data || var.console == null || try(var.console.canary, null) != null
    error_message = "console.canary names no account: a new revision of the console goes to people as soon as it starts, before anything has asked it."
  }
}

check "a_restored_database_is_no_home" {
  assert {
    condition     = var.database == null || !var.protect_data
    error_message = "database is ${coalesce(var.database, "(default)")}: backups, point-in-time recovery and deletion by age are of the database that is made here. Bring the data home when it is calm (README.md, Restoring)."
  }
}

check "messages_rest_where_they_are_read" {
  assert {
    condition     = var.storage_regions == null ? true : contains(var.storage_regions, var.region)
    error_message = "storage_regions leaves out ${var.region}, where the functions are: every message travels there and back."
  }
}

check "somebody_is_told" {
  assert {
    condition     = !var.protect_data || length(var.alert_emails) + length(var.alert_channels) > 0
    error_message = "alert_emails and alert_channels are empty: there are no alerts, though protect_data says that the data matters."
  }
}
