"""`switchyard tasks`: look at tasks, play one again, and repair them."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.console import Console as Terminal

from infra.ops import session, show, waterfall
from infra.ops.acting import do, each, look, picked
from infra.ops.arguments import MOST, Args, acting, command, filters, in_state, listing, noun, search
from infra.ops.bulk import Item
from infra.ops.client import Console, OpsError
from infra.ops.reenact import differences, reenact
from shared.task.schemas import TaskRecord

SUMMARY = "look at tasks and repair them"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command on tasks."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard tasks") -> argparse.ArgumentParser:
    """Return the commands on tasks."""
    made = noun(
        prog,
        "Look at tasks, ask why they are where they are, and repair what failed.",
        "switchyard tasks list --state FAILED --since 2h",
        "switchyard tasks explain helpdesk-1",
        'switchyard tasks redrive --state FAILED --intent order_status --reason "the shop is back" --dry-run',
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    _looking(commands)
    redrive = _repairing(
        commands,
        "redrive",
        "run ended tasks again",
        'switchyard tasks redrive helpdesk-1 --reason "the shop is back"',
        'switchyard tasks redrive --state FAILED --since 2h --reason "the shop is back" --dry-run',
    )
    redrive.add_argument("--verdict", choices=("not_applied",), help="you looked: it did not happen")
    _repairing(
        commands,
        "cancel",
        "end tasks whose effect has certainly not begun",
        'switchyard tasks cancel helpdesk-1 --reason "answered by phone"',
    )
    settle = _repairing(
        commands,
        "settle",
        "say what became of the effect of UNKNOWN tasks",
        'switchyard tasks settle helpdesk-1 --verdict applied --reason "seen at the vendor"',
    )
    settle.add_argument("--verdict", required=True, choices=("applied", "not_applied"), help="what you found there")
    return made


def _looking(commands: Any) -> None:
    find = command(
        commands,
        "list",
        _list,
        "list tasks, newest first",
        "switchyard tasks list --state UNKNOWN",
        "switchyard tasks list --intent order_status --since 2h --json",
    )
    filters(listing(find)).add_argument("--state", help="in this state, such as FAILED")
    for name, run, words in (
        ("show", _show, "print the whole record of a task"),
        ("explain", _explain, "tell what happened to a task, and why"),
        ("trace", _trace, "draw where the time of a task went"),
        ("reenact", _reenact, "play a task again in memory, and tell what would be different today"),
    ):
        command(commands, name, run, words, f"switchyard tasks {name} helpdesk-1").add_argument("id", metavar="ID")


def _repairing(commands: Any, name: str, words: str, *examples: str) -> argparse.ArgumentParser:
    made = filters(acting(command(commands, name, _repair, words, *examples), name))
    made.add_argument("--reason", required=True, help="kept with the task")
    made.add_argument("--state", help="all in this state, instead of naming tasks")
    return made


def _list(args: Args, console: Console, terminal: Terminal) -> int:
    found = list(console.every("tasks", "tasks", MOST if args.all else args.limit, **search(args)))
    return show.answer(args.json, found, lambda: show.tasks(terminal, found))


def _show(args: Args, console: Console, terminal: Terminal) -> int:
    record = console.get(f"tasks/{args.id}")
    return show.answer(args.json, record, lambda: print(json.dumps(record, indent=2)))


def _explain(args: Args, console: Console, terminal: Terminal) -> int:
    record = console.get(f"tasks/{args.id}")
    return show.answer(args.json, record, lambda: show.explain(terminal, record))


def _trace(args: Args, console: Console, terminal: Terminal) -> int:
    found = console.get(f"tasks/{args.id}/trace")
    return show.answer(args.json, found, lambda: waterfall.draw(terminal, found))


def _reenact(args: Args, console: Console, terminal: Terminal) -> int:
    then = TaskRecord.model_validate_json(json.dumps(console.get(f"tasks/{args.id}")))
    if then.classification.model == "none":
        raise OpsError("the model never answered for this task: there is nothing to play again")
    with contextlib.redirect_stdout(io.StringIO()):  # the steps log as they do in the cloud
        again = reenact(then, console.get("policy"))
    other = differences(then, again.record)
    report = {
        "task_id": then.task_id,
        "differs": {n: {"then": a, "today": b} for n, (a, b) in other.items()},
        "decision_refused": again.refused,
        "effects": again.effects,
    }

    def told() -> None:
        lines = [f"{name}: then {a!r}, today {b!r}" for name, (a, b) in other.items()] or ["nothing would differ"]
        lines += [f"the recorded decision would be refused: {again.refused}"] if again.refused else []
        lines += [f"effect at the sandbox: {e['vendor']} {e['operation']} {e['subject']}" for e in again.effects] or [
            "no effect"
        ]
        for line in lines:
            print(show.plain(line))

    return show.answer(args.json, report, told)


def _repair(args: Args, console: Console, terminal: Terminal) -> int:
    def item(task: dict[str, Any]) -> Item:
        task_id = task["task_id"]
        body = {"reason": args.reason, "verdict": getattr(args, "verdict", None)} | look(task, alone=len(args.ids) == 1)
        words = f"{args.verb} {task_id} {task['intent']} {task['state']}"
        return Item(task_id, words, partial(console.post, f"tasks/{task_id}/{args.verb}", body))

    return do(args, terminal, each(picked(args, console, in_state), item))
