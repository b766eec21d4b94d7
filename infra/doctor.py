"""`python -m infra.doctor [ENV] [here|deploy]`: what is missing to work here, and, of an environment, to deploy to it.

One line for each thing: ok, or what is wrong and the command that mends it. Exit status 1 if something is missing that
cannot be done without. Needs nothing but Python, because that may be all there is.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator

from infra.errors import StackError
from infra.finding import ROOT, Finding
from infra.preconditions import deployment

OLDEST_PYTHON = (3, 11)
SECTIONS = ("here", "deploy")


def main() -> int:
    """Print every finding."""
    parser = argparse.ArgumentParser(prog="python -m infra.doctor", description=__doc__)
    parser.add_argument("environment", nargs="?", default="", metavar="ENV", help="of terraform/<ENV>.tfvars")
    parser.add_argument("section", nargs="?", choices=SECTIONS, help="default: both, or here where no ENV is named")
    options = parser.parse_args()
    section = options.section or ("" if options.environment else "here")
    environment = options.environment or "dev"
    found: list[Finding] = []
    if section != "deploy":
        print("to work here")
        found += _show(here())
    if section != "here":
        print(f"to deploy {environment}")
        found += _show(deployment(environment))
    missing = sum(f.mark == "missing" for f in found)
    print(f"{missing} missing" if missing else "nothing is missing")
    if section == "here" and not options.section:
        print("what a deployment needs: make doctor ENV=dev")
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
    yield _environment("environment of make run and make demo", ".venv", "run")
    yield _environment("environment of make test and make check", ".venv", "dev")
    yield _environment("environment of google-generativeai", ".venv-classify", "classify")
    yield _emulators()
    yield _settings()
    yield _switches()
    yield Finding("what to paste into a Zendesk trigger: README.md, Send events")


def _environment(what: str, folder: str, stamp: str) -> Finding:
    """An environment is what its lock says if the stamp is newer: that is what make goes by."""
    made, lock = ROOT / folder / f".{stamp}", ROOT / "infra/requirements" / f"{stamp}.txt"
    if not made.exists():
        return Finding(
            what, "not set up yet; make does it when it is needed", f"make {folder}/.{stamp}", required=False
        )
    stale = made.stat().st_mtime < lock.stat().st_mtime
    return Finding(what, "older than its lock" if stale else "", f"make {folder}/.{stamp}")


def _emulators() -> Finding:
    what = "Google's emulators (make run BACKEND=emulators)"
    try:
        from infra.emulators import sdk

        root = sdk.sdk_root(os.environ)
        sdk.pubsub_command(root, "127.0.0.1:0")
        sdk.firestore_command(root, "127.0.0.1:0")
    except ModuleNotFoundError:
        return Finding(what, "looked for once there is an environment", required=False)
    except StackError as error:
        return Finding(what, str(error), required=False)
    return Finding(what)


def _settings() -> Finding:
    what = "settings of this environment"
    try:
        from infra.outside import load_here
        from shared.errors import SwitchyardError
        from shared.intent.registry import discover

        load_here(discover())
    except ModuleNotFoundError:
        return Finding(what, "looked at once there is an environment", required=False)
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
        return Finding(what, "looked at once there is an environment", required=False)
    except OpsError:
        return Finding(f"{what}: no console runs here, and CONSOLE_URL names none")
    odd = {name: does for name, does in policy.get("switches", {}).items() if does not in ("on", "off")}
    said = "; ".join(f"switches/{name} does {does}" for name, does in odd.items())
    return Finding(what, said, "set `enabled` to true or false, or delete the document")


if __name__ == "__main__":
    sys.exit(main())
