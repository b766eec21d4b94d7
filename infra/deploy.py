"""`python -m infra.deploy ENV [plan|apply]`: check, bundle, plan, apply what a person agreed to, smoke test, roll back.

Without a phase all of it runs, as from a laptop; Cloud Build runs the phases by themselves. The programs it calls are
make, terraform and gcloud; Terraform's variables of an environment are in `terraform/<ENV>.tfvars`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.programs import ROOT, ProgramError, run

TERRAFORM = ROOT / "terraform"
CANARY = "CANARY_WEBHOOK_SECRET"
LOCK_TIMEOUT = "-lock-timeout=10m"  # somebody else's plan or apply ends
# Grants take effect within 2 minutes, sometimes 7 or more (cloud.google.com/iam/docs/access-change-propagation).
FIRST_SMOKE_S = 900


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
    def data_dir(self) -> Path:
        """Where Terraform remembers what it was initialised with: no environment finds another's state there."""
        return TERRAFORM / ".terraform" / self.name

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
                run("make", *target)
        if options.phase != "apply":
            plan(here)
        if options.phase is None:
            _agree(here)
        if options.phase != "plan":
            apply(here)
    except (DeployError, ProgramError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    return 0


def plan(here: Environment) -> None:
    """Write the plan of what would change, and print it."""
    here.plan.parent.mkdir(exist_ok=True)
    _init(here)
    _terraform(here, "plan", "-input=false", LOCK_TIMEOUT, here.variables, f"-out={here.plan}")


def apply(here: Environment) -> None:
    """Apply the plan that was agreed to, exactly; take the bundles back if the canary does not come through.

    An apply that stops half way leaves versions mixed: the canary says whether they work together. Only bundles go
    back: settings and wiring stay as they were planned last.

    Raises:
        DeployError: the apply failed, or the smoke test did.
        ProgramError: nothing was changed, or nobody can tell what was.
    """
    _init(here)
    outputs = json.loads(_terraform(here, "output", "-json", quiet=True))
    before = outputs["bundles"]["value"] if "bundles" in outputs else {}
    secret = os.environ.get(CANARY) or _secret(here)  # before anything is changed: without it nothing can be tested
    wrong = _applied(here)
    if wrong and not before:
        raise DeployError(f"{wrong}; mend it, then plan and apply again: what is there stays")
    works = _smoke(here, secret, None if before else FIRST_SMOKE_S)
    if works and not wrong:
        print(f"deploy: {here.name} is deployed and its canary came through")
        return
    if works:
        raise DeployError(f"{wrong}; the canary came through what is there: mend it, then plan and apply again")
    now = {} if wrong else json.loads(_terraform(here, "output", "-json", "bundles", quiet=True))
    _roll_back(here, _earlier(before, now), secret, wrong or "the smoke test failed")


def _applied(here: Environment) -> str:
    """Apply the plan; return what went wrong, or nothing."""
    try:
        _terraform(here, "apply", "-input=false", LOCK_TIMEOUT, str(here.plan))
    except ProgramError as error:
        return str(error)
    return ""


def _earlier(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Return the bundles to take back: a function that is new has no earlier one, one that is gone no place for it."""
    known = json.loads((TERRAFORM / "manifest.json").read_text())["functions"]
    return {name: was for name, was in before.items() if name in known and now.get(name) != was}


def _roll_back(here: Environment, earlier: dict[str, str], secret: str, why: str) -> None:
    """Take the earlier bundles back and test them.

    Raises:
        DeployError: always; it says how it stands.
    """
    if not earlier:
        raise DeployError(f"{why}, and there is no earlier bundle to roll back to")
    print(f"deploy: {why}; rolling back {', '.join(sorted(earlier))}", file=sys.stderr)
    bundles = f"-var=bundles={json.dumps(earlier)}"
    _terraform(here, "apply", "-input=false", "-auto-approve", LOCK_TIMEOUT, here.variables, bundles)
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


def _smoke(here: Environment, secret: str, timeout_s: int | None = None) -> bool:
    """Send the canary through what is deployed now; it gives up after `timeout_s`, or the smoke test's own default."""
    intake = _terraform(here, "output", "-raw", "intake_url", quiet=True).strip()
    env = {"BACKEND": "gcp", "GOOGLE_CLOUD_PROJECT": here.project, CANARY: secret}
    patience = [] if timeout_s is None else [f"TIMEOUT_S={timeout_s}"]
    try:
        run("make", "smoke", f"INTAKE={intake}", "BACKEND=gcp", *patience, env=env)
    except ProgramError:
        return False
    return True


def _secret(here: Environment) -> str:
    access = ["secrets", "versions", "access", "latest", f"--secret={CANARY}", f"--project={here.project}"]
    return run("gcloud", *access, quiet=True).strip()


def _init(here: Environment) -> None:
    """Initialise for this environment; where the providers' hashes are kept, no others are taken."""
    locked = ["-lockfile=readonly"] if (TERRAFORM / ".terraform.lock.hcl").is_file() else []
    _terraform(here, "init", "-input=false", "-reconfigure", *locked, f"-backend-config=bucket={here.state_bucket}")


def _terraform(here: Environment, *arguments: str, quiet: bool = False) -> str:
    program = os.environ.get("TERRAFORM") or "terraform"
    return run(program, f"-chdir={TERRAFORM}", *arguments, quiet=quiet, env={"TF_DATA_DIR": str(here.data_dir)})


if __name__ == "__main__":
    sys.exit(main())
