"""The commands of terraform/README.md: the signature they make is one that intake takes."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from datetime import UTC, datetime

import pytest

from shared.errors import Unauthenticated
from shared.event.signatures import verify_generic
from tests.terraform.workspace import ROOT, TERRAFORM, Change

README = (TERRAFORM / "README.md").read_text()
SECRETS = "google_secret_manager_secret_iam_member"
SECRET = "0123456789abcdef+/="


def script() -> str:
    """Return the block that sends the first task, with curl's arguments printed instead of sent."""
    block: str
    [block] = [b for b in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "Stripe-Signature" in b]
    fakes = (
        'curl() { printf "%s\\n" "$@"; }\n'
        "terraform() { echo https://intake.test; }\n"
        f"gcloud() {{ echo '{SECRET}'; }}\n"
    )
    return fakes + block


def test_first_task_is_signed_as_intake_expects() -> None:
    done = subprocess.run(["bash", "-c", script()], capture_output=True, text=True, timeout=20, check=True)
    arguments = done.stdout.splitlines()
    assert "https://intake.test/hooks/canary" in arguments
    headers = dict(a.lower().split(": ", 1) for a in arguments if re.match(r"[\w-]+: ", a))
    body = arguments[arguments.index("-d") + 1].encode()
    verify_generic(body, headers, [SECRET.encode()], datetime.now(UTC))
    with pytest.raises(Unauthenticated):
        verify_generic(body + b" ", headers, [SECRET.encode()], datetime.now(UTC))


def test_every_make_target_and_file_that_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets
    theirs = {"bundles.json", "desktop.json", "release.tfvars"}
    files = set(re.findall(r"\b[a-z_/]+\.(?:tf|tfvars|json)\b", README)) - theirs
    assert files
    assert {f for f in files if not (TERRAFORM / f).is_file()} == set()


def test_what_an_idle_environment_costs_is_of_what_is_planned(plans: dict[str, list[Change]]) -> None:
    rows = dict(re.findall(r"^\| ([^|]+) \| ([\d.]+ \| [\d.]+) \|$", README, re.MULTILINE))
    for place, name in enumerate(("dev", "prod")):
        cost = {what: float(said.split(" | ")[place]) for what, said in rows.items()}
        assert round(sum(cost.values()) - 2 * cost["all of it"], 1) == 0
        kinds = Counter(change.type for change in plans[name])
        secrets = {c.after["secret_id"] for c in plans[name] if c.type == SECRETS and c.after is not None}
        for begins, dollars in (
            ("Scheduler jobs", 0.10 * kinds["google_cloud_scheduler_job"]),
            ("secrets", 0.06 * len(secrets)),
            ("alerts", 0.10 * kinds["google_monitoring_alert_policy"]),
        ):
            [told] = (value for what, value in cost.items() if what.startswith(begins))
            assert told == round(dollars, 1), (name, begins)


def test_every_file_of_the_root_is_explained() -> None:
    plumbing = {"versions.tf", "outputs.tf", "manifest.tf", "apis.tf"}
    assert {p.name for p in TERRAFORM.glob("*.tf")} - plumbing <= set(re.findall(r"[a-z_]+\.tf\b", README))
