"""`python -m infra.ops`: tasks, approvals and dead letters at a terminal, or as JSON for scripts.

In the cloud set CONSOLE_URL to the page's address, and IAP_CLIENT_ID (or IAP_TOKEN) to sign in at the Identity-Aware
Proxy. Exit status: 0 done, 1 something was refused or not found, 2 wrong usage, 3 the console cannot be used.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from rich.console import Console as Terminal

from functions.console.search import TASK_ID
from infra.commands import in_one_line
from infra.ops import bulk, show
from infra.ops.bulk import Item
from infra.ops.client import Console, OpsError, connect
from infra.ops.reenact import differences, reenact
from shared.task.schemas import TaskRecord

Args = argparse.Namespace
Looked = dict[str, Any] | Item
SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
WATCH_EVERY_S = 2.0
MOST = 10_000
WIDE = 200  # columns where no terminal has a width: who searches the output finds whole words


@in_one_line
def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; every foreseeable trouble is one line on stderr."""
    args = _parser().parse_args(argv)
    terminal = Terminal(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    try:
        for item in [*getattr(args, "ids", []), *([args.id] if hasattr(args, "id") else [])]:
            if not TASK_ID.fullmatch(item):
                raise OpsError(f"{item!r} is no id of a task or letter", 2)
        with contextlib.closing(connect(args.console)) as console:
            return int(args.run(args, console, terminal))
    except OpsError as error:
        print(f"switchyard: {show.plain(str(error))}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _list_tasks(args: Args, console: Console, terminal: Terminal) -> int:
    found = list(console.every("tasks", "tasks", MOST if args.all else args.limit, **_search(args)))
    return _print(args, found, lambda: show.tasks(terminal, found))


def _list_approvals(args: Args, console: Console, terminal: Terminal) -> int:
    query = _search(args) | {"state": "AWAITING_APPROVAL", "order": "oldest"}
    found = list(console.every("tasks", "tasks", MOST if args.all else args.limit, **query))
    return _print(args, found, lambda: show.tasks(terminal, found))


def _list_letters(args: Args, console: Console, terminal: Terminal) -> int:
    only_open = None if args.closed else "true"
    most = MOST if args.all else args.limit
    found = list(console.every("dead-letters", "dead_letters", most, open=only_open))
    return _print(args, found, lambda: show.letters(terminal, found))


def _show_task(args: Args, console: Console, terminal: Terminal) -> int:
    record = console.get(f"tasks/{args.id}")
    return _print(args, record, lambda: print(json.dumps(record, indent=2)))


def _show_letter(args: Args, console: Console, terminal: Terminal) -> int:
    letter = console.get(f"dead-letters/{args.id}")
    return _print(args, letter, lambda: print(json.dumps(letter, indent=2)))


def _explain(args: Args, console: Console, terminal: Terminal) -> int:
    record = console.get(f"tasks/{args.id}")
    return _print(args, record, lambda: show.explain(terminal, record))


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

    return _print(args, report, told)


def _decide(args: Args, console: Console, terminal: Terminal) -> int:
    def item(task: dict[str, Any]) -> Item:
        task_id = task["task_id"]
        body = {
            "decision": args.verb,
            "params_hash": args.params_hash or task["params_hash"],
            "comment": args.comment,
            "intent": args.as_intent,
            "parameters": args.parameters,
        }
        shown = body["parameters"] or task["parameters"] or task["classification"]["parameters"]
        words = f"{args.verb} {task_id} {args.as_intent or task['intent']} {json.dumps(shown)}"
        return Item(task_id, words, partial(console.post, f"approvals/{task_id}", body))

    return _do(args, terminal, _each(_picked(args, console, _needed), item), always_ask=args.verb == "approve")


def _repair(args: Args, console: Console, terminal: Terminal) -> int:
    def item(task: dict[str, Any]) -> Item:
        task_id = task["task_id"]
        body = {"reason": args.reason, "verdict": getattr(args, "verdict", None)} | _basis(task)
        words = f"{args.verb} {task_id} {task['intent']} {task['state']}"
        return Item(task_id, words, partial(console.post, f"tasks/{task_id}/{args.verb}", body))

    return _do(args, terminal, _each(_picked(args, console, _in_state), item))


def _see_to(args: Args, console: Console, terminal: Terminal) -> int:
    if not args.ids and not args.all:
        raise OpsError("name letters, or say --all", 2)
    found = [_looked_at(console, "dead-letters", x) for x in dict.fromkeys(args.ids)] or console.every(
        "dead-letters", "dead_letters", MOST, open="true"
    )

    def item(letter: dict[str, Any]) -> Item:
        letter_id, task_id, verdict = letter["letter_id"], letter["task_id"], getattr(args, "verdict", None)
        body = {"reason": args.reason, "verdict": verdict}
        if verdict and task_id:  # a verdict is of one run of the task: the one that is looked at now
            task = _looked_at(console, "tasks", task_id)
            if isinstance(task, Item):
                return task
            body |= _basis(task)
        words = f"{args.verb} {letter_id} of {task_id or 'no task, from ' + letter['subscription']}"
        return Item(letter_id, words, partial(console.post, f"dead-letters/{letter_id}/{args.verb}", body))

    return _do(args, terminal, _each(found, item))


def _basis(task: dict[str, Any]) -> dict[str, Any]:
    """Return what a verdict rests on: this run of the task, and nothing that anybody finds from now on."""
    return {"generation": task["generation"], "looked_at": datetime.now(UTC).isoformat()}


def _each(found: Iterable[Looked], item: Callable[[dict[str, Any]], Item]) -> list[Item]:
    """Return what is to be done to each; what could not be looked at tells so in its place."""
    return [looked if isinstance(looked, Item) else item(looked) for looked in found]


def _watch(args: Args, console: Console, terminal: Terminal) -> int:
    end, before = time.monotonic() + (float("inf") if args.seconds is None else args.seconds), None
    while True:
        counts = console.get("counts")
        if args.json or counts != before:
            line = "  ".join(f"{name.lower()} {number}" for name, number in counts.items())
            print(json.dumps(counts) if args.json else f"{datetime.now(UTC):%H:%M:%S}  {line}", flush=True)
        before = counts
        if time.monotonic() >= end:
            return 0
        time.sleep(min(WATCH_EVERY_S, max(0.0, end - time.monotonic())))


def _do(args: Args, terminal: Terminal, items: list[Item], *, always_ask: bool = False) -> int:
    """Ask where it is many or money, do it, and say what became of each."""
    if args.dry_run:
        wishes = [show.plain(f"would {i.words}") for i in items] or ["nothing to do"]
        return _print(args, [i.words for i in items], lambda: print("\n".join(wishes)))
    asking = Terminal(stderr=True, highlight=False)  # what scripts read is on stdout
    if len(items) > 1 or (items and always_ask):
        bulk.confirm(asking, items, yes=args.yes)
    results = bulk.run(asking, items, args.rate)
    failed = [r for r in results if r.error]
    answer = [{"id": r.id, "state": r.state, "error": r.error} for r in results]

    def told() -> None:
        for r in failed if len(results) > 20 else results:
            print(show.plain(f"{r.id}  {r.error or r.state}"))
        print(f"{len(results) - len(failed)} done, {len(failed)} refused")

    _print(args, answer, told)
    if any(r.unreachable for r in results):
        return 3
    return 1 if failed or len(results) < len(items) else 0


def _print(args: Args, data: Any, told: Any) -> int:
    if args.json:
        print(json.dumps(data))
    else:
        told()
    return 0


def _picked(args: Args, console: Console, filtered: Callable[[Args], dict[str, Any]]) -> Iterable[Looked]:
    """Return the tasks that were named, each once; else those that the filter finds."""
    if args.ids:
        return [_looked_at(console, "tasks", task_id) for task_id in dict.fromkeys(args.ids)]
    return list(console.every("tasks", "tasks", MOST, **filtered(args)))


def _looked_at(console: Console, kind: str, name: str) -> Looked:
    """Return a task or letter, or what tells in its place that it cannot be read: the others are done all the same."""
    try:
        found: dict[str, Any] = console.get(f"{kind}/{name}")
    except OpsError as error:
        if error.status == 3:
            raise
        return Item(name, f"leave {name}: {error}", partial(_raise, error))
    return found


def _raise(error: OpsError) -> None:
    raise error


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError("must be over 0 and at most 1000")
    return value


def _search(args: Args) -> dict[str, Any]:
    return {
        "state": getattr(args, "state", None),
        "intent": args.intent,
        "source": args.source,
        "since": _moment(args.since),
        "until": _moment(args.until),
    }


def _needed(args: Args) -> dict[str, Any]:
    """Return the filter of a bulk decision: without any it would be everything, which nobody means."""
    query = _search(args)
    if not any(query.values()):
        raise OpsError("name tasks, or a filter such as --intent", 2)
    return query | {"state": "AWAITING_APPROVAL", "order": "oldest"}


def _in_state(args: Args) -> dict[str, Any]:
    """Return the filter of a bulk repair: what was rejected must not run again because it was of the same intent."""
    if args.state is None:
        raise OpsError("name tasks, or a filter: --state, and what else narrows it", 2)
    return _search(args)


def _moment(text: str | None) -> str | None:
    """Return a time as the API takes it: ISO 8601, or so long ago: 30m, 2h, 7d."""
    if text and (match := re.fullmatch(r"(\d{1,5})([smhd])", text)):
        return (datetime.now(UTC) - timedelta(seconds=int(match[1]) * SPANS[match[2]])).isoformat()
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.ops", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--console", help="its URL (default: CONSOLE_URL, or the stack that runs here)")
    groups = parser.add_subparsers(required=True, metavar="tasks | approvals | dead-letters | watch")
    _task_commands(groups.add_parser("tasks", help="look at tasks and repair them").add_subparsers(required=True))
    _approval_commands(groups.add_parser("approvals", help="decide what waits").add_subparsers(required=True))
    _letter_commands(groups.add_parser("dead-letters", help="see to dead letters").add_subparsers(required=True))
    watch = _command(groups, "watch", _watch, "counts, whenever they change")
    watch.add_argument("--for", dest="seconds", type=float, help="seconds; else until Ctrl-C")
    return parser


def _task_commands(commands: Any) -> None:
    _listing(_command(commands, "list", _list_tasks, "newest first")).add_argument("--state")
    for name, run, words in (
        ("show", _show_task, "the whole record"),
        ("explain", _explain, "what happened and why"),
        ("reenact", _reenact, "what would be different today"),
    ):
        _command(commands, name, run, words).add_argument("id")
    for name, words in (("redrive", "run again"), ("cancel", "end for good"), ("settle", "say what became of it")):
        command = _many(_command(commands, name, _repair, words), name)
        command.add_argument("--reason", required=True)
        command.add_argument("--state")
        if name == "settle":
            command.add_argument("--verdict", required=True, choices=("applied", "not_applied"))
        if name == "redrive":
            command.add_argument("--verdict", choices=("not_applied",), help="you looked: it did not happen")


def _approval_commands(commands: Any) -> None:
    _listing(_command(commands, "list", _list_approvals, "oldest first"))
    for name in ("approve", "reject"):
        command = _many(_command(commands, name, _decide, f"{name} tasks"), name)
        command.add_argument("--comment", default="")
        command.add_argument("--params-hash", help="refuse if the parameters are others than these")
        command.add_argument("--as-intent", help="run as another intent")
        command.add_argument("--parameters", type=json.loads, help="JSON: run with these")


def _letter_commands(commands: Any) -> None:
    listing = _command(commands, "list", _list_letters, "newest first")
    listing.add_argument("--limit", type=int, default=50)
    listing.add_argument("--all", action="store_true")
    listing.add_argument("--closed", action="store_true", help="also those that were seen to")
    _command(commands, "show", _show_letter, "one letter with its bytes").add_argument("id")
    for name, words in (("redrive", "run its task, or send it, again"), ("close", "nothing is left to do")):
        command = _acting(_command(commands, name, _see_to, words), name)
        command.add_argument("--all", action="store_true", help="all open ones")
        if name == "redrive":
            command.add_argument("--verdict", choices=("not_applied",), help="you looked: it did not happen")
        command.add_argument("--reason", required=True)


def _command(commands: Any, name: str, run: Any, words: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=words, description=words)
    command.add_argument("--json", action="store_true", help="JSON for scripts")
    command.set_defaults(run=run)
    return command


def _filters(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    for name, words in (("intent", None), ("source", None), ("since", "a time, or 30m, 2h, 7d ago"), ("until", None)):
        command.add_argument(f"--{name}", help=words)
    return command


def _listing(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("--limit", type=int, default=50)
    command.add_argument("--all", action="store_true")
    return _filters(command)


def _acting(command: argparse.ArgumentParser, verb: str) -> argparse.ArgumentParser:
    command.add_argument("ids", nargs="*", metavar="ID")
    command.add_argument("--dry-run", action="store_true", help="say what would be done")
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.add_argument("--rate", type=_rate, default=10.0, help="per second at most (default 10)")
    command.set_defaults(verb=verb)
    return command


def _many(command: argparse.ArgumentParser, verb: str) -> argparse.ArgumentParser:
    return _filters(_acting(command, verb))


if __name__ == "__main__":
    sys.exit(main())
