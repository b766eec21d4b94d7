# What may run, who decides, and how long anything is kept. Null keeps the default of shared/settings.py.

variable "automatic" {
  description = "Intents about money, credentials or goods that may run without a person: the allowance per task and per requester in 24 hours, such as 50.00 USD, one for each currency joined by a vertical bar (a plain number: minor units of the currency that the intent declares), or null where no money moves. An amount in another currency always needs a person."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.automatic), keys(local.manifest.intents))) == 0
    error_message = "automatic names what is no intent; there are ${join(", ", keys(local.manifest.intents))}."
  }
  validation {
    condition     = alltrue([for a in values(var.automatic) : a == null ? true : can(regex("^([0-9]{1,12}|[0-9]{1,9}([.][0-9]{1,3})? [A-Z]{3}([|][0-9]{1,9}([.][0-9]{1,3})? [A-Z]{3})*)$", a))])
    error_message = "Each allowance in automatic must be an amount such as 50.00 USD, one for each currency joined by |, a whole number of minor units, or null."
  }
}

variable "disabled_intents" {
  description = "Intents that are deployed but neither offered nor run."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.disabled_intents, keys(local.manifest.intents))) == 0
    error_message = "disabled_intents names what is no intent; there are ${join(", ", keys(local.manifest.intents))}."
  }
}

variable "provider_settings" {
  description = "Where the handlers' providers are, by environment variable: see `defaults` in manifest.json. What has no default, or example.com for one, must be here unless all its intents are disabled."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.provider_settings), keys(local.manifest.defaults))) == 0
    error_message = "provider_settings names what no intent reads; there are ${join(", ", keys(local.manifest.defaults))}. Keys belong in Secret Manager."
  }
  validation {
    condition     = length(setsubtract(local.required_settings, keys(var.provider_settings))) == 0
    error_message = "provider_settings must set ${join(", ", setsubtract(local.required_settings, keys(var.provider_settings)))}, or disabled_intents the intents that need them."
  }
  validation {
    condition     = alltrue([for name, value in var.provider_settings : startswith(value, "https://") if endswith(name, "_API_URL")])
    error_message = "Each *_API_URL in provider_settings must begin with https://."
  }
}

variable "approvers" {
  description = "Who may decide, by intent, or by * for all others: e-mail addresses. An intent without an entry may be decided by whoever reaches the console or the database."
  type        = map(set(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.approvers), concat(keys(local.manifest.intents), ["*"]))) == 0
    error_message = "approvers names what is no intent; there are *, ${join(", ", keys(local.manifest.intents))}."
  }
  validation {
    condition     = alltrue([for people in values(var.approvers) : length(people) > 0 && alltrue([for p in people : can(regex("^[^@\\s,|=:]+@[^@\\s,|=:]+$", p))])])
    error_message = "Each entry of approvers must hold at least one e-mail address, without a prefix such as user:."
  }
}

variable "privacy_officers" {
  description = "Who may export and erase what is kept of a person, through the console: e-mail addresses. Empty: nobody."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for p in var.privacy_officers : can(regex("^[^@\\s,|=:]+@[^@\\s,|=:]+$", p))])
    error_message = "privacy_officers must hold e-mail addresses, without a prefix such as user:."
  }
}

variable "approval_ttl_s" {
  description = "Seconds a task waits for a person before it expires, up to 30 days."
  type        = number
  default     = null

  validation {
    condition     = var.approval_ttl_s == null ? true : var.approval_ttl_s >= 1 && var.approval_ttl_s <= 2592000
    error_message = "approval_ttl_s must be from 1 to 2592000."
  }
}

variable "retention_days" {
  description = "Days from its end until of a task only a tombstone is left, and from its closing until an approval or a dead letter is deleted, 8 to 3650: Pub/Sub keeps an unacknowledged message for 7."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null ? true : var.retention_days >= 8 && var.retention_days <= 3650 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number from 8 to 3650: Pub/Sub keeps an unacknowledged message for 7 days."
  }
}

variable "console" {
  description = "Publishes the console behind Identity-Aware Proxy, for the IAM members `members` (user:, group:, domain:, serviceAccount:); `programmatic_clients` are ids of OAuth desktop clients through which people sign in at a terminal; `canary` is the service account as which a deployment looks at a new revision before people do, and is let in as well. Null: people decide in the database."
  type = object({
    members              = set(string)
    programmatic_clients = optional(set(string), [])
    canary               = optional(string)
  })
  default = null

  validation {
    condition     = var.console == null ? true : length(var.console.members) > 0 && alltrue([for m in var.console.members : can(regex("^(user|group|domain|serviceAccount):[^\\s]+$", m))])
    error_message = "console.members must hold at least one user:, group:, domain: or serviceAccount: member; allUsers is refused."
  }
  validation {
    condition     = var.console == null ? true : alltrue([for c in var.console.programmatic_clients : endswith(c, ".apps.googleusercontent.com")])
    error_message = "Each of console.programmatic_clients must be the id of an OAuth client, which ends in .apps.googleusercontent.com."
  }
  validation {
    condition     = try(var.console.canary, null) == null ? true : can(regex("^[a-z0-9.-]+@[a-z0-9.:-]+[.]gserviceaccount[.]com$", var.console.canary))
    error_message = "console.canary must be the e-mail address of a service account, without the prefix serviceAccount:."
  }
}

variable "chat_approvals" {
  description = "Where tasks that wait are shown with buttons: a channel of Slack, by its id, a space of Google Chat; `google_chat_caller` is the account that signs Google Chat's requests, where the app's configuration shows another. Null: nobody decides in a chat."
  type = object({
    slack_channel      = optional(string)
    google_chat_space  = optional(string)
    google_chat_caller = optional(string)
  })
  default = null

  validation {
    condition     = try(var.chat_approvals.slack_channel, null) == null ? true : can(regex("^[CG][A-Z0-9]{6,20}$", var.chat_approvals.slack_channel))
    error_message = "chat_approvals.slack_channel must be a channel's id, such as C0123456789."
  }
  validation {
    condition     = try(var.chat_approvals.google_chat_space, null) == null ? true : can(regex("^spaces/[A-Za-z0-9_-]{3,60}$", var.chat_approvals.google_chat_space))
    error_message = "chat_approvals.google_chat_space must be such as spaces/AAAAbcDEfgh."
  }
  validation {
    condition     = var.chat_approvals == null ? true : var.chat_approvals.slack_channel != null || var.chat_approvals.google_chat_space != null
    error_message = "chat_approvals must name slack_channel or google_chat_space."
  }
}

variable "chat_webhooks" {
  description = "Chat webhooks whose URLs are secrets of these names: NOTIFY_WEBHOOK_URL hears of all that is new for people, ESCALATION_WEBHOOK_URL of approvals that are about to expire undecided. Slack or Google Chat."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.chat_webhooks, ["ESCALATION_WEBHOOK_URL", "NOTIFY_WEBHOOK_URL"])) == 0
    error_message = "chat_webhooks may hold NOTIFY_WEBHOOK_URL and ESCALATION_WEBHOOK_URL: names of secrets, never URLs."
  }
}
