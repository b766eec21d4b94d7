# Plans that would be made, and should not be: refused where nothing good can come of them, else a warning.

# The state remembers whose it is. Another environment's variables on it would plan, quietly, to move everything there.
resource "terraform_data" "environment" {
  input = var.project_id

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.input == var.project_id
      error_message = "This state is of the project ${self.input}, the variables are of ${var.project_id}: initialise with the other bucket, or give the other file."
    }
  }
}

check "deployments_are_tested" {
  assert {
    condition     = contains(var.sources, "canary")
    error_message = "sources has no canary: intake refuses the smoke test of a deployment, which then counts as failed and is rolled back. Add it, and the secret CANARY_WEBHOOK_SECRET."
  }
}

check "somebody_is_told" {
  assert {
    condition     = !var.protect_data || length(var.alert_emails) + length(var.alert_channels) > 0
    error_message = "alert_emails and alert_channels are empty: there are no alerts, though protect_data says that the data matters."
  }
}
