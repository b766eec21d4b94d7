resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }
  user_labels  = local.labels

  depends_on = [time_sleep.apis]
}

locals {
  channels = concat([for c in google_monitoring_notification_channel.email : c.id], tolist(var.alert_channels))

  # A metric made of log lines may be ten minutes late (cloud.google.com/logging/docs/logs-based-metrics/troubleshooting):
  # a shorter window would miss what happened in it. Lines counted, by the metric's labels; or its highest values.
  window = "15m"
  counted = {
    for name, m in local.metrics :
    name => "sum by (${join(", ", m.labels)}) (increase(${local.series[name]}{${local.runs}}[${local.window}]))" if m.value == null
  }
  highest = {
    for name, m in local.metrics :
    name => "histogram_quantile(0.99, sum by (le) (increase(${local.series[name]}_bucket{${local.runs}}[${local.window}])))" if m.value != null
  }
  entered = { for s in local.manifest.states : s => "sum by (intent) (increase(${local.series["states"]}{${local.runs},state_to=\"${s}\"}[${local.window}]))" }
  oldest  = "pubsub_googleapis_com:subscription_oldest_unacked_message_age"

  # The lanes by name, intents by what their names begin with, and the one that Eventarc makes for `resume`.
  lanes = join("|", concat([for s in sort(setsubtract(keys(local.manifest.subscriptions), values(local.manifest.intents))) : "${local.prefix}${s}"], ["${local.prefix}intent-.+", "eventarc-.+"]))

  # `query` tells of trouble where it holds for `for_s` seconds. Each says what it means and what to do: whoever reads
  # it was asleep a minute ago.
  alerts = merge({
    dead_letters = {
      title     = "A message was given up", severity = "ERROR"
      query     = "${local.counted["parked"]} > 0", for_s = 0
      what_next = "A message failed too often, or could not be read. Its bytes are in the collection dead_letters, with the reason; its task, if it has one, waits for a person or has ended. Redrive the task in the console, never the message."
    }
    unknown = {
      title     = "Nobody knows whether an effect happened", severity = "ERROR"
      query     = "${local.entered["UNKNOWN"]} > 0", for_s = 0
      what_next = "The provider's answer was lost and the effect must not be repeated blindly. Look it up at the provider by the task's effect key, then settle the task in the console: applied or not_applied."
    }
    failed = {
      title     = "Many tasks fail", severity = "WARNING"
      query     = "${local.entered["FAILED"]} > 20", for_s = 0
      what_next = "More than 20 tasks of one intent ended FAILED within a quarter of an hour. The list by state and intent shows their error; `switches/<intent>` with enabled: false stops the intent while you look."
    }
    breaker = {
      title     = "An intent was stopped: too much went wrong", severity = "ERROR"
      query     = "${local.counted["breakers"]} > 0", for_s = 0
      what_next = "Its tasks wait for people. The console's page Health says how many decisions were wrong; the labels and the failed tasks of the intent say which. Mend the cause, then arm the breaker again there with a reason."
    }
    drift = {
      title     = "Other tickets come in than were certified", severity = "WARNING"
      query     = "${local.counted["drift"]} > 0", for_s = 0
      what_next = "The share of tickets that reach their threshold is not what it was when the certificate was made. Look at what is new, and make the certificate anew; until then watch the audits."
    }
    errors = {
      title     = "A step says that an operator is needed", severity = "ERROR"
      query     = "${local.counted["errors"]} > 0", for_s = 0
      what_next = "A setting, a role, an index or a document is wrong, or the model's tokens of the day are spent (spend_cap_reached): the log line with severity ERROR names it."
    }
    overdue = {
      title     = "The sweep is behind", severity = "ERROR"
      query     = "${local.highest["overdue"]} > 300", for_s = 300
      what_next = "Something owed has waited for more than five minutes beyond its time. Usually Pub/Sub or Firestore is in trouble; see the sweep's log and its timeouts."
    }
    outbox_left = {
      title     = "Messages cannot be published", severity = "WARNING"
      query     = "${local.counted["outbox_left"]} > 10", for_s = 0
      what_next = "Nothing is lost: the documents owe the messages and the sweep publishes them. If it lasts, look at Pub/Sub, and for topics that are missing."
    }
    approval_age = {
      title     = "An approval waits too long", severity = "WARNING"
      query     = "${local.highest["approval_age"]} > ${var.approval_alert_s}", for_s = 300
      what_next = "Decide it in the console, or in the collection approvals; it expires by itself when its time is over."
    }
    approvals_waiting = {
      title     = "Many approvals wait", severity = "WARNING"
      query     = "${local.highest["approvals_waiting"]} > 150", for_s = 900
      what_next = "Either people do not keep up, or the model, or an attacker, sends everything to people: compare the reasons of the newest ones."
    }
    not_told = {
      title     = "A chat cannot be told", severity = "WARNING"
      query     = "${local.counted["not_told"]} > 9", for_s = 0
      what_next = "Slack or Google Chat does not take messages, for minutes. Nothing is lost: one message will tell all of it. Until then look at the console. A webhook that was revoked is an ERROR line of `notify` instead."
    }
    letter_stuck = {
      title     = "A dead letter cannot be kept", severity = "CRITICAL"
      query     = "max by (subscription_id) (${local.oldest}{${local.subs},subscription_id=\"${local.prefix}${local.dead_letters}\"}) > 3600", for_s = 300
      what_next = "`deadletter` has refused a message for an hour. Nothing comes after it: Pub/Sub drops the message when it is 31 days old. Find out why in the function's log (memory, roles, Firestore); if it cannot be mended in time, pull the message from subscription `dead-letters` with gcloud and keep it."
    }
    backlog = {
      title     = "Messages wait", severity = "WARNING"
      query     = "max by (subscription_id) (${local.oldest}{${local.subs},subscription_id=~\"${local.lanes}\"}) > 900", for_s = 300
      what_next = "A subscription's oldest message is older than 15 minutes. If its function answers 429 or 503, the provider or the model is down and the messages come again by themselves; else see the function's log. If the subscription is Eventarc's, decisions made in the database are found by the sweep alone, and count for nobody where approvers are named."
    }
    refused = {
      title     = "Intake cannot accept events", severity = "CRITICAL"
      query     = "${local.counted["refused"]} > 0", for_s = 0
      what_next = "Sources were told to come again, and most give up after a while: GitHub at once. The error code says why; publish_failed means that Pub/Sub did not acknowledge within two seconds."
    }
    turned_away = {
      title     = "Events are turned away before intake sees them", severity = "CRITICAL"
      query     = "${local.counted["turned_away"]} > 0", for_s = 0
      what_next = "Cloud Run answered in intake's place, and most sources give up after a while. 403: intake is not public any more; apply again, and look whether a policy of the organisation (run.managed.requireInvokerIam) forbids that. 429: intake is at its limit of instances. 5xx: an instance does not start, crashed or was too slow; see intake's log."
    }
    }, {
    # What has to end every minute. An absence condition never fires for what never ran
    # (cloud.google.com/monitoring/alerts/metric-absence); a sum over nothing, with a zero in its place, does.
    for name, beat in {
      sweep = {
        metric    = "sweeps", severity = "CRITICAL"
        what_next = "Nobody publishes what crashes left behind, nothing expires. See the Scheduler job `sweep` and the log of the function `sweep`."
      }
      notify = {
        metric    = "notifications", severity = "ERROR"
        what_next = "Nobody hears of approvals and failures; they are on the console all the same. See the Scheduler job `notify` and the log of the function `notify`."
      }
      } : "${name}_silent" => {
      title     = "${name} does not run", severity = beat.severity
      query     = "(sum(increase(${local.series[beat.metric]}{${local.runs}}[${local.window}])) or vector(0)) < 1", for_s = 300
      what_next = beat.what_next
    }
  })
}

# None where nobody is told: an alert costs the same.
resource "google_monitoring_alert_policy" "this" {
  for_each = length(var.alert_emails) + length(var.alert_channels) == 0 ? {} : local.alerts

  display_name          = "${local.prefix}switchyard: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = local.labels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "${each.value.for_s}s"
      evaluation_interval = "60s"

      # Monitoring may not have heard of a new metric yet: ten minutes, or until its first line. A threshold on it would
      # be refused; this is for that (monitoring v3, PrometheusQueryLanguageCondition.disableMetricValidation).
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.what_next
  }

  # Nothing is silent before it was to begin.
  depends_on = [google_logging_metric.this, google_cloud_scheduler_job.this]
}

moved {
  from = google_monitoring_alert_policy.sweep_is_silent
  to   = google_monitoring_alert_policy.silent["sweep"]
}

moved {
  from = google_monitoring_alert_policy.silent["sweep"]
  to   = google_monitoring_alert_policy.this["sweep_silent"]
}

moved {
  from = google_monitoring_alert_policy.silent["notify"]
  to   = google_monitoring_alert_policy.this["notify_silent"]
}
