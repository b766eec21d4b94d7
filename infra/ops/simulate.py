"""`switchyard policy simulate`: recorded tasks under changed settings, and what would take another way.

The model's recorded answers go through the gate again: no model is asked, and nothing is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console as Terminal

from functions.console.whatif import Comparison
from functions.console.whatif_report import report
from functions.console.whatif_settings import tried
from infra.ops import show
from infra.ops.arguments import MOST, Args, command, moment
from infra.ops.client import Console, OpsError
from infra.ops.records import from_console, from_file, saved
from infra.ops.reenact import settings_of
from infra.ops.simulated import tell
from shared.errors import SettingError
from shared.gate.replay import Replay, past_of, with_audit_share
from shared.intent.named import load_for
from shared.intent.registry import discover
from shared.settings import Settings
from shared.task.schemas import TaskRecord

NEWEST = 1000  # tasks, unless --limit says otherwise


def add(commands: Any) -> None:
    """Add the verb to those of `switchyard policy`."""
    made = command(
        commands,
        "simulate",
        _from_console,
        "play recorded tasks under changed settings, and tell what would be different",
        "switchyard policy simulate --threshold 0.7 --since 30d",
        "switchyard policy simulate --automatic 'refund_request<=80.00 USD' --save tasks.jsonl",
        "switchyard policy simulate --records tasks.jsonl --certification required --certificate certificate.json",
    )
    made.set_defaults(offline=_from_file)
    _tried(made)
    made.add_argument("--since", help="tasks from then on: a time, or 30m, 2h, 7d ago")
    made.add_argument("--until", help="likewise")
    made.add_argument(
        "--limit", type=_most, default=NEWEST, help=f"the newest so many (default {NEWEST}, at most {MOST})"
    )
    made.add_argument("--save", type=Path, metavar="FILE", help="keep the tasks there; it holds what people wrote")
    made.add_argument(
        "--records", type=Path, metavar="FILE", help="tasks of --save, without a console, under this shell's settings"
    )


def _tried(made: argparse.ArgumentParser) -> None:
    whole = "in place of today's; '' for none"
    made.add_argument("--threshold", dest="CONFIDENCE_THRESHOLD", metavar="SHARE", help="CONFIDENCE_THRESHOLD")
    made.add_argument("--automatic", dest="AUTOMATIC", metavar="LIST", help=f"AUTOMATIC, {whole}")
    made.add_argument("--disable", dest="DISABLED_INTENTS", metavar="LIST", help=f"DISABLED_INTENTS, {whole}")
    made.add_argument("--certification", dest="CERTIFICATION", metavar="off|required", help="CERTIFICATION")
    made.add_argument("--certificate", dest="CERTIFICATE", type=Path, metavar="FILE", help="CERTIFICATE, from a file")
    made.add_argument("--local-certificate", dest="LOCAL_CERTIFICATE", type=Path, metavar="FILE", help="likewise")
    made.add_argument("--audit-share", type=_share, metavar="SHARE", help="of every intent, drawn for a look")


def _from_console(args: Args, console: Console, terminal: Terminal) -> int:
    query = {"since": moment(args.since), "until": moment(args.until)}
    today = settings_of(console.get("policy"))
    return _run(args, terminal, today, lambda: from_console(console, args.limit, query))


def _from_file(args: Args, terminal: Terminal) -> int:
    try:
        today = load_for(discover())
    except SettingError as error:
        raise OpsError(error.message, 2) from None
    return _run(args, terminal, today, lambda: from_file(args.records))


def _run(args: Args, terminal: Terminal, today: Settings, read: Callable[[], Iterator[TaskRecord]]) -> int:
    found = _comparison(args, today)
    records = saved(read(), args.save) if args.save else read()
    _play(found, records)
    told = report(found)
    return show.answer(args.json, told, lambda: tell(terminal, told))


def _comparison(args: Args, today: Settings) -> Comparison:
    """Return the comparison that the options ask for.

    Raises:
        OpsError: a setting cannot be used; the words name its variable.
    """
    intents = discover()
    share = args.audit_share
    drawn = intents if share is None else with_audit_share(intents, share)
    try:
        settings = tried(today, _variables(args), intents)
    except SettingError as error:
        raise OpsError(error.message, 2) from None
    return Comparison(Replay(intents, today), Replay(drawn, settings, declared=intents))


def _play(found: Comparison, records: Iterable[TaskRecord]) -> None:
    for record in records:
        found.add(past_of(record))


def _variables(args: Args) -> dict[str, str]:
    names = ("CONFIDENCE_THRESHOLD", "AUTOMATIC", "DISABLED_INTENTS", "CERTIFICATION")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    files = {name: getattr(args, name) for name in ("CERTIFICATE", "LOCAL_CERTIFICATE")}
    return given | {name: _text(path) for name, path in files.items() if path is not None}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OpsError(f"{path}: {error}", 2) from None


def _most(text: str) -> int:
    value = int(text)
    if not 1 <= value <= MOST:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MOST}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return value
