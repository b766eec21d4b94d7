"""`switchyard privacy`: what is kept of a person, handed out or erased, as data protection law lets them ask."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console as Terminal
from rich.progress import Progress, TaskID

from infra.ops import bulk, session, show
from infra.ops.arguments import Args, command, noun
from infra.ops.bulk import Item
from infra.ops.client import Console, OpsError
from shared.records.erasure import FIRST, MAX_ITEMS

SUMMARY = "export or erase what is kept of a person"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command on a person's data."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard privacy") -> argparse.ArgumentParser:
    """Return the commands on a person's data."""
    made = noun(
        prog,
        "Answer a person who asks what is kept of them, or that it be erased. For those whom PRIVACY_OFFICERS names.",
        "switchyard privacy export --requester kim@example.com --to kim.json",
        'switchyard privacy erase --requester kim@example.com --reason "request 2026-117"',
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    export = command(
        commands,
        "export",
        _export,
        "hand out the tasks, approvals, labels and dead letters of a person, as stored",
        "switchyard privacy export --requester kim@example.com --to kim.json",
        "switchyard privacy export --requester slack:U061F7AUR",
    )
    export.add_argument("--to", metavar="FILE", help="a new file that only you can read; default: standard output")
    erase = command(
        commands,
        "erase",
        _erase,
        "erase all of that, as far as it has ended; tombstones stay",
        'switchyard privacy erase --requester kim@example.com --reason "request 2026-117"',
    )
    erase.add_argument("--reason", required=True, help="kept, so it must not name the person")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    for made_command in (export, erase):
        made_command.add_argument(
            "--requester", required=True, metavar="PERSON", help="an e-mail address, or source:id where there is none"
        )
    return made


def _export(args: Args, console: Console, terminal: Terminal) -> int:
    if args.to and Path(args.to).exists():
        raise OpsError(f"{args.to} is there already", 2)
    tasks, approvals, labels = [], [], dict[str, Any]()
    with _progress() as progress:
        _find(progress, console)
        for page in _pages(progress, console, "tasks", args.requester, whole=True):
            tasks += page["tasks"]
            approvals += page["approvals"]
            labels |= {label["document"]: label for label in page["labels"]}
        for page in _pages(progress, console, "labels", args.requester, whole=True):
            labels |= {label["document"]: label for label in page["labels"]}
        letters = _letters(progress, console, args.requester, whole=True)
    answer = {
        "requester": args.requester,
        "exported_at": datetime.now(UTC).isoformat(),
        "tasks": tasks,
        "approvals": approvals,
        "labels": list(labels.values()),
        "dead_letters": letters,
    }
    text = json.dumps(answer, indent=None if args.json else 1)
    if args.to:
        _write(args.to, text)
        counts = f"{len(tasks)} tasks, {len(approvals)} approvals, {len(labels)} labels, {len(letters)} dead letters"
        print(f"{counts} in {args.to}")
    else:
        print(text)
    return 0


def _erase(args: Args, console: Console, terminal: Terminal) -> int:
    with _progress() as progress:
        _find(progress, console)
        letters = _letters(progress, console, args.requester, whole=False)
        tasks = _short(progress, console, "tasks", args.requester)
        labels = _short(progress, console, "labels", args.requester)
    left = {t["task_id"]: FIRST[t["state"]] for t in tasks if t["state"] in FIRST}
    left |= {x["letter_id"]: "redrive or close it first" for x in letters if x["redriven_at"] is None}
    ended = [t for t in tasks if t["task_id"] not in left]
    closed = [x for x in letters if x["letter_id"] not in left]
    items = [Item(t["task_id"], _task_words(t), lambda: None) for t in ended]
    theirs = {t["task_id"] for t in tasks}  # whose labels go with them
    alone = [x for x in labels if x["task_id"] not in theirs]
    items += [Item(x["task_id"], f"erase the label of {x['task_id']} of {x['at'][:10]}", lambda: None) for x in alone]
    items += [Item(x["letter_id"], f"erase dead letter {x['letter_id']}", lambda: None) for x in closed]
    erased, audits = 0, []
    if items:
        bulk.confirm(Terminal(stderr=True, highlight=False), items, yes=args.yes)
        todo = [("letter_ids", [x["letter_id"] for x in closed]), ("task_ids", [t["task_id"] for t in ended])]
        todo.append(("label_ids", [x["task_id"] for x in alone]))
        with _progress() as progress:
            bar = progress.add_task("erasing", total=len(items))
            for member, ids in todo:  # letters first: some are known as theirs by their task only
                for some in _parts(ids):
                    body = {"requester": args.requester, "reason": args.reason, member: some}
                    done = console.post("privacy/erase", body)
                    erased += len(done["erased"])
                    left |= done["left"]
                    audits.append(done["audit_id"])
                    progress.advance(bar, len(some))

    def told() -> None:
        for name, why in left.items():
            print(show.plain(f"{name}  left: {why}"))
        print(f"{erased} erased, {len(left)} left" + (f"; audit/{', audit/'.join(audits)}" if audits else ""))

    show.answer(args.json, {"erased": erased, "left": left, "audits": audits}, told)
    return 1 if left else 0


def _task_words(task: dict[str, Any]) -> str:
    who = (task["requester"] or {}).get("email") or (task["requester"] or {}).get("id") or "unknown"
    return f"erase {task['task_id']} {task['intent']} {task['state']} of {task['created_at'][:10]} by {who}"


def _find(progress: Progress, console: Console) -> None:
    """Let every task have its key: those of before there were any, or of another secret, get theirs now."""
    known = console.get("privacy/keys")
    if known["with_key"] >= known["tasks"]:
        return
    bar = progress.add_task("tasks get their keys", total=known["tasks"])
    unreadable: list[str] = []
    for page in _every(console, "keys", {}):
        progress.advance(bar, page["looked_at"])
        unreadable += page["unreadable"]
    for task_id in unreadable:
        print(show.plain(f"switchyard: tasks/{task_id} cannot be read; look whose it is"), file=sys.stderr)


def _pages(progress: Progress, console: Console, what: str, requester: str, *, whole: bool) -> Iterator[dict[str, Any]]:
    """Yield the pages of what there is of a person, newest first."""
    bar: TaskID = progress.add_task(f"looking for {what}", total=None)
    for page in _every(console, what, {"requester": requester, "whole": whole}):
        progress.advance(bar, page.get("looked_at", len(page.get("tasks", ()))))
        yield page


def _short(progress: Progress, console: Console, what: str, requester: str) -> list[dict[str, Any]]:
    return [item for page in _pages(progress, console, what, requester, whole=False) for item in page[what]]


def _letters(progress: Progress, console: Console, requester: str, *, whole: bool) -> list[dict[str, Any]]:
    pages = _pages(progress, console, "letters", requester, whole=whole)
    return [letter for page in pages for letter in page["dead_letters"]]


def _every(console: Console, what: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    token = None
    while True:
        page = console.post(f"privacy/{what}", body | {"page_token": token})
        yield page
        token = page["next_page_token"]
        if token is None:
            return


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while some := list(islice(rest, MAX_ITEMS)):
        yield some


def _progress() -> Progress:
    """Return bars on standard error, so that what is exported stays alone on standard output."""
    terminal = Terminal(stderr=True, highlight=False)
    return Progress(console=terminal, transient=True, disable=not terminal.is_terminal)


def _write(path: str, text: str) -> None:
    """Write a new file that only its owner reads."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{text}\n")
    except OSError as error:
        raise OpsError(f"{path} cannot be written: {error.strerror}", 2) from None
