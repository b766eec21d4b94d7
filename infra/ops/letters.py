"""`switchyard dead-letters`: messages that nobody could finish, and what is done about them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.console import Console as Terminal

from infra.ops import session, show
from infra.ops.acting import do, each, look, looked_at
from infra.ops.arguments import MOST, Args, acting, command, listing, noun
from infra.ops.bulk import Item
from infra.ops.client import Console, OpsError

SUMMARY = "see to dead letters"
REDRIVE_ALL = 'switchyard dead-letters redrive --all --reason "the shop is back" --dry-run'


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command on dead letters."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard dead-letters") -> argparse.ArgumentParser:
    """Return the commands on dead letters."""
    made = noun(
        prog,
        "See the messages that nobody could finish; run their tasks again, or close them.",
        "switchyard dead-letters list --limit 5",
        REDRIVE_ALL,
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    find = listing(
        command(commands, "list", _list, "list letters, newest first", "switchyard dead-letters list --closed --json")
    )
    find.add_argument("--closed", action="store_true", help="also those that were seen to")
    look = command(commands, "show", _show, "print one letter with its bytes", "switchyard dead-letters show LETTER")
    look.add_argument("id", metavar="ID")
    again = _seeing_to(
        commands, "redrive", "run the task of a letter again, or send its message once more", REDRIVE_ALL
    )
    again.add_argument("--verdict", choices=("not_applied",), help="you looked: it did not happen")
    _seeing_to(
        commands,
        "close",
        "say that nothing is left to do about a letter",
        'switchyard dead-letters close LETTER --reason "answered by phone"',
    )
    return made


def _seeing_to(commands: Any, name: str, words: str, example: str) -> argparse.ArgumentParser:
    made = acting(command(commands, name, _see_to, words, example), name)
    made.add_argument("--all", action="store_true", help="all open ones")
    made.add_argument("--reason", required=True, help="kept with the letter")
    return made


def _list(args: Args, console: Console, terminal: Terminal) -> int:
    only_open = None if args.closed else "true"
    most = MOST if args.all else args.limit
    found = list(console.every("dead-letters", "dead_letters", most, open=only_open))
    return show.answer(args.json, found, lambda: show.letters(terminal, found))


def _show(args: Args, console: Console, terminal: Terminal) -> int:
    letter = console.get(f"dead-letters/{args.id}")
    return show.answer(args.json, letter, lambda: print(json.dumps(letter, indent=2)))


def _see_to(args: Args, console: Console, terminal: Terminal) -> int:
    if not args.ids and not args.all:
        raise OpsError("name letters, or say --all", 2)
    found = [looked_at(console, "dead-letters", x) for x in dict.fromkeys(args.ids)] or console.every(
        "dead-letters", "dead_letters", MOST, open="true"
    )

    def item(letter: dict[str, Any]) -> Item:
        letter_id, task_id, verdict = letter["letter_id"], letter["task_id"], getattr(args, "verdict", None)
        body: dict[str, Any] = {"reason": args.reason, "verdict": verdict}
        if task_id and args.verb == "redrive":
            try:
                body["task"] = look(console.get(f"tasks/{task_id}"), alone=len(args.ids) == 1)
            except OpsError as error:
                if error.status == 3:
                    raise  # else it never became a task: its message is sent again
        words = f"{args.verb} {letter_id} of {task_id or 'no task, from ' + letter['subscription']}"
        return Item(letter_id, words, partial(console.post, f"dead-letters/{letter_id}/{args.verb}", body))

    return do(args, terminal, each(found, item))
