resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [time_sleep.apis]
}

locals {
  channels = concat([for c in google_monitoring_notification_channel.email : c.id], tolist(var.alert_channels))

  logged = { for name in keys(local.metrics) : name => "metric.type=\"logging.googleapis.com/user/switchyard/${name}\" AND resource.type=\"cloud_run_revision\"" }

  # Each says what it means and what to do: whoever reads it was asleep a minute ago.
  alerts = {
    dead_letters = {
      title     = "A message was given up"
      severity  = "ERROR"
      filter    = local.logged["parked"]
      aligner   = "ALIGN_SUM", above = 0, for_s = 0
      what_next = "A message failed too often, or could not be read. Its bytes are in the collection dead_letters, with the reason; its task, if it has one, waits for a person or has ended. Redrive the task in the console, never the message."
    }
    unknown = {
      title     = "Nobody knows whether an effect happened"
      severity  = "ERROR"
      filter    = "${local.logged["states"]} AND metric.labels.state_to=\"UNKNOWN\""
      aligner   = "ALIGN_SUM", above = 0, for_s = 0
      what_next = "The provider's answer was lost and the effect must not be repeated blindly. Look it up at the provider by the task's effect key, then settle the task in the console: applied or not_applied."
    }
    failed = {
      title     = "Many tasks fail"
      severity  = "WARNING"
      filter    = "${local.logged["states"]} AND metric.labels.state_to=\"FAILED\""
      aligner   = "ALIGN_SUM", above = 20, for_s = 0
      what_next = "More than 20 tasks of one intent ended FAILED within five minutes. The list by state and intent shows their error; `switches/<intent>` with enabled: false stops the intent while you look."
    }
    breaker = {
      title     = "An intent was stopped: too much went wrong"
      severity  = "ERROR"
      filter    = local.logged["breakers"]
      aligner   = "ALIGN_SUM", above = 0, for_s = 0
      what_next = "Its tasks wait for people. The console's page Health says how many decisions were wrong; the labels and the failed tasks of the intent say which. Mend the cause, then arm the breaker again there with a reason."
    }
    drift = {
      title     = "Other tickets come in than were certified"
      severity  = "WARNING"
      filter    = local.logged["drift"]
      aligner   = "ALIGN_SUM", above = 0, for_s = 0
      what_next = "The share of tickets that reach their threshold is not what it was when the certificate was made. Look at what is new, and make the certificate anew; until then watch the audits."
    }
    errors = {
      title     = "A step says that an operator is needed"
      severity  = "ERROR"
      filter    = local.logged["errors"]
      aligner   = "ALIGN_SUM", above = 0, for_s = 0
      what_next = "A setting, a role, an index or a document is wrong: the log line with severity ERROR names it."
    }
    overdue = {
      title     = "The sweep is behind"
      severity  = "ERROR"
      filter    = local.logged["overdue"]
      aligner   = "ALIGN_PERCENTILE_99", above = 300, for_s = 300
      what_next = "Something owed has waited for more than five minutes beyond its time. Usually Pub/Sub or Firestore is in trouble; see the sweep's log and its timeouts."
    }
    outbox_left = {
      title     = "Messages cannot be published"
      severity  = "WARNING"
      filter    = local.logged["outbox_left"]
      aligner   = "ALIGN_SUM", above = 10, for_s = 0
      what_next = "Nothing is lost: the documents owe the messages and the sweep publishes them. If it lasts, look at Pub/Sub, and for topics that are missing."
    }
    approval_age = {
      title     = "An approval waits too long"
      severity  = "WARNING"
      filter    = local.logged["approval_age"]
      aligner   = "ALIGN_PERCENTILE_99", above = var.approval_alert_s, for_s = 300
      what_next = "Decide it in the console, or in the collection approvals; it expires by itself when its time is over."
    }
    approvals_waiting = {
      title     = "Many approvals wait"
      severity  = "WARNING"
      filter    = local.logged["approvals_waiting"]
      aligner   = "ALIGN_PERCENTILE_99", above = 150, for_s = 900
      what_next = "Either people do not keep up, or the model, or an attacker, sends everything to people: compare the reasons of the newest ones."
    }
    not_told = {
      title     = "A chat cannot be told"
      severity  = "WARNING"
      filter    = local.logged["not_told"]
      aligner   = "ALIGN_SUM", above = 3, for_s = 300
      what_next = "Slack or Google Chat does not take messages, for minutes. Nothing is lost: one message will tell all of it. Until then look at the console. A webhook that was revoked is an ERROR line of `notify` instead."
    }
    letter_stuck = {
      title     = "A dead letter cannot be kept"
      severity  = "CRITICAL"
      filter    = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"dead-letters\""
      aligner   = "ALIGN_MAX", above = 3600, for_s = 300
      what_next = "`deadletter` has refused a message for an hour. Nothing comes after it: Pub/Sub drops the message when it is seven days old. Find out why in the function's log (memory, roles, Firestore); if it cannot be mended in time, pull the message from subscription `dead-letters` with gcloud and keep it."
    }
    backlog = {
      title     = "Messages wait"
      severity  = "WARNING"
      filter    = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.type=\"pubsub_subscription\" AND (${join(" OR ", [for name in keys(local.manifest.subscriptions) : "resource.labels.subscription_id=\"${name}\""])})"
      aligner   = "ALIGN_MAX", above = 900, for_s = 300
      what_next = "A subscription's oldest message is older than 15 minutes. If its function answers 429 or 503, the provider or the model is down and the messages come again by themselves; else see the function's log."
    }
    refused = {
      title     = "Intake cannot accept events"
      severity  = "CRITICAL"
      filter    = local.logged["refused"]
      aligner   = "ALIGN_SUM", above = 0, for_s = 0
      what_next = "Sources were told to come again, and most give up after a while: GitHub at once. The error code says why; publish_failed means that Pub/Sub did not acknowledge within two seconds."
    }
  }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name          = "switchyard: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = "${each.value.for_s}s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = each.value.aligner
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.what_next
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [time_sleep.metrics]
}

locals {
  # What has to end every minute.
  heartbeats = {
    sweep = {
      metric    = "sweeps"
      severity  = "CRITICAL"
      what_next = "Nobody publishes what crashes left behind, nothing expires. See the Scheduler job `sweep` and the log of the function `sweep`."
    }
    notify = {
      metric    = "notifications"
      severity  = "ERROR"
      what_next = "Nobody hears of approvals and failures; they are on the console all the same. See the Scheduler job `notify` and the log of the function `notify`."
    }
  }
}

resource "google_monitoring_alert_policy" "silent" {
  for_each = local.heartbeats

  display_name          = "switchyard: ${each.key} does not run"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = "No ${each.key} has ended for ten minutes"

    condition_absent {
      filter   = local.logged[each.value.metric]
      duration = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.what_next
  }

  depends_on = [time_sleep.metrics]
}

moved {
  from = google_monitoring_alert_policy.sweep_is_silent
  to   = google_monitoring_alert_policy.silent["sweep"]
}
