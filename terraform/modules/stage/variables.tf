variable "function" {
  description = "The function, as in manifest.json."
  type = object({
    name                  = string
    target                = string
    trigger               = string
    timeout_s             = number
    instances             = number
    requests_per_instance = number
    memory_mib            = number
    account               = string
    caller                = string
    publishes             = list(string)
    stores                = bool
  })
}

variable "subscriptions" {
  description = "Its subscriptions by name, as in manifest.json."
  type = map(object({
    topic                 = string
    ack_deadline_s        = number
    min_backoff_s         = number
    max_backoff_s         = number
    max_delivery_attempts = number
    dead_letter_topic     = string
  }))

  validation {
    condition     = alltrue([for s in var.subscriptions : s.ack_deadline_s > var.function.timeout_s])
    error_message = "ack_deadline_s must be over the function's timeout_s, or slow work is delivered twice."
  }
}

variable "environment" {
  description = "Environment variables that are no secrets."
  type        = map(string)
}

variable "secrets" {
  description = "Environment variables that are: the version, a number, of the secret of each name."
  type        = map(string)
}

variable "min_instances" {
  description = "Instances kept warm."
  type        = number
}

variable "document_event" {
  description = "The Firestore event that triggers it, if one does."
  type = object({
    type     = string
    location = string
    database = string
    document = string
  })
  default = null
}

variable "platform" {
  description = "What all stages share."
  type = object({
    project_id       = string
    region           = string
    bucket           = string
    object           = string
    build_account    = string
    repository       = string
    topics           = map(string)
    pubsub_agent     = string
    database_role    = string
    database         = string
    protected_topics = set(string)
    traces           = optional(bool, false)
    key              = optional(string)
    prefix           = optional(string, "")
    secret_prefix    = optional(string, "")
    network          = optional(object({ network = string, subnetwork = string }))
  })
}
