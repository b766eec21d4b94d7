"""`switchyard report`: what became of the last days' tickets, who decided, and what it cost, as tables or as CSV."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console as Terminal

from functions.console.figures import Pace, Report, Tally, Verdicts
from functions.console.present import span
from functions.console.spreadsheet import table
from infra.ops import session, show
from infra.ops.arguments import Args, noun, runs
from infra.ops.client import Console

SUMMARY = "tell of the last days: tickets, people, corrections, cost"
TALLY = ("in", "by itself", "approved", "rejected", "waiting", "under way", "failed", "expired", "cancelled", "tokens")
PEOPLE = ("person", "decisions", "half waited at most", "90 in 100 at most", "audits")


def main(argv: Sequence[str] | None = None) -> int:
    """Tell of the last days."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard report") -> argparse.ArgumentParser:
    """Return the options of the report."""
    made = noun(
        prog,
        "Tell what became of the last days' tickets, who decided how fast, what people corrected, and what it cost.",
        "switchyard report",
        "switchyard report --days 30 --csv > report.csv",
    )
    made.add_argument("--days", type=int, default=7, help="1 to 90 (default 7)")
    made.add_argument("--csv", action="store_true", help="one number a line, for spreadsheets")
    return runs(made, _report)


def _report(args: Args, console: Console, terminal: Terminal) -> int:
    data = console.get("report", days=args.days)
    found = Report.model_validate_json(json.dumps(data))
    if args.csv:
        for line in table(found).removesuffix("\r\n").split("\r\n"):
            print(show.plain(line))
        return 0
    return show.answer(args.json, data, lambda: _tables(found, terminal))


def _tables(found: Report, terminal: Terminal) -> None:
    for note in found.notes:
        print(show.plain(note))
    total = found.total.model_copy(update={"name": "all"})
    show.table(terminal, ("intent", *TALLY, "dollars"), [_tally(t) for t in (*found.intents, total)])
    show.table(terminal, ("source", *TALLY, "dollars"), [_tally(t) for t in found.sources], nothing="nothing came")
    everybody = found.decisions.model_copy(update={"by": "everybody"})
    show.table(terminal, PEOPLE, [_pace(p) for p in (*found.people, everybody)])
    columns = [name.replace("_", " ") for name in Verdicts.model_fields]
    verdicts = [[str(cell) for cell in v.model_dump().values()] for v in found.verdicts]
    show.table(terminal, columns, verdicts, nothing="nobody has decided how right the classifier was")


def _tally(tally: Tally) -> list[str]:
    *counts, dollars = tally.model_dump().values()
    return [*map(str, counts), f"{dollars:.4f}"]


def _pace(pace: Pace) -> list[Any]:
    times = ("-" if s is None else span(s) for s in (pace.median_s, pace.p90_s))
    return [pace.by, str(pace.decisions), *times, str(pace.audits)]
