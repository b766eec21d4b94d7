"""How the demo looks: a live table on a terminal, a line per change elsewhere, and a summary at the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from infra.demo.case import Case

COLOURS = {
    "SUCCEEDED": "green",
    "AWAITING_APPROVAL": "yellow",
    "REJECTED": "magenta",
    "EXECUTING": "cyan",
    "READY": "cyan",
    "FAILED": "red",
    "UNKNOWN": "red",
}


class Board:
    """Shows the cases while they move."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._shown: dict[int, str] = {}

    def __enter__(self) -> Board:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def refresh(self) -> None:
        """Show what has changed since the last time."""
        if self._live:
            self._live.update(self._table(), refresh=True)
            return
        for number, case in enumerate(self._cases):
            if case.state and self._shown.get(number) != case.state:
                self._shown[number] = case.state
                print(f"  {case.event.title:<44} {case.state:<18} {case.record.get('intent', '')}", flush=True)

    def _table(self) -> Table:
        table = Table("event", "path", "intake", "state", "intent")
        for case in self._cases:
            colour = COLOURS.get(case.state, "white")
            table.add_row(
                case.event.title,
                case.event.path,
                str(case.status or ""),
                f"[{colour}]{case.state}[/]",
                case.record.get("intent", ""),
            )
        return table


def summary(cases: Sequence[Case], ledger: dict[str, Any], problems: Sequence[str], seconds: float) -> None:
    """Print what happened to each event, with reason, latency and tokens; the ledger; and the verdict."""
    console = Console(width=150)
    table = Table("event", "intake", "state", "intent", "latency", "tokens", "reason or result", title="What happened")
    for case in cases:
        table.add_row(
            case.event.title,
            str(case.status),
            case.state if case.task_id or case.parked else "refused",
            case.record.get("intent", ""),
            _latency(case.record),
            str(case.record.get("classification", {}).get("tokens_used", "")),
            _why(case),
        )
    console.print(table)
    effects = Table("at", "vendor", "operation", "subject", "amount", "idempotency key", title="Ledger of the vendors")
    for entry in ledger["entries"]:
        effects.add_row(
            str(entry.get("at", ""))[11:23],
            entry["vendor"],
            entry["operation"],
            str(entry.get("subject") or ""),
            str(entry.get("amount_minor") or ""),
            str(entry.get("idempotency_key") or "none"),
        )
    console.print(effects)
    for problem in problems:
        console.print(f"[red]WRONG[/] {problem}", highlight=False)
    tasks = len({c.task_id for c in cases if c.task_id})
    verdict = f"{len(problems)} outcomes are wrong" if problems else "every outcome is the right one"
    console.print(
        f"{len(cases)} events and {len(ledger['echoes'])} echoes of our own effects, {tasks} tasks, "
        f"{len(ledger['entries'])} effects: {verdict} ({seconds:.1f} s)",
        highlight=False,
    )


def _latency(record: dict[str, Any]) -> str:
    """Return the time from the record's creation to its last transition, waiting for people included."""
    if not record:
        return ""
    first, last = (datetime.fromisoformat(record["history"][i]["at"]) for i in (0, -1))
    model_ms = record["classification"]["latency_ms"]
    return f"{(last - first).total_seconds() * 1000 + model_ms:.0f} ms"


def _why(case: Case) -> str:
    if not case.record:
        return case.parked or {401: "signature"}.get(case.status, "")
    result = case.record.get("result")
    approval = case.record.get("approval")
    words = result["output"] if result else "; ".join(case.record["decision"]["reasons"])
    return f"{words} ({approval['decision']} by {approval['by']}, {approval['channel']})" if approval else words
