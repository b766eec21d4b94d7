# A message that fails goes to the dead letters within a day; there it waits as long as Pub/Sub keeps one, 31 days
# (pubsub v1, Subscription.messageRetentionDuration), for it exists nowhere else.
locals {
  longest = "2678400s"
}

resource "google_pubsub_subscription" "this" {
  for_each = var.subscriptions

  name                       = "${var.platform.prefix}${each.key}"
  topic                      = var.platform.topics[each.value.topic]
  ack_deadline_seconds       = each.value.ack_deadline_s
  message_retention_duration = each.value.dead_letter_topic == null ? local.longest : "604800s"
  deletion_policy            = contains(var.platform.protected_topics, each.value.topic) ? "PREVENT" : "DELETE"

  push_config {
    push_endpoint = google_cloudfunctions2_function.this.service_config[0].uri

    oidc_token {
      service_account_email = google_service_account.caller.email
      audience              = google_cloudfunctions2_function.this.service_config[0].uri
    }
  }

  retry_policy {
    minimum_backoff = "${each.value.min_backoff_s}s"
    maximum_backoff = "${each.value.max_backoff_s}s"
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.dead_letter_topic[*]
    content {
      dead_letter_topic     = var.platform.topics[dead_letter_policy.value]
      max_delivery_attempts = each.value.max_delivery_attempts
    }
  }

  expiration_policy {
    ttl = "" # never: an idle subscription would vanish after 31 days
  }

  depends_on = [google_cloud_run_v2_service_iam_member.caller]
}

# Pub/Sub acknowledges here what it has forwarded to the dead letters; without this grant it forwards nothing. The dead
# letters' own subscription forwards nowhere.
resource "google_pubsub_subscription_iam_member" "pubsub" {
  for_each = { for name, s in google_pubsub_subscription.this : name => s if var.subscriptions[name].dead_letter_topic != null }

  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = var.platform.pubsub_agent
}

# Pub/Sub signs the tokens it pushes with as the caller, and as nobody else: Eventarc's pushes, too. They are ID tokens
# (pubsub v1, OidcToken), for which this role is enough; its larger sister could act as the caller
# (cloud.google.com/iam/docs/service-account-permissions).
resource "google_service_account_iam_member" "pubsub" {
  count = length(var.subscriptions) > 0 || var.document_event != null ? 1 : 0

  service_account_id = google_service_account.caller.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = var.platform.pubsub_agent
}
