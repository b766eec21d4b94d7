"""What a change does to a deployment that runs: no task is destroyed along with code.

All is applied once, then one plan is made for each change.
"""

from __future__ import annotations

import dataclasses

import pytest

from infra.manifest import build
from infra.resources import to_json
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from tests.terraform.workspace import IMAGES, Change, Workspace
from tests.world import REGISTRY

STAGES = ("classify", "resume", "deadletter", "sweep")
EXECUTOR = 'module.executor["execute-order-status"]'
BEFORE = """
variables {
  project_id        = "test-project"
  alert_emails      = ["oncall@acme.test"]
  model             = { location = "global" }
  sources           = ["canary"]
  provider_settings = {
    SHOP_API_URL    = "https://shop.acme.test"
    AUTH0_API_URL   = "https://acme.auth0.test"
    AUTH0_CLIENT_ID = "switchyard"
  }
  bundles           = { for name in keys(jsondecode(file("manifest.json")).functions) : name => sha256("old ${name}") }
}

run "before" {}
"""
# Run by run, what differs from before: HCL, and the intents where they are others.
NEW_BUNDLES = """
  variables {
    bundles = { for name in keys(jsondecode(file("manifest.json")).functions) : name => sha256("new ${name}") }
  }
"""
NEW_IMAGE = f"""
  variables {{
    images  = {{ console = "{IMAGES["console"]}", intake = "{IMAGES["intake"].replace("sha256:", "sha256:0")[:-1]}" }}
    serving = {{ intake = "intake-00007-abc" }}
  }}
"""
NEW_SECRET = """
  override_data {
    target = data.google_secret_manager_secret_version.this["CANARY_WEBHOOK_SECRET"]
    values = { version = "4" }
  }
"""
RESTORED = """
  variables {
    database = "restored-1130"
  }
  expect_failures = [check.a_restored_database_is_no_home]
"""
REPLACED = f"""
  plan_options {{
    replace = [{EXECUTOR}.google_cloudfunctions2_function.this]
  }}
"""
# Last, for it applies once more: with people at the console, whose service is then replaced.
OPENED = """
  variables {
    console = { members = ["group:ops@acme.test"], canary = "deploy@test-project.iam.gserviceaccount.com" }
  }
"""
AT_CONSOLE = f"""
run "opened" {{{OPENED}}}

run "replaced_console" {{
  command = plan{OPENED}
  plan_options {{
    replace = [module.service["console"].google_cloud_run_v2_service.this]
  }}
}}
"""


def without(name: str) -> Registry:
    """Return the intents but this one."""
    return Registry({n: intent for n, intent in REGISTRY.items() if n != name})


def renamed() -> Registry:
    """Return the intents, one of them under another name."""
    intent: Intent = dataclasses.replace(REGISTRY["order_status"], name="where_is_order")
    return Registry({**without("order_status"), "where_is_order": intent})


def wider() -> Registry:
    """Return the intents, of one of which more may run at once and for longer."""
    intent = REGISTRY["order_status"]
    limits = dataclasses.replace(intent.limits, max_concurrency=40, timeout_s=60)
    return Registry({**REGISTRY, "order_status": dataclasses.replace(intent, limits=limits)})


def other_intents(name: str) -> str:
    """Return what names the manifest of a run, and bundles for its functions."""
    return f"""
  variables {{
    manifest = "{name}.json"
    bundles  = {{ for name in keys(jsondecode(file("{name}.json")).functions) : name => sha256("old ${{name}}") }}
  }}
"""


@pytest.fixture(scope="module")
def upgrades(workspace: Workspace) -> dict[str, list[Change]]:
    """What each run would change of the deployment as it was."""
    runs = {
        "same": "",
        "new_bundles": NEW_BUNDLES,
        "new_image": NEW_IMAGE,
        "new_secret": NEW_SECRET,
        "replaced": REPLACED,
        "restored": RESTORED,
    }
    for name, registry in {"removed": without("order_status"), "renamed": renamed(), "wider": wider()}.items():
        (workspace.folder / f"{name}.json").write_text(to_json(build(registry)))
        runs[name] = other_intents(name)
    planned = "".join(f'run "{name}" {{\n  command = plan\n{differs}}}\n' for name, differs in runs.items())
    plans = workspace.plans(BEFORE + planned + AT_CONSOLE)
    return {name: [c for c in plans[name] if c.action != "no-op"] for name in (*runs, "replaced_console")}


def test_same_manifest_changes_nothing(upgrades: dict[str, list[Change]]) -> None:
    assert upgrades["same"] == []


def test_functions_move_to_a_restored_database_and_nothing_of_the_old_one_changes(
    upgrades: dict[str, list[Change]],
) -> None:
    changed = upgrades["restored"]
    assert [c.address for c in changed if c.action == "create"] == ["google_firebaserules_release.restored[0]"]
    moved = {c.type for c in changed if c.action != "create"}
    functions, services = "google_cloudfunctions2_function", "google_cloud_run_v2_service"
    assert moved == {functions, services, "google_project_iam_member"}  # the last for the conditions of the grants
    known = {c.address: c.after or {} for c in changed}
    for found in (after for address, after in known.items() if f".{functions}." in address):
        assert found["service_config"][0]["environment_variables"]["FIRESTORE_DATABASE"] == "restored-1130"
    for found in (after for address, after in known.items() if ".google_project_iam_member." in address):
        assert found["condition"][0]["expression"].endswith('databases/restored-1130"')
    filters = known[f'module.stage["resume"].{functions}.this']["event_trigger"][0]["event_filters"]
    assert {"attribute": "database", "operator": None, "value": "restored-1130"} in filters


