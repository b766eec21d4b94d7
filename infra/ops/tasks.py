"""`switchyard tasks`: look at tasks, play one again, and repair them."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from collections.abc import Sequence
from functools import partial
from typing import Any, get_args

from rich.console import Console as Terminal

from infra.ops import session, show, waterfall
from infra.ops.acting import do, each, listed, look, must_be_known, picked
from infra.ops.arguments import MOST, Args, acting, command, filters, in_state, listing, noun, of_state, ordered, search
from infra.ops.bulk import SHOWN, Item
from infra.ops.client import Console, OpsError
from infra.ops.reenact import differences, reenact
from shared.records.repairs import Then
from shared.task.schemas import TaskRecord

SUMMARY = "look at tasks and repair them"
IN_YOUR_NAME = "is approved in your name and runs now"


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
    _beside(commands)
    redrive = _repairing(
        commands,
        "redrive",
        "run ended tasks again",
        'switchyard tasks redrive helpdesk-1 --reason "the shop is back"',
        'switchyard tasks redrive --state FAILED --since 2h --reason "the shop is back" --dry-run',
        """switchyard tasks redrive helpdesk-1 --as-intent order_status --parameters '{"order_id": "47384"}' """
        '--reason "misread" --then wait',
    )
    redrive.add_argument("--verdict", choices=("not_applied",), help="you looked: it did not happen")
    redrive.add_argument("--as-intent", metavar="INTENT", help="as another intent, or the one that nobody found")
    redrive.add_argument("--parameters", type=json.loads, metavar="JSON", help="with these; amounts in minor units")
    redrive.add_argument("--requester-email", metavar="ADDRESS", help="whose request it is, where nobody said so")
    redrive.add_argument("--then", choices=get_args(Then), help="wait for a decision, or run now in your name")
    _repairing(
        commands,
        "cancel",
        "end tasks whose effect has certainly not begun",
        'switchyard tasks cancel helpdesk-1 --reason "answered by phone"',
    )
    _repairing(
        commands,
        "close",
        "say that nothing is left to do about FAILED tasks; nothing runs",
        'switchyard tasks close helpdesk-1 --reason "refunded by hand"',
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
        "switchyard tasks list --assignee me --state waiting",
    )
    of_state(filters(ordered(listing(find))), "in this state, such as FAILED or waiting")
    found = command(
        commands,
        "find",
        _find,
        "find tasks by mail, order, ticket or its link, words, or id, in any case and part",
        "switchyard tasks find kim@example.com",
        "switchyard tasks find '#10021' refund --state AWAITING_APPROVAL",
        "switchyard tasks find https://acme.zendesk.com/agent/tickets/4200 --json",
    )
    found.add_argument("words", nargs="+", metavar="WORD", help="all of which stand in it")
    found.add_argument("--limit", type=int, default=20, help="at most so many, newest first (default 20)")
    of_state(filters(found), "in this state, such as FAILED or waiting")
    for name, run, words in (
        ("show", _show, "print the whole record of a task"),
        ("explain", _explain, "tell what happened to a task, and why"),
        ("trace", _trace, "draw where the time of a task went"),
        ("reenact", _reenact, "play a task again in memory, and tell what would be different today"),
    ):
        command(commands, name, run, words, f"switchyard tasks {name} helpdesk-1").add_argument("id", metavar="ID")


def _beside(commands: Any) -> None:
    assign = command(
        commands,
        "assign",
        _assign,
        "take a task, or leave it",
        "switchyard tasks assign helpdesk-1",
        "switchyard tasks assign helpdesk-1 --over jo@example.com",
        "switchyard tasks assign helpdesk-1 --leave",
    )
    assign.add_argument("id", metavar="ID")
    assign.add_argument("--leave", action="store_true", help="it is nobody's then")
    assign.add_argument("--over", default="", metavar="ADDRESS", help="whose it is, where it is somebody else's")
    note = command(
        commands,
        "note",
        _note,
        "write a note beside a task",
        'switchyard tasks note helpdesk-1 "asked the shop"',
    )
    note.add_argument("id", metavar="ID")
    note.add_argument("text", metavar="TEXT")


def _repairing(commands: Any, name: str, words: str, *examples: str) -> argparse.ArgumentParser:
    made = filters(acting(command(commands, name, _repair, words, *examples), name))
    made.add_argument("--reason", required=True, help="kept with the task")
    return of_state(made, "all in this state, instead of naming tasks")


def _list(args: Args, console: Console, terminal: Terminal) -> int:
    found = listed(console, search(args) | {"order": args.order}, MOST if args.all else args.limit)
    return show.answer(args.json, found, lambda: show.tasks(terminal, found))


def _find(args: Args, console: Console, terminal: Terminal) -> int:
    page = console.get("tasks", q=" ".join(args.words), limit=args.limit, **search(args))
    if args.json:
        print(json.dumps(page["tasks"]))
    else:
        show.tasks(terminal, page["tasks"], is_all=page["next_page_token"] is None)
    if not page["tasks"]:
        must_be_known(console, args.intent)
    return 0 if page["tasks"] else 1


def _show(args: Args, console: Console, terminal: Terminal) -> int:
    record = console.get(f"tasks/{args.id}")
    shown = record | {"payload": json.loads(record["payload"])}  # to read it; --json tells it as it is kept
    return show.answer(args.json, record, lambda: print(json.dumps(shown, indent=2)))


def _assign(args: Args, console: Console, terminal: Terminal) -> int:
    record = console.post(f"tasks/{args.id}/assign", {"take": not args.leave, "over": args.over})
    words = f"{args.id} is {record['assignee'] or 'nobody'}'s"
    return show.answer(args.json, record, lambda: print(show.plain(words)))


def _note(args: Args, console: Console, terminal: Terminal) -> int:
    record = console.post(f"tasks/{args.id}/note", {"text": args.text})
    return show.answer(
        args.json, record, lambda: print(show.plain(f"{args.id}: note {len(record['notes'])} is written"))
    )


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
        wish = {name: getattr(args, name, None) for name in ("reason", "verdict", "then", "parameters")}
        wish |= {"intent": getattr(args, "as_intent", None), "requester_email": getattr(args, "requester_email", None)}
        body = wish | look(task, alone=len(args.ids) == 1)
        words = f"{args.verb} {task_id} {task['intent']} {task['state']}"
        if args.verb == "redrive" and is_told:
            words += f": {_foretold(console, task, body)}"
        return Item(task_id, words, partial(console.post, f"tasks/{task_id}/{args.verb}", body))

    found = list(picked(args, console, in_state))
    is_told = args.dry_run or (not args.yes and len(found) <= SHOWN)
    items = each(found, item)
    return do(args, terminal, items, always_ask=any(item.words.endswith(IN_YOUR_NAME) for item in items))


def _foretold(console: Console, task: dict[str, Any], body: dict[str, Any]) -> str:
    """Return what a redrive would do, as the console says it would."""
    try:
        would = console.post(f"tasks/{task['task_id']}/redrive", body | {"dry_run": True})
    except OpsError as error:
        if error.status == 3:
            raise
        return f"would be refused: {error}"
    if would["state"] == "AWAITING_APPROVAL":
        return "waits for others to approve it too" if would["review"]["approvals"] else "waits for a decision"
    given = would["approval"]
    if given is None or given == task["approval"]:
        return f"runs now, as {given['by']} approved it" if given else "runs now; nobody had to approve it"
    return IN_YOUR_NAME
