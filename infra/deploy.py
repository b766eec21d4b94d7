"""`python -m infra.deploy ENV [plan|apply]`: check, bundle, plan, apply what a person agreed to, smoke test, roll back.

New revisions of the services are tested before they get traffic, and get it step by step. Without a phase all of it
runs, as from a laptop; Cloud Build runs the phases by themselves. The programs it calls are make, terraform and gcloud;
Terraform's variables of an environment are in `terraform/<ENV>.tfvars`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from infra import traffic
from infra.environment import CANARY, TERRAFORM, DeployError, Environment, environment
from infra.programs import ProgramError, run
from infra.traffic import Traffic

SIGNED_IN = "console_canary"  # the output that names who asks a new console
Outputs = Mapping[str, Any]
LOCK_TIMEOUT = "-lock-timeout=10m"  # somebody else's plan or apply ends
# Grants take effect within 2 minutes, sometimes 7 or more (cloud.google.com/iam/docs/access-change-propagation).
FIRST_SMOKE_S = 900


def main() -> int:
    """Deploy one environment; exit status 0 only if the smoke test passed, or the plan was made."""
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    parser.add_argument("environment", metavar="ENV", help="name of a file terraform/<ENV>.tfvars")
    parser.add_argument("phase", nargs="?", choices=("plan", "apply"), help="default: everything")
    watched = "seconds that each step of the traffic is watched (default: %(default)g)"
    parser.add_argument("--watch-s", type=float, default=traffic.WATCH_S, help=watched)
    options = parser.parse_args()
    try:
        here = environment(options.environment)
        if options.phase is None:
            _prepare(here)
        if options.phase != "apply":
            plan(here)
        if options.phase is None:
            _agree(here)
        if options.phase != "plan":
            apply(here, options.watch_s)
    except (DeployError, ProgramError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    return 0


def _prepare(here: Environment) -> None:
    """Check everything, and make what a plan names."""
    with contextlib.suppress(ProgramError):  # the doctor names what it takes
        _init(here)  # and asks Terraform which secrets these variables need
    run("make", "doctor", f"ENV={here.name}", "FOR=deploy")
    run("make", "check")
    run("make", "bundle")
    run("make", "release", f"ENV={here.name}")


def plan(here: Environment) -> None:
    """Write the plan of what would change, and print it."""
    here.plan.parent.mkdir(exist_ok=True)
    _init(here)
    _terraform(here, "plan", "-input=false", LOCK_TIMEOUT, *here.released, f"-out={here.plan}")


def apply(here: Environment, watch_s: float = traffic.WATCH_S) -> None:
    """Apply the plan that was agreed to, exactly; take back what the canary does not come through.

    New revisions of the services wait for it under their tag, so that all callers stay where they are. An apply that
    stops half way leaves versions mixed: the canary says whether they work together. Only bundles and traffic go back:
    settings and wiring stay as they were planned last.

    Raises:
        DeployError: the apply failed, or the smoke test did, or a new revision fails requests.
        ProgramError: nothing was changed, or nobody can tell what was.
    """
    _init(here)
    outputs = _outputs(here)
    before = outputs.get("bundles", {})
    secret = os.environ.get(CANARY) or _secret(here)  # before anything is changed: without it nothing can be tested
    _may_sign(outputs.get(SIGNED_IN))
    serving = _serving(here)
    wrong = _applied(here)
    if wrong and not before:
        raise DeployError(f"{wrong}; mend it, then plan and apply again: what is there stays")
    now = outputs if wrong else _outputs(here)
    known = bool(before) and outputs.get(SIGNED_IN) == now.get(SIGNED_IN)
    works = _smoke(here, traffic.look(here), secret, now, None if known else FIRST_SMOKE_S)
    if works and wrong:
        raise DeployError(f"{wrong}; the canary came through what is there: mend it, then plan and apply again")
    trouble = traffic.shift(here, serving, watch_s) if works else wrong or "the smoke test failed"
    if not trouble:
        print(f"deploy: {here.name} is deployed and its canary came through")
        return
    _roll_back(here, _earlier(before, {} if wrong else now["bundles"]), secret, trouble)


def _serving(here: Environment) -> dict[str, str]:
    """Return the revisions that the plan leaves all traffic with.

    Raises:
        DeployError: others serve by now, and the apply would take their traffic away.
    """
    planned: dict[str, str] = json.loads(here.release.read_text())["serving"]
    if {name: now.serving for name, now in traffic.look(here).items()} != planned:
        raise DeployError("the traffic was moved since the plan was made: plan again")
    return planned


def _applied(here: Environment) -> str:
    """Apply the plan; return what went wrong, or nothing."""
    try:
        _terraform(here, "apply", "-input=false", LOCK_TIMEOUT, str(here.plan))
    except ProgramError as error:
        return str(error)
    return ""


def _earlier(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Return the bundles to take back: a function that is new has no earlier one, one that is gone no place for it."""
    functions = json.loads((TERRAFORM / "manifest.json").read_text())["functions"].keys() - traffic.services()
    return {name: was for name, was in before.items() if name in functions and now.get(name) != was}


