"""What was named or found in, one decision for each out: looked at, asked for, done, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from rich.console import Console as Terminal

from infra.ops import bulk, show
from infra.ops.arguments import MOST, Args
from infra.ops.bulk import Item
from infra.ops.client import Console, OpsError
from shared.task.schemas import UNCLASSIFIED

Looked = dict[str, Any] | Item


def picked(args: Args, console: Console, filtered: Callable[[Args], dict[str, Any]]) -> Iterable[Looked]:
    """Return the tasks that were named, each once; else those that the filter finds."""
    if args.ids:
        return [looked_at(console, "tasks", task_id) for task_id in dict.fromkeys(args.ids)]
    return list(listed(console, filtered(args), MOST))


def listed(console: Console, query: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
    """Return up to `most` tasks that a search finds.

    Raises:
        OpsError: nothing is found, and there is no intent of the name that was asked for.
    """
    found = list(console.every("tasks", "tasks", most, **query))
    if not found:
        must_be_known(console, query.get("intent"))
    return found


def must_be_known(console: Console, intent: str | None) -> None:
    """Raise `OpsError` unless there is an intent of this name, or none was named."""
    if intent in (None, UNCLASSIFIED):
        return
    known = console.get("policy")["intents"]
    if intent not in known:
        raise OpsError(f"there is no intent {intent}; choose one of {', '.join(known)}", 2)


def looked_at(console: Console, kind: str, name: str) -> Looked:
    """Return a task or letter, or what tells in its place that it cannot be read: the others are done all the same."""
    try:
        found: dict[str, Any] = console.get(f"{kind}/{name}")
    except OpsError as error:
        if error.status == 3:
            raise
        return Item(name, f"leave {name}: {error}", partial(_raise, error), can_be=False)
    return found


def each(found: Iterable[Looked], item: Callable[[dict[str, Any]], Item]) -> list[Item]:
    """Return what is to be done to each; what could not be looked at tells so in its place."""
    return [looked if isinstance(looked, Item) else item(looked) for looked in found]


def look(task: dict[str, Any], *, alone: bool) -> dict[str, Any]:
    """Return what was seen of a task: nothing is done to it if it has moved on. `alone`: it was named, not found."""
    shown = {name: task[name] for name in ("generation", "params_hash")}
    return shown | {"looked_at": datetime.now(UTC).isoformat(), "alone": alone}


def do(args: Args, terminal: Terminal, items: list[Item], *, always_ask: bool = False) -> int:
    """Ask where it is many or money, do it, and say what became of each."""
    if args.dry_run:
        wishes = [show.plain(f"would {i.words}") for i in items] or ["nothing to do"]
        return show.answer(args.json, [i.words for i in items], lambda: print("\n".join(wishes)))
    asking = Terminal(stderr=True, highlight=False)  # what scripts read is on stdout
    possible = sum(item.can_be for item in items)
    if possible and (len(items) > 1 or always_ask):
        bulk.confirm(asking, items, yes=args.yes)
    results = bulk.run(asking, items, args.rate)
    failed = [r for r in results if r.error]
    answer = [{"id": r.id, "state": r.state, "error": r.error} for r in results]

    def told() -> None:
        for r in failed if len(results) > 20 else results:
            print(show.plain(f"{r.id}  {r.error or r.state}"))
        print(f"{len(results) - len(failed)} done, {len(failed)} refused")

    show.answer(args.json, answer, told)
    if any(r.unreachable for r in results):
        return 3
    return 1 if failed or len(results) < len(items) else 0


def _raise(error: OpsError) -> None:
    raise error
