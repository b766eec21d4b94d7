"""What a simulation found in, tables for a terminal out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console as Terminal

from infra.ops import show
from shared.currency import written

Told = dict[str, Any]


def tell(terminal: Terminal, told: Told) -> None:
    """Print how two policies differ over the same tasks."""
    if not told["tasks"]:
        print("no tasks to play")
        return
    print(f"{told['tasks']:,} tasks of {told['days']:g} days, {told['since'][:10]} to {told['until'][:10]}")
    if told["moved_on"]:
        print(f"{told['moved_on']:,} of them would be decided otherwise today than they were")
    for name, change in told["settings"].items():
        print(f"{name}: {show.plain(change['today'][:200])!r} today, tried {show.plain(change['tried'][:200])!r}")
    print()
    show.table(terminal, ("", "today", "tried"), _sides(told["before"], told["after"]))
    print()
    columns = ("who", "decided a day", "asked a day today", "tried")
    show.table(terminal, columns, _people(told["people"]), nothing="nobody has decided any of them")
    if not told["flips"]:
        print("\nno task would take another way")
        return
    print()
    show.table(terminal, ("would", "intent", "because of", "tasks"), _paths(told["paths"]))
    print("\nthose that matter most:")
    show.table(terminal, ("task", "would", "intent", "amount", "confidence", "because of", "judged"), _matter(told))


def _sides(before: Told, after: Told) -> Iterator[tuple[str, ...]]:
    for name, words in (("runs", "run by themselves"), ("waits", "wait for a person")):
        yield words, f"{before[name]:,}", f"{after[name]:,}"
    yield "approvals a day", f"{before['approvals_a_day']:g}", f"{after['approvals_a_day']:g}"
    yield "of them expected wrong", _wrong(before["wrong"]), _wrong(after["wrong"])
    for currency in sorted({*before["money_a_day"], *after["money_a_day"]}):
        amounts = (written(side["money_a_day"].get(currency, 0), currency) for side in (before, after))
        yield "money a day by itself", *amounts


def _wrong(wrong: Told) -> str:
    if wrong["expected"] is None:
        return "unknown: no labels"
    rest = f", {wrong['unknown']:,} unknown" if wrong["unknown"] else ""
    return f"{wrong['expected']:g} ({wrong['labelled']:,} judged, {wrong['estimated']:,} by their intent{rest})"


def _people(people: Told) -> Iterator[tuple[str, ...]]:
    for name, does in people.items():
        yield name, *(f"{does[n]:g}" for n in ("decided_a_day", "asked_a_day_before", "asked_a_day_after"))


def _paths(paths: list[Told]) -> Iterator[tuple[str, ...]]:
    for path in paths:
        yield _way(path), path["intent"], ", ".join(path["reasons"]), f"{path['tasks']:,}"


def _matter(told: Told) -> Iterator[tuple[str, ...]]:
    for flip in told["matter"]:
        amount = written(flip["amount"]["minor"], flip["amount"]["currency"]) if flip["amount"] else ""
        judged = {True: "right", False: "wrong", None: ""}[flip["right"]]
        confidence, why = f"{flip['confidence']:.2f}", ", ".join(flip["reasons"])
        yield flip["task_id"], _way(flip), flip["intent"], amount, confidence, why, judged


def _way(told: Told) -> str:
    return "run" if told["runs"] else "pause"
