# What there is, from the code: `make manifest` writes manifest.json, and adding an intent changes nothing here.

locals {
  labels = merge({ app = "switchyard" }, var.labels)

  manifest = jsondecode(file("${path.module}/${var.manifest}"))
  # Nobody calls `chat` where no chat is named.
  functions = { for name, f in local.manifest.functions : name => f if name != "chat" || var.chat_approvals != null }
  executors = { for name, f in local.functions : name => f if contains(keys(f.environment), "INTENT") }
  services  = { for name, f in local.functions : name => f if f.trigger == "http" }
  intakes   = { for name, f in local.functions : name => f if startswith(f.module, "functions.intake.") && f.trigger != "http" }
  stages    = { for name, f in local.functions : name => f if !contains(keys(merge(local.executors, local.intakes, local.services)), name) }

  google_chat = try(var.chat_approvals.google_chat_space, null) != null

  subscriptions_of = {
    for name in keys(local.functions) :
    name => { for key, s in local.manifest.subscriptions : key => s if s.function == name }
  }

  # Placeholders must not reach a deployment.
  required_settings = [
    for name, default in local.manifest.defaults : name
    if(default == "" || strcontains(default, "example")) && anytrue([
      for f in local.executors : contains(f.variables, name) && !contains(var.disabled_intents, f.environment.INTENT)
    ])
  ]

  # The value of every variable that some function reads. Null and empty ones stay unset: the code has its defaults.
  settings = merge(local.manifest.defaults, var.provider_settings, {
    GOOGLE_CLOUD_PROJECT = var.project_id
    FIRESTORE_DATABASE   = local.database == "(default)" ? null : local.database
    TOPIC_PREFIX         = local.prefix
    TRACING              = var.tracing_ratio == null ? null : "cloud"
    TRACING_RATIO        = var.tracing_ratio
    CLASSIFIER           = var.model.classifier
    GEMINI_MODEL         = var.model.name
    GEMINI_API_ENDPOINT  = var.model.endpoint
    VERTEX_PROJECT       = local.uses_vertex ? var.project_id : null
    VERTEX_LOCATION      = local.uses_vertex ? var.model.location : null
    MODEL_TIMEOUT_S      = var.model.timeout_s
    MODEL_BUDGET_S       = var.model.budget_s
    CONFIDENCE_THRESHOLD = var.confidence_threshold
    CERTIFICATION        = var.certification
    CERTIFICATE          = var.certificate == null ? null : jsonencode(jsondecode(var.certificate))
    SKIP_CALLS           = join(",", var.skip_calls)
    LOCAL_CERTIFICATE    = var.local_certificate == null ? null : jsonencode(jsondecode(var.local_certificate))
    LABEL_TEXTS          = var.label_texts
    AUDIT_SHARE          = var.audit_share
    ERROR_BUDGET         = var.error_budget
    MAX_CONCURRENT_CALLS = var.max_concurrent_calls
    COALESCE             = var.coalesce
    # Whole numbers, so that all instances together stay within the quota.
    MODEL_REQUESTS_A_MINUTE = try(max(1, floor(var.model_limits.requests_a_minute / local.functions["classify"].instances)), null)
    MODEL_TOKENS_A_MINUTE   = try(max(1, floor(var.model_limits.tokens_a_minute / local.functions["classify"].instances)), null)
    MODEL_TOKENS_A_DAY      = var.model_limits.tokens_a_day
    MODEL_IN_PLACE          = var.model_limits.in_place
    ANSWER_CACHE_S          = var.model_limits.cache_s

    AUTOMATIC        = join(",", [for intent, ceiling in var.automatic : ceiling == null ? intent : "${intent}<=${ceiling}"])
    DISABLED_INTENTS = join(",", var.disabled_intents)
    APPROVERS        = join(",", [for intent, people in var.approvers : "${intent}=${join("|", people)}"])
    PRIVACY_OFFICERS = join(",", var.privacy_officers)
    PROMOTERS        = join(",", var.promoters)
    APPROVAL_TTL_S   = var.approval_ttl_s
    RETENTION_DAYS   = var.retention_days
    DIRECT_AUDIENCE  = local.url_of["intake"]
    DIRECT_CALLERS   = join(",", var.direct_callers)
    LISTEN_TO        = join(",", var.listen_to)
    IAP_AUDIENCE     = var.console == null ? null : local.iap_audience
    CONSOLE_URL      = var.console == null ? null : local.url_of["console"]

    SLACK_APPROVALS_CHANNEL        = try(var.chat_approvals.slack_channel, null)
    GOOGLE_CHAT_APPROVALS_SPACE    = try(var.chat_approvals.google_chat_space, null)
    GOOGLE_CHAT_APPROVALS_CALLER   = try(var.chat_approvals.google_chat_caller, null)
    GOOGLE_CHAT_APPROVALS_AUDIENCE = local.google_chat ? "${local.url_of["chat"]}/google-chat" : null
  })

  # As shared/settings.py names them: no two sources share a variable, nor a secret.
  variable_prefix = {
    for source in setunion(var.sources, keys(var.fields)) : source => upper(replace(replace(source, "_", "__"), "-", "_"))
  }

  environment_of = {
    for name, f in local.functions : name => merge(f.environment, {
      for variable in f.variables : variable => tostring(local.settings[variable])
      if variable != "<SOURCE>_FIELDS" && try(local.settings[variable] != null && local.settings[variable] != "", true)
      }, {
      for source, fields in var.fields : "${local.variable_prefix[source]}_FIELDS" => fields
      if contains(f.variables, "<SOURCE>_FIELDS")
    })
  }

  uses_vertex = var.model.classifier == "genai" && var.model.vertex
  uses_key    = var.model.classifier != "local" && !local.uses_vertex
}
