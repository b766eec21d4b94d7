# dist/<function>.zip in, a build by an account of its own out. An object's name is the hash of what it holds, so that
# a changed bundle deploys itself, and an earlier hash rolls back.

locals {
  bundle_paths = {
    for name in keys(local.functions) : name => "${var.bundle_dir}/${name}.zip" if !contains(keys(local.services), name)
  }
  bundle_hashes = {
    for name, path in local.bundle_paths :
    name => try(var.bundles[name], fileexists(path) ? filesha256(path) : "missing")
  }
  bundle_objects = { for name, hash in local.bundle_hashes : name => "${name}/${hash}.zip" }
}

resource "google_storage_bucket" "bundles" {
  # checkov:skip=CKV_GCP_62: audit logs tell who wrote; access logs would need a bucket of their own
  # checkov:skip=CKV_GCP_78: names are hashes, so that no object is ever written twice
  name                        = "${var.project_id}-${local.prefix}bundles"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.protect_data

  dynamic "encryption" {
    for_each = local.key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

resource "google_storage_bucket_object" "bundle" {
  for_each = { for name, path in local.bundle_paths : name => path if !contains(keys(var.bundles), name) }

  bucket          = google_storage_bucket.bundles.name
  name            = local.bundle_objects[each.key]
  source          = each.value
  deletion_policy = "ABANDON" # what was deployed stays there to roll back to

  lifecycle {
    precondition {
      condition     = local.bundle_hashes[each.key] != "missing"
      error_message = "${each.value} is missing: run make bundle."
    }
  }
}

resource "google_artifact_registry_repository" "functions" {
  # checkov:skip=CKV_GCP_84: Google's own encryption at rest, unless encryption names a key; images are rebuilt from bundles
  repository_id = "${local.prefix}functions"
  location      = var.region
  format        = "DOCKER"
  description   = "Images that Cloud Functions builds from bundles."
  kms_key_name  = local.key

  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions { keep_count = 3 }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition { older_than = "2592000s" }
  }

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

resource "google_service_account" "build" {
  account_id   = "${local.prefix}build-functions"
  display_name = "Builds functions from bundles"

  depends_on = [time_sleep.apis]
}

resource "google_storage_bucket_iam_member" "build_reads_bundles" {
  bucket = google_storage_bucket.bundles.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

resource "google_artifact_registry_repository_iam_member" "build_writes_images" {
  location   = google_artifact_registry_repository.functions.location
  repository = google_artifact_registry_repository.functions.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

# On the project, because the bucket that Cloud Functions copies sources to is made by itself at the first deployment;
# narrowed to that bucket.
resource "google_project_iam_member" "build_reads_sources" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "sources of functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${local.project_number}-\")"
  }
}

# On the project, because the log of a build belongs to no narrower resource; it lets write log entries, no more.
resource "google_project_iam_member" "build_writes_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}
