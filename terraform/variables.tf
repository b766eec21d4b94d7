# Where it is, and what it is called.

variable "project_id" {
  description = "The project of this environment: one environment, one project."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id (6 to 30 lower case letters, digits, hyphens), not its name or number."
  }
}

variable "prefix" {
  description = "First part of all names, for a second copy in one project, which needs a state, secrets and a database of its own. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.prefix == null || can(regex("^[a-z][a-z0-9]{3,7}$", var.prefix))
    error_message = "prefix must be 4 to 8 lower case letters and digits, a letter first: it is the database's name as well."
  }
}

variable "region" {
  description = "Region of the functions and of everything beside them."
  type        = string
  default     = "europe-west1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region such as europe-west1, not a zone and not a multi-region."
  }
}

variable "firestore_location" {
  description = "Location of the database, which can never be changed: a region, or eur3 or nam5. Null is `region`."
  type        = string
  default     = null

  validation {
    condition     = var.firestore_location == null || can(regex("^([a-z]+-[a-z]+[0-9]+|eur3|nam5)$", var.firestore_location))
    error_message = "firestore_location must be a region, eur3 or nam5."
  }
}

variable "database" {
  description = "Id of the database that the functions use in place of the one that is made here: a restored one. Null: that one."
  type        = string
  default     = null

  validation {
    condition     = var.database == null || can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.database))
    error_message = "database must be the id of a restored database, 4 to 63 of a-z, 0-9 and -; null is the one that is made here."
  }
}

variable "storage_regions" {
  description = "Regions in which messages may rest while they wait. Null: `region` alone."
  type        = set(string)
  default     = null

  validation {
    condition     = var.storage_regions == null ? true : length(var.storage_regions) > 0 && alltrue([for r in var.storage_regions : can(regex("^[a-z]+-[a-z]+[0-9]+$", r))])
    error_message = "storage_regions must hold regions such as europe-west1, at least one; null is `region` alone."
  }
}

variable "labels" {
  description = "Labels on everything that takes any, beside `app`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", name)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels must be of lower case letters, digits, - and _, 63 at most, names with a letter first."
  }
  validation {
    condition     = !contains(keys(var.labels), "app")
    error_message = "labels must not hold app, which is switchyard."
  }
}

variable "protect_data" {
  description = "Refuse to destroy the database, the topics and the subscriptions that hold tasks. Off only where data may be lost."
  type        = bool
  default     = true
  nullable    = false
}
