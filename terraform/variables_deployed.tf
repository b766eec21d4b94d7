# What is deployed, and what it runs on.

variable "manifest" {
  description = "File of this folder that `make manifest` writes; tests name others."
  type        = string
  default     = "manifest.json"
  nullable    = false
}

variable "bundle_dir" {
  description = "Folder that `make bundle` fills: <function>.zip."
  type        = string
  default     = "../dist"
  nullable    = false
}

variable "bundles" {
  description = "Bundles to roll back to, by function: SHA-256 in hexadecimal, as in the output `bundles` of an earlier apply. Other functions take theirs from `bundle_dir`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.bundles), keys(local.manifest.functions))) == 0
    error_message = "bundles names what is no function; there are ${join(", ", keys(local.manifest.functions))}."
  }
  validation {
    condition     = alltrue([for hash in values(var.bundles) : can(regex("^[0-9a-f]{64}$", hash))])
    error_message = "Each of bundles must be a SHA-256 in 64 hexadecimal digits."
  }
}

variable "images" {
  description = "Images of the services intake and console, each by its digest. `make release` builds them and writes a file of both variables."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for image in values(var.images) : can(regex("^[^@\\s]+@sha256:[0-9a-f]{64}$", image))])
    error_message = "Each of images must name a digest, such as europe-west1-docker.pkg.dev/project/services/intake@sha256:..., for a tag may be another image tomorrow."
  }
}

variable "serving" {
  description = "Revisions of the services that keep all traffic while a new one is tested, by service. One that is not named: its newest revision serves at once."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, revision in var.serving : startswith(revision, "${join("-", compact([var.prefix, name]))}-")])
    error_message = "Each of serving must be a revision of its service, such as intake-00007-abc."
  }
}

variable "min_instances" {
  description = "Instances kept warm, by function; 0 where not named. Slack gives intake three seconds, a cold start takes most of them."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, n in var.min_instances : n >= 0 && floor(n) == n && n <= try(local.manifest.functions[name].instances, -1)])
    error_message = "min_instances must name functions of manifest.json, each with a whole number up to its `instances`."
  }
}

variable "egress" {
  description = "Sends what the executors, classify and notify send through a network of its own and one fixed address, the output `egress_address`, for providers that let callers in by address; `range` is the network's, for what it needs see network.tf. Null: addresses of Google's, which change."
  type = object({
    range = optional(string, "10.8.0.0/24")
  })
  default = null

  validation {
    condition     = var.egress == null ? true : can(cidrhost(var.egress.range, 0)) && can(regex("^(10[.]|172[.](1[6-9]|2[0-9]|3[01])[.]|192[.]168[.]|100[.](6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])[.])", var.egress.range))
    error_message = "egress.range must be a private range such as 10.8.0.0/24."
  }
  validation {
    condition     = var.egress == null ? true : try(pow(2, 32 - tonumber(split("/", var.egress.range)[1])) >= local.addresses_needed, true)
    error_message = "egress.range must hold ${local.addresses_needed} addresses for the instances of this manifest: take a wider one."
  }
}

variable "encryption" {
  description = "Keys of Cloud KMS for what rests here: `key`, in `region`, for messages, bundles, images, functions and the database; `database_key` where the database lies elsewhere, in europe for eur3 and us for nam5. A database keeps for ever what it began with. Null: keys of Google's."
  type = object({
    key          = string
    database_key = optional(string)
  })
  default = null

  validation {
    condition     = var.encryption == null ? true : can(regex("^projects/[^/]+/locations/${var.region}/keyRings/[^/]+/cryptoKeys/[^/]+$", var.encryption.key))
    error_message = "encryption.key must look like projects/P/locations/${var.region}/keyRings/R/cryptoKeys/K: a key of region, and not a version of one."
  }
  validation {
    condition = var.encryption == null ? true : can(regex(
      "^projects/[^/]+/locations/${lookup({ eur3 = "europe", nam5 = "us" }, coalesce(var.firestore_location, var.region), coalesce(var.firestore_location, var.region))}/keyRings/[^/]+/cryptoKeys/[^/]+$",
      coalesce(var.encryption.database_key, var.encryption.key)
    ))
    error_message = "encryption.database_key must be a key of where the database is, ${lookup({ eur3 = "europe", nam5 = "us" }, coalesce(var.firestore_location, var.region), coalesce(var.firestore_location, var.region))}: projects/P/locations/L/keyRings/R/cryptoKeys/K."
  }
}
