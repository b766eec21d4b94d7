"""A report in, CSV out, one number to a line, that no spreadsheet takes for a formula. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

from functions.console.figures import Report

CSV = "text/csv; charset=utf-8"
# What begins a formula, also in full width; https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
HEADER = ("about", "name", "figure", "value")

Cell = str | int | float | None


def table(report: Report) -> str:
    """Return the table; times are in seconds, what is not known is empty."""
    made = StringIO()
    writer = csv.writer(made, quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    writer.writerows([harmless(cell) for cell in line] for line in _lines(report))
    return made.getvalue()


def harmless(cell: Cell) -> Cell:
    """Return a cell as text where a spreadsheet would run it: behind an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _lines(report: Report) -> Iterator[tuple[Cell, ...]]:
    yield "span", "", "since", report.since.isoformat()
    yield "span", "", "until", report.until.isoformat()
    for about, rows in (
        ("tickets", [report.total]),
        ("intent", report.intents),
        ("source", report.sources),
        ("decisions", [report.decisions]),
        ("person", report.people),
        ("verdict", report.verdicts),
    ):
        for row in rows:
            (_, name), *numbers = row.model_dump().items()
            for figure, value in numbers:
                yield about, name, figure, value
    for day, count in enumerate(report.by_day, 1):
        yield "day", day, "tickets", count
    for note in report.notes:
        yield "note", "", "", note
