"""`switchyard approvals`: what waits for a person, and the decision."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.console import Console as Terminal

from infra.ops import session, show
from infra.ops.acting import do, each, listed, look, picked
from infra.ops.arguments import MOST, Args, acting, command, filters, listing, needed, noun, ordered, search
from infra.ops.bulk import Item
from infra.ops.client import Console
from shared.task.schemas import CAUSES

SUMMARY = "decide what waits"
UNDO = "switchyard approvals undo helpdesk-1"
EXAMPLES = {
    "approve": (
        "switchyard approvals approve helpdesk-1 --comment checked",
        'switchyard approvals approve helpdesk-1 --as-intent order_status --parameters \'{"order_id": "47384"}\'',
    ),
    "reject": (
        "switchyard approvals reject helpdesk-1 --cause wrong_intent",
        "switchyard approvals reject --intent refund_request --since 2h --comment fraud --dry-run",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command on approvals."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard approvals") -> argparse.ArgumentParser:
    """Return the commands on approvals."""
    made = noun(
        prog,
        "See what waits for a person, and decide it in your name.",
        "switchyard approvals list",
        EXAMPLES["approve"][0],
        *EXAMPLES["reject"],
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    find = command(
        commands,
        "list",
        _list,
        "list what waits, oldest first",
        "switchyard approvals list --intent refund_request --since 1d",
        "switchyard approvals list --order amount --min 100",
    )
    filters(ordered(listing(find)))
    for name, examples in EXAMPLES.items():
        verb = filters(
            acting(command(commands, name, _decide, f"{name} what waits, by name or by filter", *examples), name)
        )
        verb.add_argument("--comment", default="", help="kept with the decision")
        verb.add_argument("--params-hash", metavar="HASH", help="refuse if the parameters are others than these")
        if name == "approve":
            verb.add_argument("--undoable", action="store_true", help="hold it for as long as its intent declares")
            verb.add_argument("--requester-email", metavar="ADDRESS", help="whose request it is, where nobody said so")
        if name == "reject":
            verb.add_argument("--cause", choices=CAUSES, help="what that says of the suggestion (default other)")
        verb.add_argument("--as-intent", metavar="INTENT", help="run as another intent")
        verb.add_argument("--parameters", type=json.loads, metavar="JSON", help="run with these")
    undo = command(commands, "undo", _undo, "take a decision back of which nothing has come yet", UNDO)
    undo.add_argument("id", metavar="ID")
    return made


def _undo(args: Args, console: Console, terminal: Terminal) -> int:
    done = console.post(f"tasks/{args.id}/undo", look(console.get(f"tasks/{args.id}"), alone=True))
    return show.answer(args.json, done, lambda: print(f"{args.id}  waits for a decision again"))


def _list(args: Args, console: Console, terminal: Terminal) -> int:
    query = search(args) | {"state": "AWAITING_APPROVAL", "order": args.order or "oldest"}
    found = listed(console, query, MOST if args.all else args.limit)
    return show.answer(args.json, found, lambda: show.tasks(terminal, found))


def _decide(args: Args, console: Console, terminal: Terminal) -> int:
    def item(task: dict[str, Any]) -> Item:
        task_id = task["task_id"]
        body = {
            "decision": args.verb,
            "comment": args.comment,
            "cause": getattr(args, "cause", None),
            "undoable": getattr(args, "undoable", None),
            "intent": args.as_intent,
            "requester_email": getattr(args, "requester_email", None),
            "parameters": args.parameters,
        } | look(task, alone=len(args.ids) == 1)
        if args.params_hash:
            body["params_hash"] = args.params_hash
        shown = body["parameters"] or task["parameters"] or task["classification"]["parameters"]
        words = f"{args.verb} {task_id} {args.as_intent or task['intent']} {json.dumps(shown)}"
        return Item(task_id, words, partial(console.post, f"approvals/{task_id}", body))

    return do(args, terminal, each(picked(args, console, needed), item), always_ask=args.verb == "approve")
