"""What a changed manifest does to a deployment that runs: no task is destroyed along with code."""

from __future__ import annotations

import dataclasses

import pytest

from infra.manifest import build, to_json
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from tests.terraform.workspace import Change, Workspace
from tests.world import REGISTRY

HASHES = '{ for name in keys(jsondecode(file("%s")).functions) : name => sha256("%s ${name}") }'

UPGRADE = """
variables {{
  project_id        = "test-project"
  sources           = ["canary"]
  provider_settings = {{
    SHOP_API_URL    = "https://shop.acme.test"
    AUTH0_API_URL   = "https://acme.auth0.test"
    AUTH0_CLIENT_ID = "switchyard"
  }}
}}

run "before" {{
  variables {{
    bundles = {before}
  }}
}}

run "after" {{
  command = plan
  variables {{
    manifest = "{manifest}"
    bundles  = {after}
  }}
}}
"""


def upgrade(workspace: Workspace, registry: Registry, *, bundles: str = "old") -> list[Change]:
    """Deploy the manifest as it is, then plan it with other intents or bundles; return what would change."""
    (workspace.folder / "upgraded.json").write_text(to_json(build(registry)))
    changes = workspace.changes(
        UPGRADE.format(
            manifest="upgraded.json",
            before=HASHES % ("manifest.json", "old"),
            after=HASHES % ("upgraded.json", bundles),
        )
    )
    return [c for c in changes if c.action != "no-op"]


def without(name: str) -> Registry:
    """Return the intents but this one."""
    return Registry({n: intent for n, intent in REGISTRY.items() if n != name})


@pytest.fixture(scope="module")
def removed(workspace: Workspace) -> list[Change]:
    """What the plan says when the folder of an intent is gone."""
    return upgrade(workspace, without("order_status"))


def test_same_manifest_changes_nothing(workspace: Workspace) -> None:
    assert upgrade(workspace, REGISTRY) == []


def test_removed_intent_takes_its_own_parts_along_and_nothing_else(removed: list[Change]) -> None:
    deleted = {c.address for c in removed if c.action == "delete"}
    assert deleted == {
        'google_pubsub_topic.this["intent-order-status"]',
        *(
            f'module.executor["execute-order-status"].{part}'
            for part in (
                "google_service_account.this",
                "google_service_account.caller[0]",
                "google_cloudfunctions2_function.this",
                "google_cloud_run_v2_service_iam_member.caller[0]",
                "google_project_iam_member.documents[0]",
                'google_secret_manager_secret_iam_member.this["SHOP_API_KEY"]',
                'google_pubsub_topic_iam_member.publisher["intent-order-status"]',
                'google_pubsub_topic_iam_member.publisher["results"]',
                'google_pubsub_subscription.this["intent-order-status"]',
                'google_pubsub_subscription_iam_member.pubsub["intent-order-status"]',
                "google_service_account_iam_member.pubsub[0]",
            )
        ),
        *(
            f'module.stage["{mover}"].google_pubsub_topic_iam_member.publisher["intent-order-status"]'
            for mover in ("classify", "resume", "deadletter", "sweep", "console")
        ),
    }


def test_removed_intent_destroys_nothing_that_holds_tasks(removed: list[Change]) -> None:
    touched = {c.type for c in removed}
    assert not touched & {"google_firestore_database", "google_firestore_field", "google_firestore_index"}
    lost = {c.address for c in removed if "delete" in c.action and c.type.startswith("google_pubsub_")}
    assert all("intent-order-status" in a or "execute-order-status" in a for a in lost)


def test_renamed_intent_is_one_removed_and_one_added(workspace: Workspace) -> None:
    renamed: Intent = dataclasses.replace(REGISTRY["order_status"], name="where_is_order")
    changes = upgrade(workspace, Registry({**without("order_status"), "where_is_order": renamed}))
    created = {c.address for c in changes if c.action == "create"}
    deleted = {c.address for c in changes if c.action == "delete"}
    assert 'google_pubsub_topic.this["intent-where-is-order"]' in created
    assert {a.replace("where-is-order", "order-status") for a in created} == deleted


def test_new_bundle_updates_its_functions_in_place(workspace: Workspace) -> None:
    changes = upgrade(workspace, REGISTRY, bundles="new")
    assert {c.type for c in changes} == {"google_cloudfunctions2_function"}
    assert {c.action for c in changes} == {"update"}
    assert len(changes) == len(build(REGISTRY).functions)
    # Rolling back is the same change the other way round: a function has no memory of its bundle but the name.


def test_new_concurrency_updates_in_place_and_keeps_the_backlog(workspace: Workspace) -> None:
    intent = REGISTRY["order_status"]
    wider = dataclasses.replace(intent, limits=dataclasses.replace(intent.limits, max_concurrency=40, timeout_s=60))
    changes = upgrade(workspace, Registry({**REGISTRY, "order_status": wider}))
    assert {(c.type, c.action) for c in changes} == {
        ("google_cloudfunctions2_function", "update"),
        ("google_pubsub_subscription", "update"),
    }
