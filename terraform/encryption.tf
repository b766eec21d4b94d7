# A key of one's own for what rests, and who works with it: Google's agents, each of which encrypts for its service. Secrets
# and the state's bucket are made before the plan, with a key or without (README.md).

locals {
  key          = try(var.encryption.key, null)
  database_key = var.encryption == null ? null : coalesce(var.encryption.database_key, var.encryption.key)

  # cloud.google.com/functions/docs/securing/cmek, .../firestore/docs/use-cmek, .../pubsub/docs/encryption
  agents_of_keys = var.encryption == null ? {} : merge(
    {
      for service in ["gcf-admin-robot", "gcp-sa-artifactregistry", "gcp-sa-eventarc", "gcp-sa-pubsub", "gs-project-accounts", "serverless-robot-prod"] :
      service => { agent = service, key = local.key }
    },
    { gcp-sa-firestore = { agent = "gcp-sa-firestore", key = local.database_key } },
  )
}

resource "google_kms_crypto_key_iam_member" "agent" {
  for_each = local.agents_of_keys

  crypto_key_id = each.value.key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:service-${local.project_number}@${each.value.agent}.iam.gserviceaccount.com"

  depends_on = [time_sleep.apis]
}

# What Eventarc holds between a written approval and `resume`. A database in eur3 or nam5 has its events there, too, where
# no key of a region may be used.
resource "google_eventarc_google_channel_config" "this" {
  count = local.key != null && local.database_key == local.key ? 1 : 0

  name            = "projects/${var.project_id}/locations/${var.region}/googleChannelConfig"
  location        = var.region
  crypto_key_name = local.key

  depends_on = [google_kms_crypto_key_iam_member.agent]
}

# Secrets are there before the plan, and keep for ever what they were made with.
data "google_secret_manager_secret" "this" {
  for_each = toset(local.key == null ? [] : flatten(values(local.secrets_of)))

  secret_id = "${local.secret_prefix}${each.key}"
}

locals {
  without_key = sort([
    for name, secret in data.google_secret_manager_secret.this : secret.secret_id if length(flatten([
      for r in secret.replication : concat(
        [for auto in r.auto : auto.customer_managed_encryption],
        [for placed in r.user_managed : [for replica in placed.replicas : replica.customer_managed_encryption]],
      )
    ])) == 0
  ])
}

check "secrets_have_a_key" {
  assert {
    condition     = length(local.without_key) == 0
    error_message = "encryption.key is set, and these secrets were made with Google's: ${join(", ", local.without_key)}. Make them anew; make doctor prints the command for one that is missing."
  }
}
