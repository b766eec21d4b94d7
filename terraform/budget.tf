resource "google_billing_budget" "this" {
  count = var.budget == null ? 0 : 1

  billing_account = var.budget.billing_account
  display_name    = "${local.prefix}switchyard ${var.project_id}"

  budget_filter {
    projects = ["projects/${local.project_number}"]
  }
  amount {
    specified_amount {
      currency_code = var.budget.currency
      units         = tostring(var.budget.amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }
  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  # Channels of e-mail only, five at most (billingbudgets v1, NotificationsRule); whoever pays is told in any case.
  dynamic "all_updates_rule" {
    for_each = length(var.alert_emails) == 0 ? [] : [slice(sort(var.alert_emails), 0, min(5, length(var.alert_emails)))]
    content {
      monitoring_notification_channels = [for a in all_updates_rule.value : google_monitoring_notification_channel.email[a].id]
    }
  }

  depends_on = [time_sleep.apis]
}
