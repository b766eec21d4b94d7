"""`python -m infra.doctor [ENV] [here|deploy]`: what is missing to work here, and to deploy to an environment.

One line for each thing: ok, or what is wrong and the command that mends it. Exit status 1 if something is missing that
cannot be done without. Needs nothing but Python, because that may be all there is.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.deploy import TERRAFORM, DeployError, Environment, environment
from infra.errors import StackError

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
OLDEST_TERRAFORM = (1, 9)
TIMEOUT_S = 60.0
# What is called before Terraform can enable the rest: see terraform/README.md.
FIRST_APIS = ("cloudresourcemanager", "iam", "serviceusage", "secretmanager", "storage", "pubsub", "eventarc")
SECRETS = "jsonencode(distinct(flatten(values(local.secrets_of))))"
SECTIONS = ("here", "deploy")
REST = "; the rest is looked at after that"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `problem` is empty where it is well; `fix` is a command."""

    what: str
    problem: str = ""
    fix: str = ""
    required: bool = True

    @property
    def mark(self) -> str:
        """How it stands, in one word."""
        return "ok" if not self.problem else "missing" if self.required else "optional"


def main() -> int:
    """Print every finding."""
    parser = argparse.ArgumentParser(prog="python -m infra.doctor", description=__doc__)
    parser.add_argument("environment", nargs="?", default="dev", metavar="ENV", help="of terraform/<ENV>.tfvars")
    parser.add_argument("section", nargs="?", choices=SECTIONS, help="default: both")
    options = parser.parse_args()
    found: list[Finding] = []
    if options.section != "deploy":
        print("to work here")
        found += _show(here())
    if options.section != "here":
        print(f"to deploy {options.environment}")
        found += _show(deployment(options.environment))
    missing = sum(f.mark == "missing" for f in found)
    print(f"{missing} missing" if missing else "nothing is missing")
    return 1 if missing else 0


def _show(findings: Iterator[Finding]) -> list[Finding]:
    """Print findings as they come: some take a while."""
    shown = []
    for finding in findings:
        print(f"  {finding.mark:<9}{finding.what}" + (f": {finding.problem}" if finding.problem else ""), flush=True)
        if finding.problem and finding.fix:
            print(f"{'':11}{finding.fix}", flush=True)
        shown.append(finding)
    return shown


def here() -> Iterator[Finding]:
    """Look at what `make run`, `make test` and the emulators need."""
    version = ".".join(map(str, sys.version_info[:3]))
    old = "" if sys.version_info >= OLDEST_PYTHON else "3.11 or newer is needed"
    yield Finding(f"Python {version}", old, "make PYTHON=/path/to/python3.11 run")
    yield _environment("development environment", ".venv", "dev", required=True)
    yield _environment("environment of google-generativeai", ".venv-classify", "classify", required=False)
    yield _emulators()
    yield _settings()
    yield _switches()
    yield Finding("what to paste into a Zendesk trigger: README.md, Send events")


def _environment(what: str, folder: str, stamp: str, *, required: bool) -> Finding:
    """An environment is what its lock says if the stamp is newer: that is what make goes by."""
    made, lock = ROOT / folder / f".{stamp}", ROOT / "infra/requirements" / f"{stamp}.txt"
    if not made.exists():
        return Finding(what, "not set up", f"make {folder}/.{stamp}", required)
    stale = made.stat().st_mtime < lock.stat().st_mtime
    return Finding(what, "older than its lock" if stale else "", f"make {folder}/.{stamp}", required)


def _emulators() -> Finding:
    what = "Google's emulators (make run BACKEND=emulators)"
    try:
        from infra.emulators import sdk

        root = sdk.sdk_root(os.environ)
        sdk.pubsub_command(root, "127.0.0.1:0")
        sdk.firestore_command(root, "127.0.0.1:0")
    except ModuleNotFoundError:
        return Finding(what, "looked for once the development environment is there", required=False)
    except StackError as error:
        fix = "gcloud components install pubsub-emulator cloud-firestore-emulator"
        return Finding(what, str(error), fix, required=False)
    return Finding(what)


def _settings() -> Finding:
    what = "settings of this environment"
    try:
        from shared.errors import SwitchyardError
        from shared.intent.named import load_for
        from shared.intent.registry import discover

        load_for(discover())
    except ModuleNotFoundError:
        return Finding(what, "looked at once the development environment is there", required=False)
    except SwitchyardError as error:
        return Finding(what, str(error), "see README.md, Settings")
    return Finding(what)


def _switches() -> Finding:
    """Ask the console, if there is one, about switches that do not do what somebody may have meant."""
    what = "switches"
    try:
        from infra.ops.client import OpsError, connect

        with contextlib.closing(connect(None)) as console:
            policy = console.get("policy")
    except ModuleNotFoundError:
        return Finding(what, "looked at once the development environment is there", required=False)
    except OpsError:
        return Finding(f"{what}: no console runs here, and CONSOLE_URL names none")
    odd = {name: does for name, does in policy.get("switches", {}).items() if does not in ("on", "off")}
    said = "; ".join(f"switches/{name} does {does}" for name, does in odd.items())
    return Finding(what, said, "set `enabled` to true or false, or delete the document")


