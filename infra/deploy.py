"""`python -m infra.deploy ENV [plan|apply]`: check, bundle, plan, apply what a person agreed to, smoke test, roll back.

Without a phase all of it runs, as from a laptop; Cloud Build runs the phases by themselves. The programs it calls are
make, terraform and gcloud; Terraform's variables of an environment are in `terraform/<ENV>.tfvars`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TERRAFORM = ROOT / "terraform"
CANARY = "CANARY_WEBHOOK_SECRET"
TIMEOUT_S = 3600.0  # of one program; the first apply waits for indexes and certificates


class DeployError(Exception):
    """Raised when the deployment cannot go on; the message says what is or is not deployed."""


@dataclass(frozen=True)
class Environment:
    """One environment: its project, and the bucket that holds Terraform's state."""

    name: str
    project: str
    state_bucket: str

    @property
    def plan(self) -> Path:
        """Where the plan is kept that a person agrees to."""
        return ROOT / "dist" / f"{self.name}.tfplan"

    @property
    def variables(self) -> str:
        """The option that names this environment's variables."""
        return f"-var-file={self.name}.tfvars"


def environment(name: str) -> Environment:
    """Return the environment whose variables are in `terraform/<name>.tfvars`.

    Raises:
        DeployError: there is no such file, or it names no project.
    """
    path = TERRAFORM / f"{name}.tfvars"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in TERRAFORM.glob("*.tfvars")))
        raise DeployError(f"terraform/{name}.tfvars is missing; there are {known or 'none'}")
    project = re.search(r'^project_id\s*=\s*"([^"]+)"', path.read_text(), re.MULTILINE)
    if project is None:
        raise DeployError(f'terraform/{name}.tfvars names no project: project_id = "..."')
    return Environment(name, project[1], os.environ.get("STATE_BUCKET") or f"{project[1]}-tfstate")


def main() -> int:
    """Deploy one environment; exit status 0 only if the smoke test passed, or the plan was made."""
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    parser.add_argument("environment", metavar="ENV", help="name of a file terraform/<ENV>.tfvars")
    parser.add_argument("phase", nargs="?", choices=("plan", "apply"), help="default: everything")
    options = parser.parse_args()
    try:
        here = environment(options.environment)
        if options.phase is None:
            for target in (["doctor", f"ENV={here.name}", "FOR=deploy"], ["check"], ["bundle"]):
                _run("make", *target)
        if options.phase != "apply":
            plan(here)
        if options.phase is None:
            _agree(here)
        if options.phase != "plan":
            apply(here)
    except DeployError as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    return 0


def plan(here: Environment) -> None:
    """Write the plan of what would change, and print it."""
    here.plan.parent.mkdir(exist_ok=True)
    _terraform("init", "-input=false", "-reconfigure", f"-backend-config=bucket={here.state_bucket}")
    _terraform("plan", "-input=false", here.variables, f"-out={here.plan}")


def apply(here: Environment) -> None:
    """Apply the plan that was agreed to, exactly; take the bundles back if the canary does not come through.

    Raises:
        DeployError: Terraform failed, or the smoke test did.
    """
    _terraform("init", "-input=false", "-reconfigure", f"-backend-config=bucket={here.state_bucket}")
    outputs = json.loads(_terraform("output", "-json", quiet=True))
    before = outputs["bundles"]["value"] if "bundles" in outputs else {}
    secret = os.environ.get(CANARY) or _secret(here)  # before anything is changed: without it nothing can be tested
    _terraform("apply", "-input=false", str(here.plan))
    if _smoke(here, secret):
        print(f"deploy: {here.name} is deployed and its canary came through")
        return
    now = json.loads(_terraform("output", "-json", "bundles", quiet=True))
    # A function that is new has no earlier bundle, one that is gone no place for it.
    earlier = {name: digest for name, digest in before.items() if now.get(name, digest) != digest}
    if not earlier:
        raise DeployError("the smoke test failed, and there is no earlier bundle to roll back to")
    print(f"deploy: the smoke test failed; rolling back {', '.join(sorted(earlier))}", file=sys.stderr)
    _terraform("apply", "-input=false", "-auto-approve", here.variables, f"-var=bundles={json.dumps(earlier)}")
    works = _smoke(here, secret)
    raise DeployError(f"rolled back; the earlier bundles {'work' if works else 'fail the smoke test as well'}")


def _agree(here: Environment) -> None:
    """Ask the person at the terminal.

    Raises:
        DeployError: they did not say yes, or there is nobody.
    """
    try:
        said = input(f"apply this plan to {here.project}? Type {here.name} to go on: ")
    except EOFError:
        said = ""
    if said.strip() != here.name:
        raise DeployError("nothing was applied")


def _smoke(here: Environment, secret: str) -> bool:
    """Send the canary through what is deployed now."""
    intake = _terraform("output", "-raw", "intake_url", quiet=True).strip()
    env = {"BACKEND": "gcp", "GOOGLE_CLOUD_PROJECT": here.project, CANARY: secret}
    try:
        _run("make", "smoke", f"INTAKE={intake}", "BACKEND=gcp", env=env)
    except DeployError:
        return False
    return True


def _secret(here: Environment) -> str:
    access = ["secrets", "versions", "access", "latest", f"--secret={CANARY}", f"--project={here.project}"]
    return _run("gcloud", *access, quiet=True).strip()


def _terraform(*arguments: str, quiet: bool = False) -> str:
    return _run(os.environ.get("TERRAFORM") or "terraform", f"-chdir={TERRAFORM}", *arguments, quiet=quiet)


def _run(program: str, *arguments: str, quiet: bool = False, env: Mapping[str, str] | None = None) -> str:
    """Run a program at the repository's root and return what it printed, if `quiet`; else it prints for itself.

    Raises:
        DeployError: it is not there, took too long, or failed.
    """
    said = " ".join([Path(program).name, *(a for a in arguments[:3] if not a.startswith("-chdir="))])
    if not quiet:
        print(f"deploy: {said}", flush=True)
    try:
        ended = subprocess.run(  # noqa: S603
            [program, *arguments],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            text=True,
            timeout=TIMEOUT_S,
            stdout=subprocess.PIPE if quiet else None,
            check=False,
        )
    except FileNotFoundError:
        raise DeployError(f"{program} is not installed; `make doctor` says how to get it") from None
    except subprocess.TimeoutExpired:
        raise DeployError(f"{said} took more than {TIMEOUT_S:g} s") from None
    if ended.returncode != 0:
        raise DeployError(f"{said} failed (status {ended.returncode})")
    return ended.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
