"""Rows in, the table of the README out, between two marks that nobody sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.errors import StackError
from tests.benchmarks.rows import Row
from tests.benchmarks.table import figure, middle

BEGIN, END = "<!-- make bench -->", "<!-- end of make bench -->"
COLUMNS = {
    "tasks/s": ("per_s", False),
    "CPU ms a task": ("cpu_ms", False),
    "calls a task": ("calls", False),
    "tokens in": ("prompt_tokens", False),
    "MB": ("peak_mb", False),
    "processes": ("processes", False),
    "ms alone (p50)": ("p50_ms", True),
    "s to the first": ("cold_s", True),
}


def markdown(rows: Sequence[Row], keeps: Mapping[str, str], how: str) -> str:
    """Return the table of the most tickets that were measured, with what was measured of one at a time; `how` below."""
    most = max(row.tasks for row in rows)
    lines = [f"| {most:,} tickets | keeps | {' | '.join(COLUMNS)} |", f"|---|---|{'---:|' * len(COLUMNS)}"]
    for system in dict.fromkeys(row.system for row in rows):
        own = {size: [row for row in rows if row.system == system and row.tasks == size] for size in (1, most)}
        cells = [_cell(own[1 if alone else most], name) for name, alone in COLUMNS.values()]
        lines.append(f"| {system} | {keeps.get(system, '')} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", how])


def put(path: Path, table: str) -> None:
    """Replace what stands between the marks of a file.

    Raises:
        StackError: the marks are not there, each once.
    """
    text = path.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise StackError(f"{path.name} has not one {BEGIN} and one {END} to put the table between")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def _cell(rows: Sequence[Row], name: str) -> str:
    return figure(middle(rows, name)) if rows else ""