def test_removed_intent_takes_its_own_parts_along_and_nothing_else(upgrades: dict[str, list[Change]]) -> None:
    deleted = {c.address for c in upgrades["removed"] if c.action == "delete"}
    assert deleted == {
        'google_pubsub_topic.this["intent-order-status"]',
        *(
            f"{EXECUTOR}.{part}"
            for part in (
                "google_service_account.caller",
                "google_cloudfunctions2_function.this",
                "google_cloud_run_v2_service_iam_member.caller",
                "module.account.google_service_account.this",
                "module.account.google_project_iam_member.documents[0]",
                'module.account.google_secret_manager_secret_iam_member.this["SHOP_API_KEY"]',
                'module.account.google_pubsub_topic_iam_member.publisher["intent-order-status"]',
                'module.account.google_pubsub_topic_iam_member.publisher["results"]',
                'google_pubsub_subscription.this["intent-order-status"]',
                'google_pubsub_subscription_iam_member.pubsub["intent-order-status"]',
                "google_service_account_iam_member.pubsub[0]",
            )
        ),
        *(
            f'{mover}.module.account.google_pubsub_topic_iam_member.publisher["intent-order-status"]'
            for mover in (*(f'module.stage["{s}"]' for s in STAGES), 'module.service["console"]')
        ),
    }


def test_removed_intent_destroys_nothing_that_holds_tasks(upgrades: dict[str, list[Change]]) -> None:
    touched = {c.type for c in upgrades["removed"]}
    assert not touched & {"google_firestore_database", "google_firestore_field", "google_firestore_index"}
    lost = {c.address for c in upgrades["removed"] if "delete" in c.action and c.type.startswith("google_pubsub_")}
    assert all("intent-order-status" in a or "execute-order-status" in a for a in lost)


def test_renamed_intent_is_one_removed_and_one_added(upgrades: dict[str, list[Change]]) -> None:
    created = {c.address for c in upgrades["renamed"] if c.action == "create"}
    deleted = {c.address for c in upgrades["renamed"] if c.action == "delete"}
    assert 'google_pubsub_topic.this["intent-where-is-order"]' in created
    assert {a.replace("where-is-order", "order-status") for a in created} == deleted


def test_new_bundle_updates_its_functions_in_place(upgrades: dict[str, list[Change]]) -> None:
    changes = upgrades["new_bundles"]
    assert {c.type for c in changes} == {"google_cloudfunctions2_function"}
    assert {c.action for c in changes} == {"update"}
    assert len(changes) == len([f for f in build(REGISTRY).functions if f.trigger != "http"])
    # Rolling back is the same change the other way round: a function has no memory of its bundle but the name.


def test_new_image_is_a_revision_of_its_service_and_touches_nothing_else(upgrades: dict[str, list[Change]]) -> None:
    [change] = upgrades["new_image"]
    assert (change.address, change.action) == ('module.service["intake"].google_cloud_run_v2_service.this', "update")
    assert change.after is not None
    serves, waits = change.after["traffic"]
    assert (serves["revision"], serves["percent"]) == ("intake-00007-abc", 100)
    assert (waits["tag"], waits["percent"]) == ("next", 0)


def test_new_version_of_a_secret_is_a_revision_of_those_who_read_it(upgrades: dict[str, list[Change]]) -> None:
    """It holds the old secret and the new, so that nothing is lost while the source changes to the new one."""
    assert [(c.address, c.action) for c in upgrades["new_secret"]] == [
        ('module.service["intake"].google_cloud_run_v2_service.this', "update")
    ]


def test_replaced_function_can_be_called_at_once(upgrades: dict[str, list[Change]]) -> None:
    """The grant to call it is on the service that goes with it."""
    replaced = {c.address for c in upgrades["replaced"] if "delete" in c.action}
    parts = ("google_cloudfunctions2_function.this", "google_cloud_run_v2_service_iam_member.caller")
    assert replaced == {f"{EXECUTOR}.{part}" for part in parts}


def test_replaced_console_can_be_reached_at_once(upgrades: dict[str, list[Change]]) -> None:
    console = 'module.service["console"]'
    people = ("group:ops@acme.test", "serviceAccount:deploy@test-project.iam.gserviceaccount.com")
    assert {c.address for c in upgrades["replaced_console"] if "delete" in c.action} == {
        f"{console}.google_cloud_run_v2_service.this",
        f"{console}.google_cloud_run_v2_service_iam_member.proxy[0]",
        *(f'{console}.google_iap_web_cloud_run_service_iam_member.people["{who}"]' for who in people),
    }


def test_new_concurrency_updates_in_place_and_keeps_the_backlog(upgrades: dict[str, list[Change]]) -> None:
    assert {(c.type, c.action) for c in upgrades["wider"]} == {
        ("google_cloudfunctions2_function", "update"),
        ("google_pubsub_subscription", "update"),
    }
