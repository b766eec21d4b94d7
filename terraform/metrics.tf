# Numbers from the one line that every step logs per unit of work (shared/logs.py).

locals {
  # A step that found a task as it was tells of no transition.
  transitions = join(" AND ", concat(
    ["jsonPayload.state_to:*", "NOT jsonPayload.outcome=\"duplicate\""],
    [for s in local.manifest.states : "NOT (jsonPayload.state_from=\"${s}\" AND jsonPayload.state_to=\"${s}\")"],
  ))
  classified = "jsonPayload.function=\"classify\" AND jsonPayload.outcome=\"classified\""
  swept      = "jsonPayload.function=\"sweep\" AND jsonPayload.outcome=\"swept\""

  # As PromQL names them, and what they are read of.
  series = { for name in keys(local.metrics) : name => "logging_googleapis_com:user_switchyard_${name}" }
  runs   = "monitored_resource=\"cloud_run_revision\""
  subs   = "monitored_resource=\"pubsub_subscription\""

  # `value` makes a distribution of that field, in `unit`; without it lines are counted. Labels are fields of the line,
  # or of `part` of a request that the platform logged.
  metrics = {
    latency = {
      description = "Time of one unit of work, by stage and intent."
      filter      = "jsonPayload.execution_time_ms>=0"
      value       = "execution_time_ms", unit = "ms"
      labels      = ["function", "intent", "outcome"]
    }
    model_latency = {
      description = "Time of the model call."
      filter      = local.classified
      value       = "latency_ms", unit = "ms"
      labels      = ["model"]
    }
    tokens = {
      description = "Tokens of the one model call, by intent and source."
      filter      = local.classified
      value       = "tokens_used", unit = "1"
      labels      = ["intent", "source"]
    }
    states = {
      description = "States entered."
      filter      = local.transitions
      value       = null, unit = "1"
      labels      = ["state_to", "intent"]
    }
    parked = {
      description = "Dead letters and unreadable messages, kept in collection dead_letters."
      filter      = "jsonPayload.outcome=\"parked\""
      value       = null, unit = "1"
      labels      = ["function", "error_code"]
    }
    model_weather = {
      description = "What an instance found of the model: too much or down, open again, the day's tokens spent, the local classifier in its place."
      filter      = "jsonPayload.function=\"classify\" AND jsonPayload.outcome=(\"model_shut\" OR \"model_open\" OR \"spend_cap_reached\" OR \"in_place\")"
      value       = null, unit = "1"
      labels      = ["outcome", "error_code"]
    }
    breakers = {
      description = "Intents that wait for people because too many of their decisions were wrong."
      filter      = "jsonPayload.outcome=\"breaker_opened\""
      value       = null, unit = "1"
      labels      = ["intent", "error_code"]
    }
    drift = {
      description = "Looks at which what comes in was not like what the certificate was made from."
      filter      = "jsonPayload.function=\"sweep\" AND jsonPayload.outcome=\"drift\""
      value       = null, unit = "1"
      labels      = ["model"]
    }
    outbox_left = {
      description = "Messages that could not be published at once; the sweep owes them."
      filter      = "jsonPayload.outcome=\"outbox_left\""
      value       = null, unit = "1"
      labels      = ["topic"]
    }
    errors = {
      description = "Lines that only an operator can do something about."
      # The platform's own line of a request is an ERROR for any 5xx, and a 503 only asks for another delivery.
      filter = "severity>=ERROR AND NOT log_id(\"run.googleapis.com/requests\") AND NOT jsonPayload.outcome=\"parked\""
      value  = null, unit = "1"
      labels = ["function", "error_code"]
    }
    sweeps = {
      description = "Sweeps that have ended."
      filter      = local.swept
      value       = null, unit = "1"
      labels      = []
    }
    notifications = {
      description = "Looks for what people have to hear of."
      filter      = "jsonPayload.function=\"notify\" AND jsonPayload.outcome=(\"notified\" OR \"no_webhook\")"
      value       = null, unit = "1"
      labels      = []
    }
    not_told = {
      description = "Messages that a chat did not take; everything in them is sent again a minute later."
      filter      = "jsonPayload.function=\"notify\" AND jsonPayload.outcome=\"not_told\""
      value       = null, unit = "1"
      labels      = ["operation", "error_code"]
    }
    refused = {
      description = "Events that intake could not accept. A stranger can ask for a source that has no secret: that does not count."
      filter      = "jsonPayload.function=\"intake\" AND jsonPayload.outcome=\"retry\" AND NOT jsonPayload.error_code=(\"secret_missing\" OR \"audience_missing\")"
      value       = null, unit = "1"
      labels      = ["error_code"]
    }
    turned_away = {
      description = "Events that Cloud Run refused in intake's place, or lost with an instance: its own count of requests has only those that reached one."
      # A 503 is intake's own, and counted where it is refused, unless the platform says why in words.
      filter = "log_id(\"run.googleapis.com/requests\") AND resource.labels.service_name=\"intake\" AND (httpRequest.status=(403 OR 429 OR 500 OR 502 OR 504) OR (httpRequest.status=503 AND textPayload:*))"
      value  = null, unit = "1"
      labels = ["status"], part = "httpRequest"
    }
    ignored = {
      description = "Events that ask nothing of anybody, by source and reason. Only their lines name the kind of the event."
      filter      = "jsonPayload.function=(\"intake\" OR \"intake-events\") AND jsonPayload.kind:*"
      value       = null, unit = "1"
      labels      = ["source", "outcome"]
    }
    overdue = {
      description = "How late the sweep found the task, or the outbox, that had waited longest."
      filter      = local.swept
      value       = "overdue_s", unit = "s"
      labels      = []
    }
    approvals_waiting = {
      description = "Approvals nobody has decided, counted up to 200."
      filter      = local.swept
      value       = "approvals_waiting", unit = "1"
      labels      = []
    }
    approval_age = {
      description = "How long the oldest of them has waited."
      filter      = local.swept
      value       = "oldest_approval_s", unit = "s"
      labels      = []
    }
  }
}

resource "google_logging_metric" "this" {
  for_each = local.metrics

  name        = "switchyard/${each.key}"
  description = each.value.description
  filter      = "resource.type=\"cloud_run_revision\" AND ${each.value.filter}"

  value_extractor  = each.value.value == null ? null : "EXTRACT(jsonPayload.${each.value.value})"
  label_extractors = { for field in each.value.labels : field => "EXTRACT(${try(each.value.part, "jsonPayload")}.${field})" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = each.value.value == null ? "INT64" : "DISTRIBUTION"
    unit        = each.value.unit

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key = labels.value
      }
    }
  }

  # Buckets a tenth apart, from 1 to four million: milliseconds, tokens and seconds alike.
  dynamic "bucket_options" {
    for_each = each.value.value[*]
    content {
      exponential_buckets {
        scale              = 1
        growth_factor      = 1.1
        num_finite_buckets = 160
      }
    }
  }

  depends_on = [time_sleep.apis]
}
