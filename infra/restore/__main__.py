"""`python -m infra.restore ENV INTO`: a database of an earlier time, beside the one that functions use; then its check.

Nothing that functions use is changed. It ends with what to set to let them use the new one.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from datetime import datetime

from infra import manual
from infra.commands import in_one_line
from infra.environment import DeployError, Environment, environment
from infra.errors import StackError
from infra.programs import ProgramError, run
from infra.restore.check import Report, check
from infra.restore.hold import hold, release
from shared.errors import SwitchyardError
from shared.intent.registry import discover
from shared.records.switches import switch_path
from shared.wiring.adapters.firestore import FirestoreStore
from shared.wiring.ports import Store

_NAME = re.compile(r"[a-z][a-z0-9-]{2,61}[a-z0-9]")
SHOWN = 20
PAUSE_S, PATIENCE_S = 30.0, 6 * 3600.0  # gcloud returns when it has begun; large databases take hours


def parser() -> argparse.ArgumentParser:
    """Return the page of the manual."""
    page = manual.page(
        "Make a database of an earlier time beside the one that functions use, hold every intent in it, and check it.",
        "make restore ENV=prod INTO=restored-1130 AT=2026-11-30T02:10:00Z",
        'make restore ENV=prod INTO=restored-1130 ARGS="--backup projects/P/locations/europe-west1/backups/B"',
        "make restore ENV=prod INTO=restored-1130 ARGS=--check",
        'make restore ENV=prod INTO=restored-1130 ARGS="--release order_status"',
        status={0: "it is there, and its documents fit together", 1: "it is not, or they do not", 2: "wrong usage"},
    )
    made = argparse.ArgumentParser(prog="make restore", **page)
    made.add_argument("environment", metavar="ENV", help="of terraform/<ENV>.tfvars")
    made.add_argument("into", metavar="INTO", type=_name, help="id of the new database, such as restored-1130")
    made.add_argument("--of", metavar="DATABASE", help="of which (default: the one in use)")
    what = made.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--at", type=_minute, metavar="TIME", help="a minute of the last seven days, such as 2026-11-30T02:10:00Z"
    )
    what.add_argument("--backup", metavar="NAME", help="a backup: gcloud firestore backups list")
    what.add_argument("--check", action="store_true", help="only check the one that is there")
    what.add_argument(
        "--release", nargs="+", metavar="INTENT", help="let these run again, once their effects are known"
    )
    return made


@in_one_line
def main() -> int:
    """Restore, hold and check."""
    options = parser().parse_args()
    try:
        target = environment(options.environment)
        if options.at or options.backup:
            run("gcloud", *_command(target, options))
        report = asyncio.run(_look(target, options))
    except (DeployError, ProgramError, SwitchyardError) as error:
        raise StackError(str(error)) from None
    show(report, options.into)
    return 1 if report.problems else 0


def _command(target: Environment, options: argparse.Namespace) -> tuple[str, ...]:
    """Return what gcloud is asked to do (docs.cloud.google.com/sdk/gcloud/reference/firestore/databases/clone)."""
    into = (f"--destination-database={options.into}", f"--project={target.project}")
    if options.backup:
        return ("firestore", "databases", "restore", f"--source-backup={options.backup}", *into)
    source = f"projects/{target.project}/databases/{options.of or target.database}"
    return ("firestore", "databases", "clone", f"--source-database={source}", f"--snapshot-time={options.at}", *into)


async def _look(target: Environment, options: argparse.Namespace) -> Report:
    registry = discover()
    if unknown := set(options.release or ()) - set(registry):
        raise StackError(f"{', '.join(sorted(unknown))} is no intent; there are {', '.join(sorted(registry))}")
    store = FirestoreStore(target.project, options.into)
    try:
        if options.at or options.backup:
            await ready(store, PAUSE_S, PATIENCE_S)
        if options.release:
            await release(store, options.release)
        elif not options.check:
            await hold(store, registry)
        return await check(store, registry)
    finally:
        await store.close()


async def ready(store: Store, pause_s: float, patience_s: float) -> None:
    """Return once the database answers: until it is whole it can be neither read nor written.

    Raises:
        SwitchyardError: it does not, for so long.
    """
    until_s = time.monotonic() + patience_s
    while True:
        try:
            await store.read(switch_path("restore"))
        except SwitchyardError as error:
            if time.monotonic() >= until_s:
                raise
            print(f"not ready yet ({error.code})", flush=True)
            await asyncio.sleep(pause_s)
        else:
            return


def show(report: Report, into: str) -> None:
    """Print what was found, and what to do next."""
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(report.states.items())) or "none"
    print(f"{into}: {report.tasks:,} tasks: {states}")
    print(f"{report.waiting:,} wait for people, {report.owed:,} owe a message, which the sweep publishes")
    for problem in report.problems[:SHOWN]:
        print(f"PROBLEM {problem}")
    if len(report.problems) > SHOWN:
        print(f"PROBLEM and {len(report.problems) - SHOWN:,} more")
    for intent, count in sorted(report.in_doubt.items()):
        state = "held" if intent in report.held else "NOT held" if intent in report.loose else "no intent"
        print(f"{intent} ({state}): {count:,} had not ended; look in the log and at the provider what became of them")
    print(f'to let the functions use it: database = "{into}" in the variables, then make deploy')


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("4 to 63 of a-z, 0-9 and -, a letter first")
    return text


def _minute(text: str) -> str:
    """Return the time as Google wants it: whole minutes, beyond the last hour."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no time such as 2026-11-30T02:10:00Z") from None
    if at.tzinfo is None or at.second or at.microsecond:
        raise argparse.ArgumentTypeError(f"{text} must be a whole minute with its zone, such as 2026-11-30T02:10:00Z")
    return text


if __name__ == "__main__":
    sys.exit(main())
