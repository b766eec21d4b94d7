# Who says what a ticket asks for, and when that is proven. Null keeps the default of shared/settings.py.

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
