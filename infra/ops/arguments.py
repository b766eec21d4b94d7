"""The options that several commands share, and what they mean to the console's API."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from rich.console import Console as Terminal

from infra import manual
from infra.ops.client import Console, OpsError

Args = argparse.Namespace
Run = Callable[[Args, Console, Terminal], int]
SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MOST = 10_000  # items of a list or a bulk action, where all are asked for
ORDERS = ("newest", "oldest", "urgent", "amount")
FILTERS = ("state", "intent", "source", "requester", "assignee", "decided_by", "closed", "min", "max", "older")
ENVIRONMENT = {
    "CONSOLE_URL": "where the console is, in the cloud; default: the stack that runs here",
    "IAP_SERVICE_ACCOUNT": "the account to sign in as at the Identity-Aware Proxy before it",
    "IAP_CREDENTIALS": "or the file of a person who signed in through a desktop client",
    "IAP_TOKEN": "or a token that was made already",
    "DATA_DIR": "whose stack: the folder that it was started with",
}
STATUS = {
    0: "done",
    1: "something was refused or not found",
    2: "wrong usage, or the declaration of an intent is broken",
    3: "the console cannot be used",
}


class _Noun(argparse.ArgumentParser):
    """A command that does nothing without another word: whoever says it alone is told the words."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, and end."""
        if message.endswith("required: COMMAND"):
            [verbs] = [action.choices for action in self._actions if action.metavar == "COMMAND" and action.choices]
            message = f"say what: {', '.join(verbs)}"
        super().error(message)


def noun(prog: str, summary: str, *examples: str) -> argparse.ArgumentParser:
    """Return the parser of a command of this package, as yet without its options."""
    return _Noun(prog=prog, **manual.page(summary, *examples, environment=ENVIRONMENT, status=STATUS))


def command(commands: Any, name: str, run: Run, summary: str, *examples: str) -> argparse.ArgumentParser:
    """Return the parser of one verb, as yet without its own options."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, **manual.page(_sentence(summary), *examples)
    )
    return runs(made, run)


def runs(made: argparse.ArgumentParser, run: Run) -> argparse.ArgumentParser:
    """Let a parser lead to `run`, and give it what every command has."""
    made.add_argument("--json", action="store_true", help="JSON for scripts")
    # Also accepted before the command; left out here it must not undo that.
    made.add_argument(
        "--console",
        metavar="URL",
        default=argparse.SUPPRESS,
        help="default: CONSOLE_URL, or the stack that runs here",
    )
    made.set_defaults(run=run)
    return made


def filters(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add what narrows a search: what the page filters by."""
    made.add_argument("--intent", help="of this intent")
    made.add_argument("--source", help="from this source")
    made.add_argument("--requester", metavar="WHO", help="asked by whose address, id or name holds this")
    made.add_argument("--assignee", metavar="WHO", help="whose work it is: me, or a part of an address")
    made.add_argument("--decided-by", metavar="WHO", help="who decided it: me, or a part of an address")
    made.add_argument("--closed", choices=("yes", "no"), help="FAILED ones that somebody closed: alone, or left out")
    made.add_argument("--min", metavar="AMOUNT", help="moves at least so much money, 25.00 in its own currency")
    made.add_argument("--max", metavar="AMOUNT", help="at most so much")
    made.add_argument("--older", metavar="AGE", help="older than 30min, 2h, 3d")
    made.add_argument("--since", help="a time, or 30m, 2h, 7d ago")
    made.add_argument("--until", help="likewise")
    return made


def state(text: str) -> str:
    """Return a state as the API names it, of the words that the page has for it."""
    name = text.strip().upper().replace(" ", "_").replace("-", "_")
    return {"WAITING": "AWAITING_APPROVAL"}.get(name, name)


def of_state(made: argparse.ArgumentParser, words: str) -> argparse.ArgumentParser:
    """Add the state that is asked for."""
    made.add_argument("--state", type=state, help=words)
    return made


def listing(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add how many are listed."""
    made.add_argument("--limit", type=int, default=50, help="at most so many (default 50)")
    made.add_argument("--all", action="store_true", help=f"at most {MOST}")
    return made


def ordered(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add in which order tasks are listed."""
    made.add_argument("--order", choices=ORDERS, help="urgent and amount: of one state")
    return made


def acting(made: argparse.ArgumentParser, verb: str) -> argparse.ArgumentParser:
    """Add upon what is acted, and how carefully."""
    made.add_argument("ids", nargs="*", metavar="ID", help="these; where none is named, what the options find")
    made.add_argument("--dry-run", action="store_true", help="say what would be done")
    made.add_argument("--yes", action="store_true", help="do not ask")
    made.add_argument("--rate", type=_rate, default=10.0, help="per second at most (default 10)")
    made.set_defaults(verb=verb)
    return made


def search(args: Args) -> dict[str, Any]:
    """Return the filter of a command as the API takes it."""
    named = {name: getattr(args, name, None) for name in FILTERS}
    return named | {"since": moment(args.since), "until": moment(args.until)}


def needed(args: Args) -> dict[str, Any]:
    """Return the filter of a bulk decision: without any it would be everything, which nobody means."""
    query = search(args)
    if not any(query.values()):
        raise OpsError("name tasks, or a filter such as --intent", 2)
    return query | {"state": "AWAITING_APPROVAL", "order": "oldest"}


def in_state(args: Args) -> dict[str, Any]:
    """Return the filter of a bulk repair: what was rejected must not run again because it was of the same intent."""
    if args.state is None:
        raise OpsError("name tasks, or a filter: --state, and what else narrows it", 2)
    return search(args)


def moment(text: str | None) -> str | None:
    """Return a time as the API takes it: ISO 8601, or so long ago: 30m, 2h, 7d."""
    if text and (match := re.fullmatch(r"(\d{1,5})([smhd])", text)):
        return (datetime.now(UTC) - timedelta(seconds=int(match[1]) * SPANS[match[2]])).isoformat()
    return text


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError("must be over 0 and at most 1000")
    return value
