"""`switchyard audits`: what ran by itself and was drawn for a second look, and the answer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, get_args

from rich.console import Console as Terminal

from infra.ops import session, show
from infra.ops.arguments import Args, command, noun
from infra.ops.client import Console
from shared.task.audit import AuditVerdict

SUMMARY = "look again at what ran by itself"
LIST = "switchyard audits list"
ANSWERS = (
    "switchyard audits answer helpdesk-1 right",
    "switchyard audits answer helpdesk-1 wrong_intent --intent order_status",
    "switchyard audits answer helpdesk-2 --intent cancel_order",
)
NOTHING = "nothing that ran by itself wants a second look"
COLUMNS = ("task", "ran as", "confidence", "drawn ago")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command on audits."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard audits") -> argparse.ArgumentParser:
    """Return the commands on audits."""
    made = noun(prog, "Look again at tasks that ran without a person, and say whether that was right.", LIST, *ANSWERS)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    command(commands, "list", _list, "list what nobody has looked at yet, oldest first", LIST)
    say = command(commands, "answer", _answer, "say whether a task ran as it should have", *ANSWERS)
    say.add_argument("id", metavar="TASK")
    say.add_argument("verdict", nargs="?", choices=get_args(AuditVerdict), help="of a blind audit none: it follows")
    say.add_argument("--intent", help="what it was: an intent, or unclassified")
    return made


def _list(args: Args, console: Console, terminal: Terminal) -> int:
    found = console.get("audits")["audits"]
    return show.answer(args.json, found, lambda: show.table(terminal, COLUMNS, map(_row, found), nothing=NOTHING))


def _row(audit: dict[str, Any]) -> tuple[str, ...]:
    sure = "" if audit["confidence"] is None else f"{audit['confidence']:.2f}"
    return (audit["task_id"], audit["intent"] or "(blind: say what it is)", sure, show.age(audit["drawn_at"]))


def _answer(args: Args, console: Console, terminal: Terminal) -> int:
    answered = console.post(f"audits/{args.id}", {"verdict": args.verdict, "intent": args.intent})

    def told() -> None:
        print(show.plain(f"{args.id}  {answered['verdict']}: it ran as {answered['intent']}"))

    return show.answer(args.json, answered, told)
