locals {
  # Their messages exist nowhere else. An intent's messages only point at documents, which the sweep publishes anew.
  protected_topics = var.protect_data ? setsubtract(local.manifest.topics, values(local.manifest.intents)) : toset([])

  dead_letters = one(distinct([for s in local.manifest.subscriptions : s.dead_letter_topic if s.dead_letter_topic != null]))
}

resource "google_pubsub_topic" "this" {
  # checkov:skip=CKV_GCP_83: Google's own encryption at rest, unless encryption names a key, which is a way to lose them all
  for_each = toset(local.manifest.topics)

  name            = "${local.prefix}${each.key}"
  kms_key_name    = local.key
  deletion_policy = contains(local.protected_topics, each.key) ? "PREVENT" : "DELETE"

  # Else a message rests wherever its publisher is.
  message_storage_policy {
    allowed_persistence_regions = coalesce(var.storage_regions, [var.region])
  }

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

# Pub/Sub itself forwards dead letters; without this grant it drops none and forwards none, silently.
resource "google_pubsub_topic_iam_member" "dead_letters" {
  topic  = google_pubsub_topic.this[local.dead_letters].id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_topic_iam_member" "event_publisher" {
  for_each = var.event_publishers

  topic  = google_pubsub_topic.this["events"].id
  role   = "roles/pubsub.publisher"
  member = each.key
}
