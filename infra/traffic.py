"""`python -m infra.traffic ENV back`: which revisions of the Cloud Run services get traffic, and how that moves.

A new revision waits under the tag `next`, where Terraform puts it; what served before keeps the tag `last`. So a
release goes to some of the callers before all, and the way back takes seconds and no build.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.environment import TERRAFORM, DeployError, Environment, environment
from infra.programs import ProgramError, run

NEXT, LAST = "next", "last"
# Whose callers are many programs gets a tenth of them first. Pages of two versions side by side would only confuse.
STEPS = {"intake": (10, 100)}
WATCH_S = 60  # after each step


class Refused(Exception):
    """Raised when a revision fails requests: it gets no more of them."""


@dataclass(frozen=True)
class Traffic:
    """One service: the revision that gets most of its traffic, the newest that started, and URLs by tag."""

    serving: str
    newest: str
    urls: Mapping[str, str]


def main() -> int:
    """Move all traffic back to what served before."""
    parser = argparse.ArgumentParser(prog="python -m infra.traffic", description=__doc__)
    parser.add_argument("environment", metavar="ENV", help="of terraform/<ENV>.tfvars")
    parser.add_argument("direction", choices=("back",))
    parser.add_argument("service", nargs="*", help="default: all")
    options = parser.parse_args()
    try:
        here = environment(options.environment)
        moved = [name for name in options.service or look(here) if back(here, name)]
    except (DeployError, ProgramError) as error:
        print(f"traffic: {error}", file=sys.stderr)
        return 1
    print(f"back to what served before: {', '.join(moved) or 'nothing'}")
    return 0 if moved else 1


def services() -> dict[str, str]:
    """Return what is deployed as a service, with what its image runs: Terraform goes by the same."""
    functions = json.loads((TERRAFORM / "manifest.json").read_text())["functions"]
    return {name: str(f["target"]) for name, f in functions.items() if f["trigger"] == "http"}


def look(here: Environment) -> dict[str, Traffic]:
    """Return the traffic of each service that is there.

    Raises:
        ProgramError: gcloud failed, so that nobody knows what serves.
    """
    listed = json.loads(run("gcloud", "run", "services", "list", *here.place, "--format=json", quiet=True) or "[]")
    ours = services()  # functions are Cloud Run services, too
    called = {f"{here.prefix}{name}": name for name in ours}
    there = {found["metadata"]["name"]: found["status"] for found in listed}
    return {called[name]: _traffic(status) for name, status in there.items() if name in called}


def shift(here: Environment, before: Mapping[str, str], watch_s: float = WATCH_S) -> str:
    """Give new revisions the traffic, step by step; return what went wrong, after all of it went back, or nothing.

    Args:
        here: where.
        before: the revisions that served before, by service.
        watch_s: how long each step is watched.
    """
    moved: list[str] = []
    try:
        for name, now in sorted(look(here).items()):
            if (was := before.get(name)) not in (None, now.newest):
                moved.append(name)
                for percent in STEPS.get(name, (100,)):
                    _update(here, name, f"--to-tags={NEXT}={percent}", f"--update-tags={LAST}={was}")
                    print(f"{name}: {now.newest} gets {percent} % of the traffic", flush=True)
                    _watch(here, now.newest, watch_s)
    except (Refused, ProgramError) as trouble:
        return f"{trouble}{_taken_back(here, moved)}"
    return ""


def _taken_back(here: Environment, names: Iterable[str]) -> str:
    """Give what served before its traffic again; return what somebody has to do where that fails."""
    try:
        for name in names:
            back(here, name)
    except ProgramError:
        return f", and its traffic could not be moved back (make rollback ENV={here.name})"
    return ""


def back(here: Environment, name: str) -> bool:
    """Give what served before all traffic again; return whether anything did."""
    service = look(here).get(name)
    if service is None or LAST not in service.urls:
        return False
    _update(here, name, f"--to-tags={LAST}=100")
    return True


def _watch(here: Environment, revision: str, watch_s: float) -> None:
    """Wait for what the platform logs of a revision's requests.

    Raises:
        Refused: one of them failed.
    """
    time.sleep(watch_s)
    asked = f'log_id("run.googleapis.com/requests") resource.labels.revision_name="{revision}" httpRequest.status>=500'
    since = f"--freshness={int(watch_s) + 60}s"
    answer = ("--limit=1", "--format=value(httpRequest.status)", since, f"--project={here.project}")
    if status := run("gcloud", "logging", "read", asked, *answer, quiet=True).strip():
        raise Refused(f"{revision} answered {status}")


def _update(here: Environment, name: str, *how: str) -> None:
    run("gcloud", "run", "services", "update-traffic", f"{here.prefix}{name}", *how, *here.place, "--format=none")


def _traffic(status: Mapping[str, Any]) -> Traffic:
    targets = status.get("traffic", [])
    newest = str(status.get("latestReadyRevisionName", ""))
    most: Mapping[str, Any] = max(targets, key=lambda target: int(target.get("percent", 0)), default={})
    urls = {target["tag"]: str(target["url"]) for target in targets if "tag" in target}
    return Traffic(str(most.get("revisionName", newest)), newest, urls)


if __name__ == "__main__":
    sys.exit(main())
