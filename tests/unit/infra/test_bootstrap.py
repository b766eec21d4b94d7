"""What is made before Terraform can work: a stand-in for gcloud on PATH records every call."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.asked import ROLES_OF
from infra.bootstrap import ROLES

ROOT = Path(__file__).resolve().parents[3]
MEMBER = "--member=serviceAccount:deploy@example-dev.iam.gserviceaccount.com"
GCLOUD = """#!{python}
import re, sys
said = " ".join(sys.argv[1:])
open({calls!r}, "a").write(said + "\\n")
for path in re.findall("-(?:lifecycle-file|policy)=(\\S+)", said):
    open({calls!r} + ".files", "a").write(open(path).read() + "\\n")
if "--data-file=-" in said:
    open({calls!r} + ".secrets", "a").write(sys.stdin.read() + "\\n")
there = {there!r}
print("\\n".join(answer for words, answer in there.items() if said.startswith(words)))
sys.exit(1 if {failing!r} and said.startswith({failing!r}) else 0)
"""
THERE = {
    "storage buckets describe": "example-dev-tfstate",
    "iam service-accounts describe": "deploy@example-dev.iam.gserviceaccount.com",
    "artifacts repositories describe": "services",
    "builds triggers list": "plan\napply",
    "secrets describe": "PRIVACY_KEY",
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
    assert not any(value in done.stdout for value in written(folder, "secrets"))
    return done.returncode, done.stderr, calls.read_text().splitlines() if calls.exists() else []


def written(folder: Path, what: str) -> list[str]:
    """Return what gcloud was given of a kind: files, or the values of secrets."""
    path = folder / f"calls.{what}"
    return path.read_text().splitlines() if path.exists() else []


def test_empty_project_gets_what_terraform_needs_in_its_order(tmp_path: Path) -> None:
    status, errors, calls = bootstrap(tmp_path)
    assert (status, errors) == (0, "")
    asked = [call for call in calls if " describe " not in call]
    enabled, *agents, create, update, account = asked[:7]
    granted, images = asked[7 : 7 + len(ROLES)], asked[7 + len(ROLES) :]
    assert enabled.startswith("services enable cloudresourcemanager.googleapis.com iam.googleapis.com")
    assert " iamcredentials.googleapis.com " in enabled  # or nobody signs as the account that looks at the console
    assert [a.split("=")[1].split(".")[0] for a in agents] == ["pubsub", "eventarc", "iap"]
    assert "buckets create gs://example-dev-tfstate" in create
    assert "--public-access-prevention" in create
    assert "--versioning --lifecycle-file=" in update
    assert account.startswith("iam service-accounts create deploy --project=example-dev")
    grants = [call for call in granted if call.startswith(f"projects add-iam-policy-binding example-dev {MEMBER} ")]
    assert len(grants) == len(ROLES)
    repository, cleanup, builder, *may, secret = images
    place = "--project=example-dev --location=europe-west1"
    assert repository == f"artifacts repositories create services {place} --repository-format=docker --immutable-tags"
    assert cleanup.startswith(f"artifacts repositories set-cleanup-policies services {place} --policy=")
    assert builder.startswith("iam service-accounts create build-services --project=example-dev")
    # Who builds writes images and a log, and reads of the bucket what it is to build: the state is there, too.
    for grant, role in zip(may, ("artifactregistry.writer", "logging.logWriter", "storage.objectViewer"), strict=True):
        assert "--member=serviceAccount:build-services@example-dev.iam.gserviceaccount.com" in grant
        assert f"--role=roles/{role} " in grant
    assert 'startsWith("projects/_/buckets/example-dev-tfstate/objects/builds/")' in may[-1]
    assert secret == "secrets create PRIVACY_KEY --project=example-dev --data-file=-"
    [value] = written(tmp_path, "secrets")
    assert len(bytes.fromhex(value)) == 32


def test_plans_hold_what_the_state_holds_and_are_deleted_after_a_month(tmp_path: Path) -> None:
    bootstrap(tmp_path)
    rules, cleanup = (json.loads(text) for text in written(tmp_path, "files"))
    [rule] = rules["rule"]
    assert rule["action"] == {"type": "Delete"}
    assert rule["condition"] == {"age": 30, "matchesPrefix": ["plans/", "builds/"]}
    assert [policy["action"]["type"] for policy in cleanup] == ["Keep", "Delete"]


def test_what_is_only_to_be_random_is_made_once_and_with_the_names_of_a_copy(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "again").mkdir()
    _, _, calls = bootstrap(tmp_path / "copy", variables='sources = ["zendesk", "canary"]\nprefix = "acme"\n')
    made = [call.split()[2] for call in calls if call.startswith("secrets create ")]
    assert made == ["ACME_PRIVACY_KEY", "ACME_CANARY_WEBHOOK_SECRET"]
    assert len(set(written(tmp_path / "copy", "secrets"))) == 2
    _, _, calls = bootstrap(tmp_path / "again", there=THERE, variables='sources = ["canary"]\n')
    assert not [call for call in calls if call.startswith("secrets create ")]


@pytest.mark.parametrize(("paid", "linked"), [({}, 1), ({"billing projects describe": "True"}, 0)])
def test_somebody_pays_before_anything_is_enabled(tmp_path: Path, paid: dict[str, str], linked: int) -> None:
    _, _, calls = bootstrap(tmp_path, "--billing-account=000000-111111-222222", there=paid)
    links = [call for call in calls if call.startswith("billing projects link")]
    assert links == ["billing projects link example-dev --billing-account=000000-111111-222222"] * linked
    assert all(calls.index(call) < calls.index(next(c for c in calls if "services enable" in c)) for call in links)


def test_what_is_there_stays(tmp_path: Path) -> None:
    status, _, calls = bootstrap(tmp_path, "--repository=acme/switchyard", there=THERE)
    assert status == 0
    assert not [call for call in calls if " create " in call and " identity create " not in call]


def test_pipeline_plans_on_every_push_and_applies_what_a_person_approved(tmp_path: Path) -> None:
    pays = 'budget = { billing_account = "000000-111111-222222", amount = 5 }\n'
    _, _, calls = bootstrap(tmp_path, "--repository=acme/switchyard", variables=pays)
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
    administered = [call.split()[3] for call in more if call.endswith("--role=roles/cloudkms.admin --format=none")]
    assert administered == sorted(keys)
    agents = [call.partition("--service=")[2].split(".")[0] for call in more if " identity create " in call]
    assert agents == ["artifactregistry", "secretmanager", "cloudfunctions", "firestore", "run"]


def test_what_is_made_before_terraform_has_the_key_whose_agents_were_given_it(tmp_path: Path) -> None:
    key = "projects/k/locations/europe-west1/keyRings/r/cryptoKeys/k"
    there = {"projects describe": "123456789012"}
    _, _, calls = bootstrap(tmp_path, there=there, variables=f'encryption = {{ key = "{key}" }}\n')

    def at(words: str) -> int:
        return next(n for n, call in enumerate(calls) if words in call)

    for made, agent in (
        ("buckets update gs://example-dev-tfstate --versioning", f"--authorize-cmek={key}"),
        ("artifacts repositories create services", "service-123456789012@gcp-sa-artifactregistry"),
        ("secrets create PRIVACY_KEY", "service-123456789012@gcp-sa-secretmanager"),
    ):
        assert key in calls[at(made)], made
        assert at(agent) < at(made)
        assert "--authorize-cmek" in agent or "roles/cloudkms.cryptoKeyEncrypterDecrypter" in calls[at(agent)]
    place = "--replication-policy=user-managed --locations=europe-west1"
    assert f"{place} --kms-key-name={key}" in calls[at("secrets create")]


def test_who_deploys_may_sign_as_the_account_that_looks_at_a_new_console(tmp_path: Path) -> None:
    robot = "robot@example-dev.iam.gserviceaccount.com"
    console = f'console = {{ members = ["group:ops@acme.test"], canary = "{robot}" }}\n'
    _, _, calls = bootstrap(tmp_path, there=THERE, variables=console)
    [grant] = [call for call in calls if call.startswith("iam service-accounts add-iam-policy-binding")]
    assert grant.split()[3:7] == [
        *(robot, "--project=example-dev", MEMBER, "--role=roles/iam.serviceAccountTokenCreator")
    ]


def test_variables_that_cannot_be_read_are_named_by_line(tmp_path: Path) -> None:
    status, errors, _ = bootstrap(tmp_path, variables='egress = file("x")\n')
    assert (status, errors) == (
        1,
        "bootstrap: dev.tfvars line 2: 'file' is not expected: only literal values are read here\n",
    )


def test_no_role_is_primitive() -> None:
    asked = {role for roles in ROLES_OF.values() for role in roles}
    assert not {"roles/owner", "roles/editor", "roles/viewer"} & (ROLES.keys() | asked)
