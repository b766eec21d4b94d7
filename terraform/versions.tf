terraform {
  required_version = ">= 1.9" # variables validate against each other and against the manifest

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "7.45.0" # of 2026-08-18; one version, so that a plan is applied with what made it
    }
    time = {
      source  = "hashicorp/time"
      version = "0.13.1"
    }
  }

  # The bucket is named at init: terraform init -backend-config=bucket=...
  backend "gcs" {
    prefix = "switchyard"
  }
}

provider "google" {
  project        = var.project_id
  region         = var.region
  default_labels = local.labels

  # Budgets are billed to the project that asks for them, whoever applies.
  user_project_override = true
  billing_project       = var.project_id
}
