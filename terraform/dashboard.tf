locals {
  tokens_per_hour = "sum by (intent, source) (increase(${local.series["tokens"]}_sum{${local.runs}}[1h]))"

  charts = concat(
    [
      { title = "Tasks by state entered, per minute", unit = "1", query = "sum by (state_to) (rate(${local.series["states"]}{${local.runs}}[5m])) * 60" },
      { title = "Intents that ran, per minute", unit = "1", query = "sum by (intent) (rate(${local.series["states"]}{${local.runs},state_to=\"SUCCEEDED\"}[5m])) * 60" },
      { title = "Latency by stage, p95, ms", unit = "ms", query = "histogram_quantile(0.95, sum by (function, le) (rate(${local.series["latency"]}_bucket{${local.runs}}[5m])))" },
      { title = "Latency by intent, p95, ms", unit = "ms", query = "histogram_quantile(0.95, sum by (intent, le) (rate(${local.series["latency"]}_bucket{${local.runs},function=~\"execute-.*\"}[5m])))" },
      { title = "Model call, p50 and p95, ms", unit = "ms", query = "histogram_quantile(0.5, sum by (le) (rate(${local.series["model_latency"]}_bucket{${local.runs}}[5m]))) or label_replace(histogram_quantile(0.95, sum by (le) (rate(${local.series["model_latency"]}_bucket{${local.runs}}[5m]))), \"q\", \"p95\", \"\", \"\")" },
      { title = "Tokens per hour, by intent and source", unit = "1", query = local.tokens_per_hour },
    ],
    var.dollars_per_million_tokens == null ? [] : [
      { title = "Dollars for the model per hour, by intent and source", unit = "1", query = "${local.tokens_per_hour} * ${var.dollars_per_million_tokens} / 1e6" },
    ],
    [
      { title = "Approvals waiting", unit = "1", query = "histogram_quantile(0.99, sum by (le) (increase(${local.series["approvals_waiting"]}_bucket{${local.runs}}[5m])))" },
      { title = "Oldest approval, s", unit = "s", query = "histogram_quantile(0.99, sum by (le) (increase(${local.series["approval_age"]}_bucket{${local.runs}}[5m])))" },
      { title = "UNKNOWN and FAILED, per hour", unit = "1", query = "sum by (state_to, intent) (increase(${local.series["states"]}{${local.runs},state_to=~\"UNKNOWN|FAILED\"}[1h]))" },
      { title = "Dead letters, per hour", unit = "1", query = "sum by (function, error_code) (increase(${local.series["parked"]}{${local.runs}}[1h]))" },
      { title = "Messages that the sweep owed, per hour", unit = "1", query = "sum by (topic) (increase(${local.series["outbox_left"]}{${local.runs}}[1h]))" },
      { title = "How late the sweep found what was due, s", unit = "s", query = "histogram_quantile(0.99, sum by (le) (increase(${local.series["overdue"]}_bucket{${local.runs}}[5m])))" },
      { title = "Oldest message by subscription, s", unit = "s", query = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{${local.subs}})" },
      { title = "Messages waiting by subscription", unit = "1", query = "max by (subscription_id) (pubsub_googleapis_com:subscription_num_undelivered_messages{${local.subs}})" },
      { title = "Requests to intake by status, per minute", unit = "1", query = "sum by (response_code_class) (rate(run_googleapis_com:request_count{${local.runs},service_name=\"${local.prefix}intake\"}[5m])) * 60" },
      { title = "Instances by function", unit = "1", query = "sum by (service_name) (max_over_time(run_googleapis_com:container_instance_count{${local.runs}}[5m]))" },
    ],
  )
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName = join(" ", compact(["Switchyard", var.prefix]))
    mosaicLayout = {
      columns = 48
      tiles = [
        for i, chart in local.charts : {
          xPos   = i % 2 * 24
          yPos   = floor(i / 2) * 16
          width  = 24
          height = 16
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{ plotType = "LINE", targetAxis = "Y1", timeSeriesQuery = { prometheusQuery = chart.query, unitOverride = chart.unit } }]
            }
          }
        }
      ]
    }
  })

  depends_on = [time_sleep.apis]
}