def _roll_back(here: Environment, earlier: dict[str, str], secret: str, why: str) -> None:
    """Take the earlier bundles back and test them.

    Raises:
        DeployError: always; it says how it stands.
    """
    if not earlier:
        raise DeployError(f"{why}; the services serve as before, and there is no earlier bundle to roll back to")
    print(f"deploy: {why}; rolling back {', '.join(sorted(earlier))}", file=sys.stderr)
    bundles = f"-var=bundles={json.dumps(earlier)}"
    _terraform(here, "apply", "-input=false", "-auto-approve", LOCK_TIMEOUT, *here.released, bundles)
    works = _smoke(here, {}, secret, _outputs(here))
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


def _smoke(
    here: Environment, there: Mapping[str, Traffic], secret: str, outputs: Outputs, timeout_s: int | None = None
) -> bool:
    """Send the canary, and ask the console for it: their newest revisions, whether these have traffic or not.

    Args:
        here: where.
        there: the services whose newest revision is meant; of one that is not named it is the one that serves.
        secret: what the canary is signed with.
        outputs: Terraform's.
        timeout_s: when it gives up; None: the smoke test's own default.
    """
    env = {"BACKEND": "gcp", "GOOGLE_CLOUD_PROJECT": here.project, "FIRESTORE_DATABASE": here.database, CANARY: secret}
    asked = [f"INTAKE={_url(there, 'intake') or outputs['intake_url']}"]
    if account := outputs.get(SIGNED_IN):
        asked.append(f"CONSOLE={_url(there, 'console') or outputs['console_url']}")
        env["IAP_SERVICE_ACCOUNT"] = account
    if timeout_s is not None:
        asked.append(f"TIMEOUT_S={timeout_s}")
    try:
        run("make", "smoke", "BACKEND=gcp", *asked, env=env)
    except ProgramError:
        return False
    return True


def _url(there: Mapping[str, Traffic], name: str) -> str:
    """Return where the newest revision of a service listens; empty where it is not there."""
    return there[name].urls.get(traffic.NEXT, "") if name in there else ""


def _may_sign(account: str | None) -> None:
    """See, while nothing is changed yet, that whoever deploys may sign as the account that asks the console.

    Raises:
        ProgramError: they may not: roles/iam.serviceAccountTokenCreator on it.
    """
    if account:
        run("gcloud", "auth", "print-access-token", f"--impersonate-service-account={account}", quiet=True)


def _secret(here: Environment) -> str:
    access = ["secrets", "versions", "access", "latest", f"--secret={here.secret(CANARY)}", f"--project={here.project}"]
    return run("gcloud", *access, quiet=True).strip()


def _outputs(here: Environment) -> Outputs:
    """Return Terraform's outputs, by name."""
    found = json.loads(_terraform(here, "output", "-json", quiet=True))
    return {name: output["value"] for name, output in found.items()}


def _init(here: Environment) -> None:
    """Initialise for this environment; where the providers' hashes are kept, no others are taken."""
    locked = ["-lockfile=readonly"] if (TERRAFORM / ".terraform.lock.hcl").is_file() else []
    _terraform(here, "init", "-input=false", "-reconfigure", *locked, f"-backend-config=bucket={here.state_bucket}")


def _terraform(here: Environment, *arguments: str, quiet: bool = False) -> str:
    program = os.environ.get("TERRAFORM") or "terraform"
    return run(program, f"-chdir={TERRAFORM}", *arguments, quiet=quiet, env={"TF_DATA_DIR": str(here.data_dir)})


if __name__ == "__main__":
    sys.exit(main())
