# Against the way of a task, readers before writers: no intent is offered before something can run it, and nobody gets
# messages of a version that it does not know.
module "executor" {
  source   = "./modules/stage"
  for_each = local.executors

  function      = local.named[each.key]
  subscriptions = local.subscriptions_of[each.key]
  environment   = local.environment_of[each.key]
  secrets       = local.versions_of[each.key]
  min_instances = lookup(var.min_instances, each.key, 0)
  platform      = local.platform[each.key]

  depends_on = [time_sleep.builder]
}

module "stage" {
  source   = "./modules/stage"
  for_each = local.stages

  function       = local.named[each.key]
  subscriptions  = local.subscriptions_of[each.key]
  environment    = local.environment_of[each.key]
  secrets        = local.versions_of[each.key]
  min_instances  = lookup(var.min_instances, each.key, 0)
  document_event = each.value.trigger == "document" ? local.approval_changed : null
  platform       = local.platform[each.key]

  depends_on = [module.executor]
}

module "intake" {
  source   = "./modules/stage"
  for_each = local.intakes

  function      = local.named[each.key]
  subscriptions = local.subscriptions_of[each.key]
  environment   = local.environment_of[each.key]
  secrets       = local.versions_of[each.key]
  min_instances = lookup(var.min_instances, each.key, 0)
  platform      = local.platform[each.key]

  depends_on = [module.stage]
}

locals {
  approval_changed = {
    type     = local.manifest.document_event
    location = google_firestore_database.this.location_id
    database = local.database
    document = "approvals/{task_id}"
  }

  # What a stage needs of the root.
  platform = {
    for name in keys(local.functions) : name => {
      project_id       = var.project_id
      region           = var.region
      bucket           = google_storage_bucket.bundles.name
      object           = try(google_storage_bucket_object.bundle[name].name, local.bundle_objects[name], null)
      build_account    = google_service_account.build.id
      repository       = google_artifact_registry_repository.functions.id
      topics           = { for topic, t in google_pubsub_topic.this : topic => t.id }
      pubsub_agent     = local.pubsub_agent
      database_role    = google_project_iam_custom_role.documents.id
      database         = var.database == null ? google_firestore_database.this.id : "projects/${var.project_id}/databases/${var.database}"
      protected_topics = local.protected_topics
      traces           = var.tracing_ratio != null
      key              = local.key
      prefix           = local.prefix
      secret_prefix    = local.secret_prefix
      network          = contains(local.calls_out, name) ? local.network : null
    }
  }
}

# IAM takes a minute to reach the builders; a build that starts before fails.
resource "time_sleep" "builder" {
  create_duration = "60s"

  depends_on = [
    google_storage_bucket_iam_member.build_reads_bundles,
    google_artifact_registry_repository_iam_member.build_writes_images,
    google_project_iam_member.build_reads_sources,
    google_project_iam_member.build_writes_logs,
    google_project_iam_member.agent,
    google_pubsub_topic_iam_member.dead_letters,
    google_kms_crypto_key_iam_member.agent,
    google_eventarc_google_channel_config.this,
  ]
}

# On the project, because that is where Google's publisher models are asked; one permission.
resource "google_project_iam_custom_role" "model" {
  count = local.uses_vertex ? 1 : 0

  role_id     = "switchyardModel${local.suffix}"
  title       = "Switchyard: ask the model"
  permissions = ["aiplatform.endpoints.predict"]

  depends_on = [time_sleep.apis]
}

resource "google_project_iam_member" "model" {
  count = local.uses_vertex ? 1 : 0

  project = var.project_id
  role    = google_project_iam_custom_role.model[0].id
  member  = module.stage["classify"].account
}
