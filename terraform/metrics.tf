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
  series = { for name in keys(local.metrics) : name => "logging_googleapis_com:user_switchyard${local.suffix}_${name}" }
  ours   = var.prefix == null ? "" : "resource.labels.service_name=~\"^${local.prefix}\" AND "
  runs   = "monitored_resource=\"cloud_run_revision\""
  subs   = "monitored_resource=\"pubsub_subscription\""

  # What each is called, in what unit, and of which field: shared/metrics.py, for the ops page calls it the same. Labels
  # are fields of the line, or of `part` of a request that the platform logged.
  measured = {
    latency = {
      filter = "jsonPayload.execution_time_ms>=0"
      labels = ["function", "intent", "outcome"]
    }
    model_latency = {
      filter = local.classified
      labels = ["model"]
    }
    tokens = {
      filter = local.classified
      labels = ["intent", "source"]
    }
    states = {
      filter = local.transitions
      labels = ["state_to", "intent"]
    }
    parked = {
      filter = "jsonPayload.outcome=\"parked\""
      labels = ["function", "error_code"]
    }
    model_weather = {
      filter = "jsonPayload.function=\"classify\" AND jsonPayload.outcome=(\"model_shut\" OR \"model_open\" OR \"spend_cap_reached\" OR \"in_place\")"
      labels = ["outcome", "error_code"]
    }
    breakers = {
      filter = "jsonPayload.outcome=\"breaker_opened\""
      labels = ["intent", "error_code"]
    }
    drift = {
      filter = "jsonPayload.function=\"sweep\" AND jsonPayload.outcome=\"drift\""
      labels = ["model"]
    }
    outbox_left = {
      filter = "jsonPayload.outcome=\"outbox_left\""
      labels = ["topic"]
    }
    errors = {
      # The platform's own line of a request is an ERROR for any 5xx, and a 503 only asks for another delivery.
      filter = "severity>=ERROR AND NOT log_id(\"run.googleapis.com/requests\") AND NOT jsonPayload.outcome=\"parked\""
      labels = ["function", "error_code"]
    }
    sweeps = {
      filter = local.swept
      labels = []
    }
    notifications = {
      filter = "jsonPayload.function=\"notify\" AND jsonPayload.outcome=(\"notified\" OR \"no_webhook\")"
      labels = []
    }
    not_told = {
      filter = "jsonPayload.function=\"notify\" AND jsonPayload.outcome=\"not_told\""
      labels = ["operation", "error_code"]
    }
    refused = {
      filter = "jsonPayload.function=\"intake\" AND jsonPayload.outcome=\"retry\" AND NOT jsonPayload.error_code=(\"secret_missing\" OR \"audience_missing\")"
      labels = ["error_code"]
    }
    turned_away = {
      # A 503 is intake's own, and counted where it is refused, unless the platform says why in words.
      filter = "log_id(\"run.googleapis.com/requests\") AND resource.labels.service_name=\"${local.prefix}intake\" AND (httpRequest.status=(403 OR 429 OR 500 OR 502 OR 504) OR (httpRequest.status=503 AND textPayload:*))"
      labels = ["status"], part = "httpRequest"
    }
    ignored = {
      filter = "jsonPayload.function=(\"intake\" OR \"intake-events\") AND jsonPayload.kind:*"
      labels = ["source", "outcome"]
    }
    overdue = {
      filter = local.swept
      labels = []
    }
    approvals_waiting = {
      filter = local.swept
      labels = []
    }
    approval_age = {
      filter = local.swept
      labels = []
    }
  }

  # `value` makes a distribution of that field; without it lines are counted.
  metrics = {
    for name, m in local.measured : name => merge(m, {
      description = local.manifest.metrics[name].description
      value       = local.manifest.metrics[name].field == "" ? null : local.manifest.metrics[name].field
      unit        = local.manifest.metrics[name].unit
    })
  }
}

resource "google_logging_metric" "this" {
  for_each = local.metrics

  name        = "switchyard${local.suffix}/${each.key}" # as shared/metrics.py says
  description = each.value.description
  filter      = "resource.type=\"cloud_run_revision\" AND ${local.ours}${each.value.filter}"

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
