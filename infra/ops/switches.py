"""`switchyard switches`: which intents may run, and the switch that stops one or lets it run again."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console as Terminal

from infra.ops import session, show
from infra.ops.arguments import Args, command, noun
from infra.ops.client import Console

SUMMARY = "stop an intent, and let it run again"
LIST = "switchyard switches list"
OFF = 'switchyard switches off refund_request --reason "the shop refunds twice"'
ON = 'switchyard switches on refund_request --reason "mended"'
COLUMNS = ("intent", "switch", "set by", "ago", "because")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command on switches."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard switches") -> argparse.ArgumentParser:
    """Return the commands on switches."""
    made = noun(prog, "See which intents may run; stop one, or let it run again, in your name.", LIST, OFF, ON)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    command(commands, "list", _list, "list the switch of each intent", LIST)
    for word, words, example in (
        ("off", "stop an intent: its tasks wait, none fails", OFF),
        ("on", "let an intent run again: its tasks go on by themselves", ON),
    ):
        made_verb = command(commands, word, _set, words, example)
        made_verb.add_argument("intent", metavar="INTENT")
        made_verb.add_argument("--reason", required=True, help="kept with the switch")
        made_verb.set_defaults(verb=word)
    return made


def _list(args: Args, console: Console, terminal: Terminal) -> int:
    found = console.get("switches")["switches"]
    return show.answer(args.json, found, lambda: show.table(terminal, COLUMNS, _rows(found)))


def _rows(found: dict[str, dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for intent, switch in found.items():
        yield (intent, switch["does"], switch["by"], show.age(switch["at"]) if switch["at"] else "", switch["reason"])


def _set(args: Args, console: Console, terminal: Terminal) -> int:
    done = console.post(f"switches/{args.intent}", {"enabled": args.verb == "on", "reason": args.reason})
    words = "on; its tasks go on by themselves" if done["on"] else "off; its tasks wait until it is on again"
    return show.answer(args.json, done, lambda: print(f"{args.intent}  {words}"))
