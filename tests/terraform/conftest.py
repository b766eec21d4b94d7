"""Terraform, once per process; where it cannot be had the suite is skipped with one line, and fails in CI."""

from __future__ import annotations

import os

import pytest

from tests.terraform.workspace import Change, Unusable, Workspace

ENVIRONMENTS = ("dev", "prod")


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    try:
        return Workspace.open(tmp_path_factory.mktemp("terraform"))
    except Unusable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def plans(workspace: Workspace) -> dict[str, list[Change]]:
    """What each environment consists of."""
    plan = 'run "plan" {\n  command = plan\n}\n'
    return {name: workspace.changes(plan, f"-var-file={name}.tfvars") for name in ENVIRONMENTS}


@pytest.fixture(params=ENVIRONMENTS)
def plan(request: pytest.FixtureRequest, plans: dict[str, list[Change]]) -> list[Change]:
    """One environment after the other."""
    return plans[request.param]
