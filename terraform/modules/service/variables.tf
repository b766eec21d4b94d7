variable "function" {
  description = "What it runs, as in manifest.json."
  type = object({
    name                  = string
    timeout_s             = number
    instances             = number
    requests_per_instance = number
    memory_mib            = number
    account               = string
    publishes             = list(string)
    stores                = bool
  })
}

variable "image" {
  description = "Its image, by digest."
  type        = string
}

variable "serving" {
  description = "The revision that keeps the traffic while a new one is tested; null: the newest serves."
  type        = string
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

variable "public" {
  description = "Whether anybody may call it, without a Google identity."
  type        = bool
}

variable "iap" {
  description = "Who is let in by Identity-Aware Proxy, and as whom that calls; null: it is not there."
  type = object({
    agent                = string
    members              = set(string)
    programmatic_clients = set(string)
    project_number       = string
  })
}

variable "platform" {
  description = "What all share."
  type = object({
    project_id    = string
    region        = string
    topics        = map(string)
    database_role = string
    database      = string
    traces        = optional(bool, false)
    key           = optional(string)
    secret_prefix = optional(string, "")
  })
}
