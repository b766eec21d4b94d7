"""Many items, one thing to do to each: asked first, slowly enough, with a bar, none stopping the others."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.prompt import Confirm

from infra.ops.client import OpsError, Unreachable
from infra.ops.show import plain

SHOWN = 20  # items, before somebody is asked


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be done: what it is called, what it would be in words, and how it is done, if it can be."""

    id: str
    words: str
    do: Callable[[], Any]
    can_be: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one item; `error` is empty where it was done."""

    id: str
    state: str
    error: str = ""
    unreachable: bool = False


def confirm(console: Console, items: Sequence[Item], *, yes: bool) -> None:
    """Show what would be done and ask.

    Raises:
        OpsError: the person does not want it, or nobody can be asked.
    """
    if yes:
        return
    for item in items[:SHOWN]:
        console.print(f"  {plain(item.words)}", markup=False, highlight=False, soft_wrap=True)
    if len(items) > SHOWN:
        console.print(f"  ... and {len(items) - SHOWN} more")
    if not sys.stdin.isatty():
        raise OpsError("nobody can be asked here; say --yes to go on", 2)
    if not Confirm.ask(f"{len(items)} in all. Go on?", console=console, default=False):
        raise OpsError("nothing was done")


def run(console: Console, items: Sequence[Item], per_second: float) -> list[Result]:
    """Do all, at most `per_second`. Ctrl-C and a console that does not answer end it: the rest has no result."""
    results: list[Result] = []
    began, under_way = time.monotonic(), ""
    with Progress(console=console, transient=True, disable=len(items) < 2 or not console.is_terminal) as progress:
        bar = progress.add_task("", total=len(items))
        try:
            for number, item in enumerate(items):
                time.sleep(max(0.0, began + number / per_second - time.monotonic()))
                under_way = item.id
                results.append(_one(item))
                under_way = ""
                progress.advance(bar)
                if results[-1].unreachable:
                    break
        except KeyboardInterrupt:
            if under_way:
                results.append(Result(under_way, "", "stopped; whether it was done is not known"))
    if len(results) < len(items):
        console.print(f"stopped: {len(items) - len(results)} of {len(items)} were not tried")
    return results


def _one(item: Item) -> Result:
    try:
        return Result(item.id, str(item.do().get("state", "done")))
    except Unreachable as error:
        return Result(item.id, "", f"{error}; whether it was done is not known", unreachable=True)
    except OpsError as error:
        return Result(item.id, "", str(error))
