"""Records in, tables and dossiers for a terminal out. No value can move its cursor or turn its text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from functions.console.dossier import Dossier, Line
from functions.console.present import span
from shared.errors import DeclarationError
from shared.intent.registry import Registry, discover
from shared.task.schemas import TaskRecord, TaskRow

MAX_CELL = 80
MAX_TEXT = 2000  # of what somebody wrote
CONTINUED = " " * 15  # further lines of a value stand below its first, where no line of ours begins


def plain(value: Any) -> str:
    """Return a value as text in which hidden and controlling characters stand by their numbers."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text)


def table(
    console: Console, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, nothing: str = "nothing is like this"
) -> None:
    """Print a table, or where there are no rows what `nothing` says; long cells are cut."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    rows = list(rows)
    if not rows:
        print(nothing)
        return
    longest = max((len(row[0]) for row in rows), default=0)
    if longest > console.width // 2:  # as letters' ids are: the rest goes on in the terminal's next line
        console.width = longest + MAX_CELL
    for number, column in enumerate(columns):  # the first holds ids, which have to be whole to be used
        made.add_column(column, no_wrap=number == 0, min_width=longest if number == 0 else None)
    for row in rows:
        made.add_row(*(Text(plain(" ".join(cell.split("\n")))[:MAX_CELL]) for cell in row))
    console.print(made)


def answer(as_json: bool, data: Any, told: Callable[[], None]) -> int:
    """Print `data` as JSON for a script, or let `told` print it for a person; the exit status is 0."""
    if as_json:
        print(json.dumps(data))
    else:
        told()
    return 0


def age(moment: str) -> str:
    """Return how long ago an ISO 8601 time was."""
    return span((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())


def intents() -> Registry:
    """Return the intents that this code declares, to say effects in their words; none where a declaration is broken."""
    try:
        return discover()
    except DeclarationError:
        return Registry({})


def tasks(console: Console, tasks: Sequence[dict[str, Any]], *, is_all: bool = True) -> None:
    """Print what was found as a person would say it."""
    lines = [(row, Line(row)) for row in (TaskRow.model_validate_json(json.dumps(task)) for task in tasks)]
    registry = intents()
    columns = ("task", "state", "what", "who asks", "ticket", "age", "why")
    table(
        console,
        columns,
        (
            [
                r.task_id,
                r.state,
                d.says(registry),
                " ".join(filter(None, d.asks)),
                f"{r.source} {d.ticket.number}".strip(),
                age(r.created_at.isoformat()),
                _why(r, d),
            ]
            for r, d in lines
        ),
    )
    if not is_all:
        print("there may be more: narrow it, or raise --limit")


def letters(console: Console, found: Sequence[dict[str, Any]]) -> None:
    """Print a list of dead letters."""
    columns = ("letter", "from", "reason", "outcome", "task", "age", "seen to by")
    table(
        console,
        columns,
        (
            [
                x["letter_id"],
                x["subscription"],
                x["reason"],
                x["outcome"],
                x["task_id"] or "",
                age(x["created_at"]),
                x["redriven_by"] or "",
            ]
            for x in found
        ),
    )


def explain(console: Console, data: dict[str, Any]) -> None:
    """Print a task's dossier: what it is, why it paused, what happened, what it cost, what can be done."""
    record = TaskRecord.model_validate_json(json.dumps(data))
    dossier, c = Dossier(record), record.classification
    lines = [
        f"{record.task_id}  {record.state}  {record.intent} from {record.source}",
        f"  what         {dossier.says(intents())}",
        f"  parameters   {json.dumps(record.shown_parameters, ensure_ascii=False)}",
        f"  requester    {json.dumps(dict(dossier.requester), ensure_ascii=False)}",
        *(f"  written      {text[:MAX_TEXT]}" for text in dossier.view.texts.values()),
        *(f"  paused for   {r.code}: {r.words}" for r in dossier.reasons),
        *(f"  edited to    {r.code}: {r.words}" for r in dossier.edited),
        f"  model        {c.model}, confidence {c.confidence:.2f}, {dossier.tokens}, "
        f"{dossier.cost + ', ' if dossier.cost else ''}{c.latency_ms:.0f} ms",
    ]
    if c.said:
        lines.append(f"  it said      {c.said}")
    if record.approval is not None:
        a = record.approval
        decided = f"{a.decision} as {a.cause}" if a.cause else a.decision
        said = f": {a.comment}" if a.comment else ""
        lines.append(f"  decided      {decided} by {a.by} through {a.channel}{said}")
    lines.append(f"  effect       {record.effect.outcome}, key {record.effect_key}, {record.exec.attempts} attempts")
    if record.effect.provider_ref:
        lines.append(f"  reference    {record.effect.provider_ref}")
    if record.result is not None:
        lines.append(f"  result       {record.result.output}")
    if record.error is not None:
        lines.append(f"  error        {record.error.code} {record.error.message}".rstrip())
    for told in dossier.followups:
        lines.append(
            f"  told since   {told.kind} at {told.at:%Y-%m-%d %H:%M:%S} {told.task_id or ''} {told.text}".rstrip()
        )
    lines += [f"  assignee     {record.assignee}"] if record.assignee else []
    lines += [f"  note         {n.text} ({n.by}, {n.at:%Y-%m-%d %H:%M:%S})" for n in record.notes]
    for step in dossier.steps:
        after = f" (+{span(step.after)})" if step.after is not None else ""
        lines.append(f"  {step.at:%Y-%m-%d %H:%M:%S}{after}  {step.to} by {step.by} {step.words}".rstrip())
    if dossier.waits or dossier.repairs:
        lines.append(
            f"  you can      {', '.join([*(['approve', 'reject'] if dossier.waits else []), *dossier.repairs])}"
        )
    for line in lines:
        first, *more = line.split("\n")
        for part in (first, *(f"{CONTINUED}{m}" for m in more)):
            console.print(Text(plain(part)), soft_wrap=True)


def _why(row: TaskRow, line: Line) -> str:
    if row.error:
        return row.error.message or row.error.code
    if line.waits:
        return ", ".join(dict.fromkeys(reason.code for reason in line.reasons))
    return row.result.output if row.result else ""
