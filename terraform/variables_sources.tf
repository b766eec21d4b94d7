# What comes in, and who may send it.

variable "sources" {
  description = "Sources that send signed webhooks: zendesk, jira, slack, github, stripe, a name of /hooks/<name>, or direct. Each needs the secret <SOURCE>_WEBHOOK_SECRET: my-crm is MY_CRM, my_crm is MY__CRM."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for s in var.sources : can(regex("^[a-z][a-z0-9]*([_-][a-z0-9]+)*$", s)) && length(s) <= 63])
    error_message = "Each of sources must be a name as in the webhook's URL: lower case letters, digits, and between them single - or _, a letter first."
  }
}

variable "direct_callers" {
  description = "E-mail addresses of the service accounts that may POST / with an ID token for the output `intake_url`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for c in var.direct_callers : can(regex("^[a-z0-9.-]+@[a-z0-9.:-]+[.]gserviceaccount[.]com$", c))])
    error_message = "Each of direct_callers must be the e-mail address of a service account, without the prefix serviceAccount:."
  }
}

variable "listen_to" {
  description = "Who may ask besides people, as source:voice with the voice bot, staff or private_note; all others are ignored."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for v in var.listen_to : can(regex("^(zendesk|jira|slack|github|stripe):(bot|staff|private_note)$", v))])
    error_message = "Each of listen_to must be source:bot, source:staff or source:private_note, such as github:bot, of zendesk, jira, slack, github or stripe."
  }
}

variable "fields" {
  description = "Where a source of your own keeps what is read of its events, by source, such as words=/comment/text,email=/customer_email,id=/event/id,at=/updated_at."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for source, map in var.fields : can(regex("^[a-z][a-z0-9]*([_-][a-z0-9]+)*$", source)) && can(regex("(^|,)words=/", map))])
    error_message = "Each of fields must be a source's name with a map such as words=/comment/text,email=/customer_email."
  }
}

variable "event_publishers" {
  description = "IAM members that may publish on topic `events`: what they send is trusted as it is."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for m in var.event_publishers : can(regex("^(serviceAccount|group|user|principal|principalSet):", m))])
    error_message = "Each of event_publishers must be an IAM member such as serviceAccount:crm@project.iam.gserviceaccount.com; allUsers is refused."
  }
}
