# One service at a time: public, behind the proxy, or shut; and how a new revision comes to its traffic.

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/test-project/serviceAccounts/somebody@test-project.iam.gserviceaccount.com"
      email  = "somebody@test-project.iam.gserviceaccount.com"
      member = "serviceAccount:somebody@test-project.iam.gserviceaccount.com"
    }
  }
}

variables {
  function = {
    name    = "console", timeout_s = 60, instances = 2, requests_per_instance = 40, memory_mib = 512
    account = "run-console", publishes = ["results"], stores = true
  }
  image         = "europe-west1-docker.pkg.dev/test-project/services/console@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  serving       = null
  environment   = { BACKEND = "gcp" }
  secrets       = { PRIVACY_KEY = "3" }
  min_instances = 1
  public        = false
  iap           = null
  platform = {
    project_id    = "test-project"
    region        = "europe-west1"
    database_role = "projects/test-project/roles/documents"
    database      = "projects/test-project/databases/(default)"
    topics        = { results = "projects/test-project/topics/results" }
  }
}

run "where_nobody_is_let_in_it_cannot_be_reached" {
  command = plan
  module {
    source = "./modules/service"
  }

  assert {
    condition     = google_cloud_run_v2_service.this.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY" && !google_cloud_run_v2_service.this.invoker_iam_disabled && !google_cloud_run_v2_service.this.iap_enabled
    error_message = "Somebody could reach it."
  }
  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.proxy) + length(google_iap_web_cloud_run_service_iam_member.people) + length(google_iap_settings.programs) == 0
    error_message = "Somebody may call it."
  }
}

run "behind_the_proxy_only_its_agent_calls_and_only_members_come_in" {
  module {
    source = "./modules/service"
  }
  variables {
    iap = {
      agent                = "serviceAccount:service-1@gcp-sa-iap.iam.gserviceaccount.com"
      members              = ["group:ops@acme.test", "serviceAccount:robot@test-project.iam.gserviceaccount.com"]
      programmatic_clients = ["1-a.apps.googleusercontent.com"]
      project_number       = "1"
    }
  }

  assert {
    condition     = google_cloud_run_v2_service.this.iap_enabled && !google_cloud_run_v2_service.this.invoker_iam_disabled && google_cloud_run_v2_service.this.ingress == "INGRESS_TRAFFIC_ALL"
    error_message = "People cannot reach the proxy, or can pass it by."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_member.proxy[0].name == "console" && google_cloud_run_v2_service_iam_member.proxy[0].role == "roles/run.invoker" && google_cloud_run_v2_service_iam_member.proxy[0].member == var.iap.agent
    error_message = "The proxy may not call it, or somebody else may."
  }
  assert {
    condition     = { for m, grant in google_iap_web_cloud_run_service_iam_member.people : m => "${grant.cloud_run_service_name} ${grant.role}" } == { for m in var.iap.members : m => "console roles/iap.httpsResourceAccessor" }
    error_message = "The proxy lets others in."
  }
  assert {
    condition     = google_iap_settings.programs[0].name == "projects/1/iap_web/cloud_run-europe-west1/services/console"
    error_message = "A desktop client is let in elsewhere."
  }
}

run "a_public_service_asks_for_no_google_identity_and_grants_nobody_anything" {
  command = plan
  module {
    source = "./modules/service"
  }
  variables {
    public = true
  }

  assert {
    condition     = google_cloud_run_v2_service.this.invoker_iam_disabled && google_cloud_run_v2_service.this.ingress == "INGRESS_TRAFFIC_ALL"
    error_message = "Webhooks do not come in."
  }
  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.proxy) == 0
    error_message = "An organisation may refuse the grant."
  }
}

run "a_new_revision_serves_at_once_where_none_is_named" {
  command = plan
  module {
    source = "./modules/service"
  }

  assert {
    condition     = [for t in google_cloud_run_v2_service.this.traffic : "${t.type} ${t.percent} ${t.tag}"] == ["TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST 100 next"]
    error_message = "Traffic: ${jsonencode(google_cloud_run_v2_service.this.traffic)}"
  }
}

run "a_new_revision_waits_under_its_tag_while_another_serves" {
  command = plan
  module {
    source = "./modules/service"
  }
  variables {
    serving = "console-00007-abc"
  }

  assert {
    condition     = google_cloud_run_v2_service.this.traffic[0].revision == "console-00007-abc" && google_cloud_run_v2_service.this.traffic[0].percent == 100
    error_message = "What serves would lose traffic."
  }
  assert {
    condition     = google_cloud_run_v2_service.this.traffic[1].tag == "next" && google_cloud_run_v2_service.this.traffic[1].percent == 0 && length(google_cloud_run_v2_service.this.traffic) == 2
    error_message = "What is new would get traffic before it was tested."
  }
}

run "it_runs_as_itself_and_no_more_often_than_it_may" {
  module {
    source = "./modules/service"
  }

  assert {
    condition     = google_cloud_run_v2_service.this.template[0].service_account == module.account.email
    error_message = "It runs as somebody else."
  }
  assert {
    condition     = google_cloud_run_v2_service.this.scaling[0].max_instance_count == 2 && google_cloud_run_v2_service.this.scaling[0].min_instance_count == 1 && google_cloud_run_v2_service.this.template[0].max_instance_request_concurrency == 40
    error_message = "Two revisions together have the limit twice, or each is kept warm."
  }
  assert {
    condition     = google_cloud_run_v2_service.this.template[0].containers[0].resources[0].cpu_idle
    error_message = "It is paid for while it does nothing."
  }
}

run "an_image_that_was_not_built_stops_the_plan" {
  command = plan
  module {
    source = "./modules/service"
  }
  variables {
    image = null
  }

  expect_failures = [google_cloud_run_v2_service.this]
}
