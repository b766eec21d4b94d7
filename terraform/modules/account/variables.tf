variable "function" {
  description = "Whose account it is, as in manifest.json."
  type = object({
    name      = string
    account   = string
    publishes = list(string)
    stores    = bool
  })
}

variable "secrets" {
  description = "Names of the secrets that it reads."
  type        = set(string)
}

variable "platform" {
  description = "What all share."
  type = object({
    project_id    = string
    topics        = map(string)
    database_role = string
    database      = string
    traces        = optional(bool, false)
    secret_prefix = optional(string, "")
  })
}
