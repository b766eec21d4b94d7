"""What is made before Terraform can work: a stand-in for gcloud on PATH records every call."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bootstrap import ROLES, ROLES_OF

ROOT = Path(__file__).resolve().parents[3]
MEMBER = "--member=serviceAccount:deploy@example-dev.iam.gserviceaccount.com"
GCLOUD = """#!{python}
import sys
said = " ".join(sys.argv[1:])
open({calls!r}, "a").write(said + "\\n")
there = {there!r}
print("\\n".join(answer for words, answer in there.items() if said.startswith(words)))
sys.exit(1 if {failing!r} and said.startswith({failing!r}) else 0)
"""
THERE = {
    "storage buckets describe": "example-dev-tfstate",
    "iam service-accounts describe": "deploy@example-dev.iam.gserviceaccount.com",
    "artifacts repositories describe": "services",
    "builds triggers list": "plan\napply",
}


def bootstrap(
    folder: Path, *arguments: str, there: dict[str, str] | None = None, failing: str = "", variables: str = ""
) -> tuple[int, str, list[str]]:
    """Run it on a repository of its own; return its exit status, its errors, and what gcloud was told."""
    shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "terraform").mkdir()
    (folder / "terraform/dev.tfvars").write_text(f'project_id = "example-dev"\n{variables}')
    calls = folder / "calls"
    text = GCLOUD.format(python=sys.executable, calls=str(calls), there=there or {}, failing=failing)
    (folder / "bin").mkdir()
    (folder / "bin/gcloud").write_text(text)
    (folder / "bin/gcloud").chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "infra.bootstrap", "dev", *arguments],
        cwd=folder,
        env={"PATH": str(folder / "bin"), "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr, calls.read_text().splitlines()


def test_empty_project_gets_what_terraform_needs_in_its_order(tmp_path: Path) -> None:
    status, errors, calls = bootstrap(tmp_path)
    assert (status, errors) == (0, "")
    asked = [call for call in calls if " describe " not in call]
    enabled, *agents, create, update, account = asked[:7]
    granted, images = asked[7 : 7 + len(ROLES)], asked[7 + len(ROLES) :]
    assert enabled.startswith("services enable cloudresourcemanager.googleapis.com iam.googleapis.com")
    assert [a.split("=")[1].split(".")[0] for a in agents] == ["pubsub", "eventarc", "iap"]
    assert "buckets create gs://example-dev-tfstate" in create
    assert "--public-access-prevention" in create
    assert "--versioning --lifecycle-file=" in update
    assert account.startswith("iam service-accounts create deploy --project=example-dev")
    grants = [call for call in granted if call.startswith(f"projects add-iam-policy-binding example-dev {MEMBER} ")]
    assert len(grants) == len(ROLES)
    repository, cleanup, builder, *may = images
    place = "--project=example-dev --location=europe-west1"
    assert repository == f"artifacts repositories create services {place} --repository-format=docker --immutable-tags"
    assert cleanup.startswith(f"artifacts repositories set-cleanup-policies services {place} --policy=")
    assert builder.startswith("iam service-accounts create build-services --project=example-dev")
    # Who builds writes images and a log, and reads of the bucket what it is to build: the state is there, too.
    for grant, role in zip(may, ("artifactregistry.writer", "logging.logWriter", "storage.objectViewer"), strict=True):
        assert "--member=serviceAccount:build-services@example-dev.iam.gserviceaccount.com" in grant
        assert f"--role=roles/{role} " in grant
    assert 'startsWith("projects/_/buckets/example-dev-tfstate/objects/builds/")' in may[-1]


def test_what_is_there_stays(tmp_path: Path) -> None:
    status, _, calls = bootstrap(tmp_path, "--repository=acme/switchyard", there=THERE)
    assert status == 0
    assert not [call for call in calls if " create " in call and " identity create " not in call]


def test_pipeline_plans_on_every_push_and_applies_what_a_person_approved(tmp_path: Path) -> None:
    _, _, calls = bootstrap(tmp_path, "--repository=acme/switchyard", "--billing-account=000000-111111-222222")
    plan, apply = (call for call in calls if call.startswith("builds triggers create github"))
    assert "--require-approval" not in plan
    assert "--require-approval" in apply
    for phase, trigger in (("plan", plan), ("apply", apply)):
        assert f"_ENV=dev,_PHASE={phase}" in trigger
        assert "--repo-owner=acme --repo-name=switchyard --branch-pattern=^main$" in trigger
        assert "serviceAccounts/deploy@example-dev.iam.gserviceaccount.com" in trigger
    [budget] = [call for call in calls if call.startswith("billing accounts add-iam-policy-binding")]
    assert budget.split()[3:6] == ["000000-111111-222222", MEMBER, "--role=roles/billing.costsManager"]


@pytest.mark.parametrize("failing", ["services enable", "storage buckets create"])
def test_what_fails_is_named_and_nothing_follows(tmp_path: Path, failing: str) -> None:
    status, errors, calls = bootstrap(tmp_path, failing=failing)
    assert status == 1
    assert errors.startswith(f"bootstrap: gcloud {failing}")
    assert calls[-1].startswith(failing)


def test_what_the_variables_ask_for_has_its_roles_and_agents_and_nothing_else_has(tmp_path: Path) -> None:
    keys = (
        "projects/k/locations/europe-west1/keyRings/r/cryptoKeys/k",
        "projects/k/locations/europe/keyRings/r/cryptoKeys/k",
    )
    asked = f'egress = {{}}\nencryption = {{ key = "{keys[0]}", database_key = "{keys[1]}" }}\n'
    (tmp_path / "plain").mkdir()
    (tmp_path / "asked").mkdir()
    _, _, plain = bootstrap(tmp_path / "plain", there=THERE)
    status, errors, calls = bootstrap(tmp_path / "asked", there=THERE, variables=asked)
    assert (status, errors) == (0, "")
    more = [call for call in calls if call not in plain]
    roles = [call for call in more if call.startswith(f"projects add-iam-policy-binding example-dev {MEMBER} ")]
    assert [call.partition("--role=")[2].split()[0] for call in roles] == [
        "roles/compute.networkAdmin",
        "roles/eventarc.admin",
    ]
    assert "storage service-agent --project=example-dev" in more
    granted = [call.split()[3] for call in more if call.startswith("kms keys add-iam-policy-binding ")]
    assert granted == sorted(keys)
    agents = [call.partition("--service=")[2].split(".")[0] for call in more if " identity create " in call]
    assert agents == ["artifactregistry", "cloudfunctions", "firestore", "run"]


def test_variables_that_cannot_be_read_are_named_by_line(tmp_path: Path) -> None:
    status, errors, _ = bootstrap(tmp_path, variables='egress = file("x")\n')
    assert (status, errors) == (
        1,
        "bootstrap: dev.tfvars line 2: 'file' is not expected: only literal values are read here\n",
    )


def test_no_role_is_primitive() -> None:
    asked = {role for roles in ROLES_OF.values() for role in roles}
    assert not {"roles/owner", "roles/editor", "roles/viewer"} & (ROLES.keys() | asked)
