"""`switchyard labels`: what people's decisions say of the classifier, listed, counted, and written into a file."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console as Terminal
from rich.progress import Progress

from infra.evaluate.tickets import OUT_OF_SCOPE, Ticket
from infra.evaluate.tickets import write as write_tickets
from infra.ops import session, show
from infra.ops.arguments import MOST, Args, command, listing, moment, noun
from infra.ops.client import Console, OpsError
from shared.task.schemas import UNCLASSIFIED

SUMMARY = "what decisions say of the classifier"
NOTHING = "nobody has decided anything that is like this"
COLUMNS = ("task", "verdict", "said", "confidence", "it was", "right", "drawn", "by", "age")
EVERYTHING = 100_000  # as many as make calibrate takes


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command on labels."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard labels") -> argparse.ArgumentParser:
    """Return the commands on labels."""
    made = noun(
        prog,
        "See what people's decisions say of the classifier, and write it for make calibrate, make teach and make eval.",
        "switchyard labels count",
        "switchyard labels export labels.jsonl",
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    listing(command(commands, "list", _list, "list labels, newest first", "switchyard labels list --since 1d"))
    export = command(
        commands,
        "export",
        _export,
        "write all labels, one JSON object a line, oldest first",
        "switchyard labels export labels.jsonl --since 90d",
        "switchyard labels export labels.jsonl --texts",
        "switchyard labels export tickets.jsonl --tickets",
    )
    export.add_argument("file", metavar="FILE", help="that only you can read; what was there is replaced")
    words = export.add_mutually_exclusive_group()
    words.add_argument("--texts", action="store_true", help="with the masked words, of tasks that are still kept")
    words.add_argument("--tickets", action="store_true", help="those words with their intents, for make eval")
    for made_command in (commands.choices["list"], export):
        made_command.add_argument("--since", help="a time, or 30m, 2h, 7d ago")
        made_command.add_argument("--until", help="likewise")
    command(commands, "count", _count, "count decisions, and those that are proof", "switchyard labels count")
    return made


def _list(args: Args, console: Console, terminal: Terminal) -> int:
    found = list(_labels(args, console, MOST if args.all else args.limit, order="newest"))

    def row(label: dict[str, Any]) -> list[Any]:
        right = {True: "yes", False: "no", None: ""}[label["right"]]
        said = (label["said"], f"{label['confidence']:.2f}", label["intent"] or "", right, label["drawn"], label["by"])
        return [label["task_id"], label["verdict"], *said, show.age(label["at"])]

    return show.answer(args.json, found, lambda: show.table(terminal, COLUMNS, map(row, found), nothing=NOTHING))


def _count(args: Args, console: Console, terminal: Terminal) -> int:
    found = console.get("labels/count")

    def told() -> None:
        print(show.plain(found["words"]))
        show.table(
            terminal,
            ("intent", "right", "wrong"),
            ([name, str(count["right"]), str(count["wrong"])] for name, count in found["intents"].items()),
        )

    return show.answer(args.json, found, told)


def _export(args: Args, console: Console, terminal: Terminal) -> int:
    texts = "true" if args.texts or args.tickets else None
    bars = Terminal(stderr=True, highlight=False)
    with Progress(console=bars, transient=True, disable=not bars.is_terminal) as progress:
        found = _labels(args, console, EVERYTHING, order="oldest", texts=texts)
        labels = list(progress.track(found, total=None, description="labels"))
    tickets = [ticket for label in labels if (ticket := _ticket(label))]
    if args.tickets:
        _replace(args.file, lambda path: write_tickets(path, tickets))
    else:
        _replace(args.file, lambda path: path.write_text(_lines(labels), encoding="utf-8"))
    count = len(tickets) if args.tickets else len(labels)
    said = f"{count} {'tickets' if args.tickets else 'labels'} in {args.file}"
    if args.tickets and count < len(labels):
        said += f"; of {len(labels) - count} labels nobody knows the intent, or nothing keeps the words any more"
    data = {"file": args.file, "written": count, "labels": len(labels)}
    return show.answer(args.json, data, lambda: print(show.plain(said)))


def _labels(args: Args, console: Console, most: int, **query: Any) -> Iterator[dict[str, Any]]:
    return console.every("labels", "labels", most, since=moment(args.since), until=moment(args.until), **query)


def _ticket(label: dict[str, Any]) -> Ticket | None:
    """Return the ticket of a label, or None where it has no words, or nobody has said what it was."""
    if not label["text"].strip() or label["intent"] is None:
        return None
    intent = OUT_OF_SCOPE if label["intent"] == UNCLASSIFIED else label["intent"]
    return Ticket(label["task_id"], label["text"], intent)


def _lines(labels: Iterable[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(label, ensure_ascii=False)}\n" for label in labels)


def _replace(name: str, write: Any) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    path = Path(name)
    try:
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # readable for its owner alone
        os.close(handle)
        try:
            write(Path(made))
            Path(made).replace(path)
        finally:
            Path(made).unlink(missing_ok=True)
    except OSError as error:
        raise OpsError(f"{name} cannot be written: {error.strerror}", 2) from None
