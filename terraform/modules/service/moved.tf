# What was here while the service was a function: see README.md, "From a deployment of before".

moved {
  from = google_service_account.this
  to   = module.account.google_service_account.this
}

moved {
  from = google_secret_manager_secret_iam_member.this
  to   = module.account.google_secret_manager_secret_iam_member.this
}

moved {
  from = google_project_iam_member.documents
  to   = module.account.google_project_iam_member.documents
}

moved {
  from = google_project_iam_member.traces
  to   = module.account.google_project_iam_member.traces
}

moved {
  from = google_pubsub_topic_iam_member.publisher
  to   = module.account.google_pubsub_topic_iam_member.publisher
}

moved {
  from = google_cloud_run_v2_service_iam_member.caller
  to   = google_cloud_run_v2_service_iam_member.proxy
}
