# Secrets are made outside, name and first version together (see README.md), and named as the variable they fill: their
# values never come near the state, a destroy never takes them along, and a function that needs one that is missing, or
# has no version, fails in the plan, not halfway through the apply.

locals {
  secrets_of = {
    for name, f in local.functions : name => flatten([
      for secret in f.secrets :
      strcontains(secret, "<SOURCE>") ? local.webhook_secrets : contains(local.unused_secrets, secret) ? [] : [secret]
    ])
  }

  versions_of = {
    for name, secrets in local.secrets_of :
    name => { for secret in secrets : secret => data.google_secret_manager_secret_version.this[secret].version }
  }

  webhook_secrets = [for source in var.sources : "${local.variable_prefix[source]}_WEBHOOK_SECRET"]

  # A disabled intent is deployed, but its provider need not be known yet.
  unused_secrets = concat(
    local.uses_key ? [] : ["GEMINI_API_KEY"],
    tolist(setsubtract(["ESCALATION_WEBHOOK_URL", "NOTIFY_WEBHOOK_URL"], var.chat_webhooks)),
    try(var.chat_approvals.slack_channel, null) != null ? [] : ["SLACK_APPROVALS_API_KEY", "SLACK_APPROVALS_WEBHOOK_SECRET"],
    # People are looked up where a users API is named.
    [for secret in local.functions["classify"].secrets : secret if endswith(secret, "_USERS_API_KEY")
    && lookup(var.provider_settings, replace(secret, "_API_KEY", "_API_URL"), "") == ""],
    [for secret in distinct(flatten([for f in local.executors : f.secrets])) : secret if alltrue([
      for f in local.executors : !contains(f.secrets, secret) || contains(var.disabled_intents, f.environment.INTENT)
    ])],
  )
}

# The number of the newest version, not what is in it: a new version is a change that the next plan shows.
data "google_secret_manager_secret_version" "this" {
  for_each = toset(flatten(values(local.secrets_of)))

  secret            = "${local.secret_prefix}${each.key}"
  fetch_secret_data = false
}
