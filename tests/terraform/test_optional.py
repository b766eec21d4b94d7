"""What is off unless asked for: nothing of it is in a plan by default, and each adds and changes what it says."""

from __future__ import annotations

import pytest

from tests.terraform.test_upgrades import BEFORE
from tests.terraform.workspace import Change, Workspace

ASKED = {
    "restored": 'database = "restored-1130"',
}


@pytest.fixture(scope="module")
def asked(workspace: Workspace) -> dict[str, list[Change]]:
    """What each wish would change of a deployment that has none of it."""
    runs = "".join(
        f'run "{name}" {{\n  command = plan\n  variables {{\n    {wish}\n  }}\n}}\n' for name, wish in ASKED.items()
    )
    return {
        n: [c for c in plan if c.action != "no-op"] for n, plan in workspace.plans(BEFORE + runs).items() if n in ASKED
    }


def test_functions_move_to_a_restored_database_and_nothing_of_the_old_one_changes(
    asked: dict[str, list[Change]],
) -> None:
    changed = asked["restored"]
    assert [c.address for c in changed if c.action == "create"] == ["google_firebaserules_release.restored[0]"]
    moved = {c.type for c in changed if c.action != "create"}
    run = {"google_cloudfunctions2_function", "google_cloud_run_v2_service"}
    assert moved == {*run, "google_project_iam_member"}  # the conditions of the grants
    for change in changed:
        after = change.after or {}
        if change.type == "google_cloudfunctions2_function":
            environment = after["service_config"][0]["environment_variables"]
            assert environment["FIRESTORE_DATABASE"] == "restored-1130"
        if change.type == "google_project_iam_member":
            assert after["condition"][0]["expression"].endswith('databases/restored-1130"')
    (resume,) = (c for c in changed if c.address == 'module.stage["resume"].google_cloudfunctions2_function.this')
    filters = (resume.after or {})["event_trigger"][0]["event_filters"]
    assert {"attribute": "database", "operator": None, "value": "restored-1130"} in filters
