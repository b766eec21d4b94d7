# Who looks after it, and what that costs.

variable "audit_logs" {
  description = "What Google logs of accesses: database, who read and wrote documents besides the functions; secrets, who read one; sign_in, whom the proxy let in."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.audit_logs, ["database", "secrets", "sign_in"])) == 0
    error_message = "audit_logs may hold database, secrets and sign_in."
  }
}

variable "alert_emails" {
  description = "Addresses that alerts are sent to."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for a in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+$", a))])
    error_message = "Each of alert_emails must be an e-mail address."
  }
}

variable "alert_channels" {
  description = "Notification channels that exist already (projects/P/notificationChannels/N), such as PagerDuty or Slack, whose keys must not be in the state."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for c in var.alert_channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", c))])
    error_message = "Each of alert_channels must look like projects/P/notificationChannels/N."
  }
}

variable "approval_alert_s" {
  description = "Seconds the oldest approval may wait before an alert."
  type        = number
  default     = 14400
  nullable    = false

  validation {
    condition     = var.approval_alert_s >= 60
    error_message = "approval_alert_s must be at least 60."
  }
}

variable "budget" {
  description = "Monthly budget of the project on a billing account, in the account's own currency, with alerts at 50, 90 and 100 % and at a forecast of 100 %, to the first five of alert_emails and to whoever pays. Null: none."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string)
  })
  default = null

  validation {
    condition     = var.budget == null ? true : can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "budget.billing_account must look like 012345-6789AB-CDEF01."
  }
  validation {
    condition     = var.budget == null ? true : var.budget.amount >= 1 && floor(var.budget.amount) == var.budget.amount
    error_message = "budget.amount must be a whole number of the currency, at least 1."
  }
  validation {
    condition     = try(var.budget.currency, null) == null ? true : can(regex("^[A-Z]{3}$", var.budget.currency))
    error_message = "budget.currency must be the billing account's, in three letters such as EUR; leave it out and it is."
  }
}

variable "dollars_per_million_tokens" {
  description = "Price of the model for the dashboard's cost chart, prompt and answer tokens taken together. Null: no such chart."
  type        = number
  default     = null

  validation {
    condition     = var.dollars_per_million_tokens == null ? true : var.dollars_per_million_tokens > 0
    error_message = "dollars_per_million_tokens must be over 0."
  }
}

variable "tracing_ratio" {
  description = "Share of traces whose spans go to Cloud Trace, 0 to 1, beside those that the caller keeps. Null: nothing is traced."
  type        = number
  default     = null

  validation {
    condition     = var.tracing_ratio == null ? true : var.tracing_ratio >= 0 && var.tracing_ratio <= 1
    error_message = "tracing_ratio must be from 0 to 1."
  }
}
