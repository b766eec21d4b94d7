# Where

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

# What comes in

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

# How tasks are decided. Null keeps the default of shared/settings.py.

variable "model" {
  description = "The model. `vertex` asks it through Vertex AI with IAM, at `location`, a region, or global, wherever Google has room; else the secret GEMINI_API_KEY holds a key. `classifier` is genai, gemini or local."
  type = object({
    classifier = optional(string, "genai")
    vertex     = optional(bool, true)
    location   = optional(string)
    name       = optional(string)
    endpoint   = optional(string)
    timeout_s  = optional(number)
    budget_s   = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["genai", "gemini", "local"], var.model.classifier)
    error_message = "model.classifier must be genai, gemini or local."
  }
  validation {
    condition     = !(var.model.vertex && var.model.classifier == "gemini")
    error_message = "model.classifier gemini knows no Vertex AI: use genai, or set vertex = false and store a key in the secret GEMINI_API_KEY."
  }
  validation {
    condition     = var.model.classifier != "genai" || !var.model.vertex || var.model.location != null
    error_message = "model.location must say where tickets are read: a region that serves the model, such as europe-west1, or global, wherever Google has room."
  }
  validation {
    condition     = var.model.timeout_s == null ? true : var.model.timeout_s >= 0.1 && var.model.timeout_s < local.manifest.functions["classify"].timeout_s
    error_message = "model.timeout_s must be at least 0.1 and shorter than the timeout of classify (see manifest.json)."
  }
  validation {
    condition     = var.model.budget_s == null ? true : var.model.budget_s >= 0 && var.model.budget_s <= 86400
    error_message = "model.budget_s must be from 0 to 86400."
  }
}

variable "confidence_threshold" {
  description = "Below it a person decides, 0 to 1."
  type        = number
  default     = null

  validation {
    condition     = var.confidence_threshold == null ? true : var.confidence_threshold >= 0 && var.confidence_threshold <= 1
    error_message = "confidence_threshold must be from 0 to 1."
  }
}

variable "certification" {
  description = "Whether nothing runs by itself for which no certificate proves how often the classifier is right: off or required."
  type        = string
  default     = null

  validation {
    condition     = var.certification == null ? true : contains(["off", "required"], var.certification)
    error_message = "certification must be off or required."
  }
}

variable "certificate" {
  description = "What is proven of the classifier: the text of the file that make calibrate writes."
  type        = string
  default     = null

  validation {
    condition     = var.certificate == null ? true : can(jsondecode(var.certificate).lines[0].threshold) && length(var.certificate) <= 16384
    error_message = "certificate must be the text of a file that make calibrate wrote, at most 16 KiB."
  }
  validation {
    condition     = var.certificate == null ? true : try(length(setsubtract(flatten(jsondecode(var.certificate).lines[*].intents), keys(local.manifest.intents))) == 0, true)
    error_message = "certificate names what is no intent; there are ${join(", ", keys(local.manifest.intents))}."
  }
}

variable "skip_calls" {
  description = "Where the local classifier answers in place of the model: no_parameter where no answer could run, certified where its own answer is proven by local_certificate, agreeing where three earlier decisions about texts like it agree."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.skip_calls, ["no_parameter", "certified", "agreeing"])) == 0
    error_message = "skip_calls must hold no_parameter, certified or agreeing."
  }
  validation {
    condition     = !contains(var.skip_calls, "certified") || var.local_certificate != null
    error_message = "skip_calls has certified, which needs local_certificate."
  }
}

variable "local_certificate" {
  description = "What is proven of the local classifier, as the text of a file."
  type        = string
  default     = null

  validation {
    condition     = var.local_certificate == null ? true : can(jsondecode(var.local_certificate).lines[0].threshold) && length(var.local_certificate) <= 16384
    error_message = "local_certificate must be the text of a file that make calibrate wrote, at most 16 KiB."
  }
}