def deployment(name: str) -> Iterator[Finding]:
    """Look at what `make deploy` needs, in the order in which it is set up; what hangs on something missing waits."""
    try:
        target = environment(name)
    except DeployError as error:
        yield Finding("variables", str(error), f"cp terraform/dev.tfvars terraform/{name}.tfvars, then edit it")
        return
    yield Finding(f"variables of {name}, project {target.project}")
    terraform = _terraform()
    yield terraform
    if shutil.which("gcloud") is None:
        yield Finding("gcloud", f"not installed{REST}", "see https://cloud.google.com/sdk/docs/install")
        return
    yield Finding("gcloud")
    login = _login()
    yield login
    if login.problem:
        return
    yield _token()
    project = _project(target)
    yield project
    if project.problem:
        return
    yield _billing(target)
    yield _apis(target)
    yield _state(target)
    if not terraform.problem:
        yield from _secrets(target)


def _terraform() -> Finding:
    program = os.environ.get("TERRAFORM") or "terraform"
    wanted = ".".join(map(str, OLDEST_TERRAFORM))
    said = _ask(program, "version", "-json")
    if said is None:
        fix = "see https://developer.hashicorp.com/terraform/install"
        return Finding("Terraform", f"not installed; {wanted} or newer is needed", fix)
    found = re.search(r'"terraform_version":\s*"(\d+)\.(\d+)', said)
    old = found is None or (int(found[1]), int(found[2])) < OLDEST_TERRAFORM
    return Finding("Terraform", f"{wanted} or newer is needed" if old else "", "install a newer one")


def _login() -> Finding:
    account = _ask("gcloud", "auth", "list", "--filter=status:ACTIVE", "--format=value(account)")
    return Finding("gcloud login", "" if account else f"nobody is logged in{REST}", "gcloud auth login")


def _token() -> Finding:
    """Terraform and the smoke test take these credentials, not those of `gcloud auth login`."""
    token = _ask("gcloud", "auth", "application-default", "print-access-token")
    return Finding(
        "credentials of programs", "" if token else "there are none", "gcloud auth application-default login"
    )


def _project(target: Environment) -> Finding:
    state = _ask("gcloud", "projects", "describe", target.project, "--format=value(lifecycleState)")
    problem = "" if state == "ACTIVE" else f"it does not exist, or this account may not see it{REST}"
    return Finding(f"project {target.project}", problem, f"gcloud projects create {target.project}")


def _billing(target: Environment) -> Finding:
    enabled = _ask("gcloud", "billing", "projects", "describe", target.project, "--format=value(billingEnabled)")
    problem = "" if enabled == "True" else "no billing account pays for the project"
    return Finding("billing", problem, f"gcloud billing projects link {target.project} --billing-account=ACCOUNT")


def _apis(target: Environment) -> Finding:
    said = _ask("gcloud", "services", "list", "--enabled", f"--project={target.project}", "--format=value(config.name)")
    wanted = [f"{api}.googleapis.com" for api in FIRST_APIS]
    missing = [api for api in wanted if api not in (said or "").split()]
    problem = f"not enabled: {', '.join(missing)}" if missing else ""
    fix = f"gcloud services enable {' '.join(missing)} --project={target.project}"
    return Finding("APIs that are needed first", problem, fix)


def _state(target: Environment) -> Finding:
    bucket = f"gs://{target.state_bucket}"
    found = _ask("gcloud", "storage", "buckets", "describe", bucket, "--format=value(name)")
    create = f"gcloud storage buckets create {bucket} --project={target.project}"
    fix = f"{create} --location=REGION --uniform-bucket-level-access"
    return Finding("bucket of Terraform's state", "" if found else f"{bucket} is not there", fix)


def _secrets(target: Environment) -> Iterator[Finding]:
    """Ask Terraform which secrets these variables need: it knows which sources and intents are in use."""
    said = _ask(
        os.environ.get("TERRAFORM") or "terraform", f"-chdir={TERRAFORM}", "console", target.variables, stdin=SECRETS
    )
    try:
        names = json.loads(json.loads(said or ""))
    except (ValueError, TypeError):
        fix = f"terraform -chdir=terraform init -backend-config=bucket={target.state_bucket}"
        yield Finding("secrets", "Terraform, which knows their names, is not initialised", fix)
        return
    for name in names:
        listed = _ask(
            "gcloud",
            "secrets",
            "versions",
            "list",
            name,
            f"--project={target.project}",
            "--filter=state=ENABLED",
            "--limit=1",
            "--format=value(name)",
        )
        # This one is nobody else's: it is only to be random.
        made, file = ("openssl rand -hex 32 | tr -d '\\n' | ", "-") if name == "PRIVACY_KEY" else ("", "FILE")
        fix = f"{made}gcloud secrets create {name} --project={target.project} --data-file={file}"
        yield Finding(f"secret {name}", "" if listed else "it has no version", fix)


def _ask(program: str, *arguments: str, stdin: str = "") -> str | None:
    """Return what a program prints, or None where it is missing, fails, or does not answer in time."""
    env = {**os.environ, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"}
    try:
        ended = subprocess.run(  # noqa: S603
            [program, *arguments],
            cwd=ROOT,
            env=env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
