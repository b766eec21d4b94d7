"""`switchyard breakers`: which intents wait for people because too much went wrong, and the way back."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console as Terminal

from infra.ops import session, show
from infra.ops.arguments import Args, command, noun
from infra.ops.client import Console

SUMMARY = "see which intents were stopped because too much went wrong, and let them run again"
LIST = "switchyard breakers list"
REARM = 'switchyard breakers rearm refund_request --reason "the shop sends the right form again"'
NOTHING = "no intent was ever stopped"
COLUMNS = ("intent", "breaker", "opened ago", "why", "armed again by", "because")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command on breakers."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard breakers") -> argparse.ArgumentParser:
    """Return the commands on breakers."""
    made = noun(prog, "See the breakers that have opened, and arm one again in your name.", LIST, REARM)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    command(commands, "list", _list, "list the breakers that are open or ever were", LIST)
    again = command(commands, "rearm", _rearm, "let the tasks of an intent run by themselves again", REARM)
    again.add_argument("intent", metavar="INTENT")
    again.add_argument("--reason", required=True, help="kept with the breaker")
    return made


def _list(args: Args, console: Console, terminal: Terminal) -> int:
    found = console.get("breakers")["breakers"]
    return show.answer(args.json, found, lambda: show.table(terminal, COLUMNS, _rows(found), nothing=NOTHING))


def _rows(found: dict[str, dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for intent, breaker in found.items():
        state = "OPEN" if breaker["open"] else "armed"
        armed = ("", "") if breaker["open"] else (breaker["rearmed_by"], breaker["rearm_reason"])
        yield (intent, state, show.age(breaker["at"]), breaker["why"], *armed)


def _rearm(args: Args, console: Console, terminal: Terminal) -> int:
    armed = console.post(f"breakers/{args.intent}/rearm", {"reason": args.reason})
    return show.answer(args.json, armed, lambda: print(f"{args.intent}  armed again; errors are counted from now on"))