variable "label_texts" {
  description = "Whether labels, which outlive their tasks, keep the masked words that the classifier read, or a keyed hash of them: keep or hash."
  type        = string
  default     = null

  validation {
    condition     = var.label_texts == null ? true : contains(["hash", "keep"], var.label_texts)
    error_message = "label_texts must be hash or keep."
  }
}

variable "audit_share" {
  description = "How much of what runs without a person is drawn for somebody to look at afterwards, 0 to 1."
  type        = number
  default     = null

  validation {
    condition     = var.audit_share == null ? true : var.audit_share >= 0 && var.audit_share <= 1
    error_message = "audit_share must be from 0 to 1."
  }
}

variable "error_budget" {
  description = "The share of an intent's decisions in 24 hours that may be wrong before it waits for people, 0 to 1; 0 counts nothing."
  type        = number
  default     = null

  validation {
    condition     = var.error_budget == null ? true : var.error_budget >= 0 && var.error_budget <= 1
    error_message = "error_budget must be from 0 to 1."
  }
}

variable "max_concurrent_calls" {
  description = "Calls in flight per instance, to the model and to each provider, 1 to 1000."
  type        = number
  default     = null

  validation {
    condition     = var.max_concurrent_calls == null ? true : var.max_concurrent_calls >= 1 && var.max_concurrent_calls <= 1000 && floor(var.max_concurrent_calls) == var.max_concurrent_calls
    error_message = "max_concurrent_calls must be a whole number from 1 to 1000."
  }
}

variable "coalesce" {
  description = "How many waiting tasks go into one call of the model while all calls of an instance are in flight, 1 to 20; 1: each has its own."
  type        = number
  default     = null

  validation {
    condition     = var.coalesce == null ? true : var.coalesce >= 1 && var.coalesce <= 20 && floor(var.coalesce) == var.coalesce
    error_message = "coalesce must be a whole number from 1 to 20."
  }
}

variable "model_limits" {
  description = "Bounds for the calls to the model: the project's quota of requests and tokens a minute, which all instances of classify share evenly; tokens a day of all of them, by UTC; who decides while these are spent or the model is down for longer than model.budget_s, people or local; and for how many seconds an answer is good for the very same question of the same person, 0 for never."
  type = object({
    requests_a_minute = optional(number)
    tokens_a_minute   = optional(number)
    tokens_a_day      = optional(number)
    in_place          = optional(string)
    cache_s           = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for n in [var.model_limits.requests_a_minute, var.model_limits.tokens_a_minute, var.model_limits.tokens_a_day] : n == null ? true : n >= 1 && floor(n) == n])
    error_message = "model_limits: requests_a_minute, tokens_a_minute and tokens_a_day must be whole numbers from 1; leave out what has no bound."
  }
  validation {
    condition     = var.model_limits.in_place == null ? true : contains(["people", "local"], var.model_limits.in_place)
    error_message = "model_limits.in_place must be people or local."
  }
  validation {
    condition     = var.model_limits.cache_s == null ? true : var.model_limits.cache_s >= 0 && var.model_limits.cache_s <= 86400
    error_message = "model_limits.cache_s must be from 0 to 86400."
  }
}

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

variable "promoters" {
  description = "Who may upload versions of the router, have them asked in shadow, and say which decides, through the console: e-mail addresses. Empty: nobody, and what `model` says decides."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for p in var.promoters : can(regex("^[^@\\s,|=:]+@[^@\\s,|=:]+$", p))])
    error_message = "promoters must hold e-mail addresses, without a prefix such as user:."
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

# What is deployed

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

# Who looks after it

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

variable "console" {
  description = "Publishes the console behind Identity-Aware Proxy, for the IAM members `members` (user:, group:, domain:, serviceAccount:); `programmatic_clients` are ids of OAuth desktop clients through which people sign in at a terminal. Null: people decide in the database."
  type = object({
    members              = set(string)
    programmatic_clients = optional(set(string), [])
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
