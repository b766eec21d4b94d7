"""What is off unless asked for: nothing of it is in a plan by default, and all of it together is what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.asked import ROLES_OF
from infra.bootstrap import ROLES
from tests.terraform.discovery import problems
from tests.terraform.requests import OPTIONAL, request
from tests.terraform.test_upgrades import BEFORE
from tests.terraform.workspace import TERRAFORM, Change, Workspace

KEY = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k"
ABROAD = "projects/keys/locations/europe/keyRings/r/cryptoKeys/k"
FUNCTION = "google_cloudfunctions2_function"
SERVICE = "google_cloud_run_v2_service"
ASKED = f"""
run "asked" {{
  command = plan
  variables {{
    audit_logs         = ["database", "secrets", "sign_in"]
    egress             = {{}}
    encryption         = {{ key = "{KEY}", database_key = "{ABROAD}" }}
    firestore_location = "eur3"
    labels             = {{ team = "ops" }}
    storage_regions    = ["europe-west4", "europe-west3"]
  }}
  expect_failures = [check.messages_rest_where_they_are_read]
}}
"""


COPY = """
run "copy" {
  command = plan
  variables {
    prefix  = "acme"
    serving = { intake = "acme-intake-00007-abc" }
  }
}
"""
# What the two copies of one project share: switched on by both, off by none; and one person may be told twice.
SHARED = {"google_project_service", "google_project_iam_member", "google_monitoring_notification_channel"}
NAMES = ("name", "account_id", "role_id", "repository_id", "secret_id", "display_name", "database")


@pytest.fixture(scope="module")
def planned(workspace: Workspace) -> dict[str, list[Change]]:
    """What deployments that begin with something asked for consist of."""
    before, _, _ = BEFORE.partition("run ")
    return workspace.plans(before + ASKED + COPY)


@pytest.fixture(scope="module")
def asked(planned: dict[str, list[Change]]) -> list[Change]:
    """One that has all of it."""
    return planned["asked"]


@pytest.fixture(scope="module")
def copy(planned: dict[str, list[Change]]) -> list[Change]:
    """One beside another in its project."""
    return planned["copy"]


def of(changes: list[Change], kind: str) -> Iterator[dict[str, Any]]:
    """Yield what is known of the resources of a type; there is at least one."""
    found = [change.after or {} for change in changes if change.type == kind]
    assert found, kind
    return iter(found)


def one(changes: list[Change], kind: str) -> dict[str, Any]:
    """Return the only one of a type."""
    (found,) = of(changes, kind)
    return found


def test_nothing_of_it_is_in_a_plan_by_default(plan: list[Change]) -> None:
    optional = ("google_compute_", "google_kms_", "google_eventarc_", "google_project_iam_audit_config")
    assert [c.address for c in plan if c.type.startswith(optional)] == []
    for kind in (FUNCTION, "google_pubsub_topic", "google_artifact_registry_repository"):
        assert {found.get("kms_key_name") for found in of(plan, kind)} == {None}
    assert {found["template"][0].get("encryption_key") for found in of(plan, SERVICE)} == {None}
    assert {found["service_config"][0].get("direct_vpc_egress") for found in of(plan, FUNCTION)} == {None}
    assert {
        found["message_storage_policy"][0]["allowed_persistence_regions"][0]
        for found in of(plan, "google_pubsub_topic")
    } == {"europe-west1"}


def test_those_who_call_out_go_through_one_address(asked: list[Change]) -> None:
    functions = {f["name"]: f["service_config"][0] for f in of(asked, FUNCTION)}
    outwards = {name for name, config in functions.items() if config.get("direct_vpc_egress")}
    assert outwards == {"classify", "notify", *(name for name in functions if name.startswith("execute-"))}
    assert {functions[name]["direct_vpc_egress"] for name in outwards} == {"VPC_EGRESS_ALL_TRAFFIC"}
    assert {len(config["direct_vpc_network_interface"]) for config in functions.values()} == {0, 1}
    nat = one(asked, "google_compute_router_nat")
    assert (nat["nat_ip_allocate_option"], nat["log_config"][0]["filter"]) == ("MANUAL_ONLY", "ERRORS_ONLY")
    assert one(asked, "google_compute_subnetwork")["private_ip_google_access"] is True
    assert one(asked, "google_compute_address")["deletion_policy"] == "PREVENT"


def test_everything_that_rests_has_a_key_of_its_place(asked: list[Change]) -> None:
    for kind in (FUNCTION, "google_pubsub_topic", "google_artifact_registry_repository"):
        assert {found["kms_key_name"] for found in of(asked, kind)} == {KEY}, kind
    assert {found["template"][0]["encryption_key"] for found in of(asked, SERVICE)} == {KEY}
    assert one(asked, "google_storage_bucket")["encryption"][0]["default_kms_key_name"] == KEY
    assert one(asked, "google_firestore_database")["cmek_config"][0]["kms_key_name"] == ABROAD
    # The events of a database elsewhere are there, where a key of this region may not be used.
    assert "google_eventarc_google_channel_config" not in {change.type for change in asked}


def test_googles_agents_may_use_the_key_of_their_service(asked: list[Change]) -> None:
    grants = list(of(asked, "google_kms_crypto_key_iam_member"))
    assert {grant["role"] for grant in grants} == {"roles/cloudkms.cryptoKeyEncrypterDecrypter"}
    agents = {g["member"].partition("@")[2].partition(".")[0]: g["crypto_key_id"] for g in grants}
    here = {"gcf-admin-robot", "gcp-sa-artifactregistry", "gcp-sa-eventarc", "gcp-sa-pubsub"}
    here |= {"gs-project-accounts", "serverless-robot-prod"}
    assert agents == {**dict.fromkeys(here, KEY), "gcp-sa-firestore": ABROAD}


def test_messages_rest_in_the_regions_that_are_named(asked: list[Change]) -> None:
    for topic in of(asked, "google_pubsub_topic"):
        (policy,) = topic["message_storage_policy"]
        assert set(policy["allowed_persistence_regions"]) == {"europe-west3", "europe-west4"}


def test_accesses_are_logged_but_those_of_the_functions_to_documents(asked: list[Change]) -> None:
    found = {a["service"]: a["audit_log_config"] for a in of(asked, "google_project_iam_audit_config")}
    kinds = {service: {config["log_type"] for config in configs} for service, configs in found.items()}
    assert kinds == {
        "datastore.googleapis.com": {"DATA_READ", "DATA_WRITE"},
        "secretmanager.googleapis.com": {"DATA_READ"},
        "iap.googleapis.com": {"ADMIN_READ", "DATA_READ", "DATA_WRITE"},
    }
    exempted = {s: any(config.get("exempted_members") != [] for config in configs) for s, configs in found.items()}
    assert exempted == {
        "datastore.googleapis.com": True,
        "secretmanager.googleapis.com": False,
        "iap.googleapis.com": False,
    }


def test_labels_are_on_what_the_providers_own_do_not_reach(asked: list[Change]) -> None:
    for kind in ("google_monitoring_alert_policy", "google_monitoring_notification_channel"):
        assert all(found["user_labels"] == {"app": "switchyard", "team": "ops"} for found in of(asked, kind))


def test_apis_are_enabled_that_only_this_needs(asked: list[Change], plan: list[Change]) -> None:
    more = {s["service"] for s in of(asked, "google_project_service")} - {
        s["service"] for s in of(plan, "google_project_service")
    }
    assert more == {"cloudkms.googleapis.com", "compute.googleapis.com"}


def test_the_apis_take_all_of_it(asked: list[Change]) -> None:
    planned = [(change.type, found) for change in asked if (found := request(change))]
    assert {kind for kind, _ in planned} >= OPTIONAL.keys()
    assert [f"{kind}: {problem}" for kind, found in planned for problem in problems(*found)] == []


def test_who_applies_has_a_role_for_all_of_it(asked: list[Change]) -> None:
    kinds = {c.type for c in asked if c.type.startswith("google_")} - {"google_kms_crypto_key_iam_member"}  # on the key
    asked_for = [starts for roles in ROLES_OF.values() for starts in roles.values()]
    begins = [begin for starts in (*ROLES.values(), *asked_for) for begin in starts]
    assert [kind for kind in sorted(kinds) if not kind.startswith(tuple(begins))] == []


def test_what_can_be_taken_over_is_what_is_planned(asked: list[Change]) -> None:
    taken = re.findall(r"^take '?(google_\S+?)'? \"", (TERRAFORM / "README.md").read_text(), re.MULTILINE)
    assert len(taken) >= 8
    assert set(taken) <= {change.address for change in asked}


def named(changes: list[Change]) -> set[tuple[str, str]]:
    """Return the type and the first name of each resource that has one."""
    found = ((c.type, next((str(c.after[n]) for n in NAMES if c.after and c.after.get(n)), "")) for c in changes)
    return {(kind, name) for kind, name in found if name and kind not in SHARED}


def test_a_second_copy_in_a_project_is_called_like_nothing_of_the_first(plan: list[Change], copy: list[Change]) -> None:
    assert len(named(copy)) > 100
    assert named(copy) & named(plan) == set()


def test_ids_of_a_copys_accounts_are_short_enough_and_of_their_own(copy: list[Change]) -> None:
    ids = [account["account_id"] for account in of(copy, "google_service_account")]
    assert len(ids) == len(set(ids)) > 20
    assert all(len(name) <= 30 and name.startswith("acme-") for name in ids)


def test_a_copys_functions_know_their_topics_their_database_and_their_secrets(copy: list[Change]) -> None:
    assert one(copy, "google_firestore_database")["name"] == "acme"
    for function in of(copy, FUNCTION):
        config = function["service_config"][0]
        assert config["environment_variables"]["TOPIC_PREFIX"] == "acme-"
        assert config["environment_variables"]["FIRESTORE_DATABASE"] == "acme"
        assert all(s["secret"] == f"ACME_{s['key']}" for s in config["secret_environment_variables"])
    assert {s["name"] for s in of(copy, "google_pubsub_subscription")} >= {"acme-tasks", "acme-intent-refund-request"}
    assert all(s["secret_id"].startswith("ACME_") for s in of(copy, "google_secret_manager_secret_iam_member"))


def test_a_copys_numbers_are_read_of_its_own_lines(copy: list[Change]) -> None:
    for metric in of(copy, "google_logging_metric"):
        assert metric["name"].startswith("switchyard_acme/")
        assert 'resource.labels.service_name=~"^acme-"' in metric["filter"]
    for policy in of(copy, "google_monitoring_alert_policy"):
        query = policy["conditions"][0]["condition_prometheus_query_language"][0]["query"]
        assert "user_switchyard_acme_" in query or "acme-" in query
