"""`switchyard router`: which classifier decides; another one taught, asked in shadow, promoted and taken back."""

from __future__ import annotations

import argparse
import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console as Terminal

from infra.ops import session, show
from infra.ops.arguments import Args, command, noun
from infra.ops.client import Console, OpsError
from shared.model.artefact import MAGIC
from shared.model.versions import MAX_WEIGHTS_BYTES

SUMMARY = "which classifier decides, and what another one would do"
COLUMNS = ("version", "kind", "what", "by", "age", "now")
SHORT = 12  # of a hash, for people; as much of it as is not ambiguous is taken
SETTINGS = "settings"  # for what the settings say


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command on the router."""
    return session.run(parser().parse_args(argv))


def parser(prog: str = "switchyard router") -> argparse.ArgumentParser:
    """Return the commands on the router."""
    made = noun(
        prog,
        "See which classifier decides, have another one asked beside it, promote it, and go back. For PROMOTERS.",
        "switchyard router list",
        "switchyard router upload model.bin",
        "switchyard router shadow 3f9a1c20 --share .1 --calls-a-day 500",
        "switchyard router report",
        'switchyard router promote 3f9a1c20 --reason "right in 41 of 44, at no cost"',
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    command(commands, "list", _list, "list the versions that there are, newest first", "switchyard router list")
    shown = command(
        commands, "show", _show, "show a version: its rules, a model's name", "switchyard router show 3f9a1c20"
    )
    _named(shown)
    upload = command(
        commands,
        "upload",
        _upload,
        "keep a version: weights of make teach, a text of rules, or a model's name",
        "switchyard router upload model.bin",
        "switchyard router upload rules.txt",
        "switchyard router upload --model gemini-3.5-flash",
    )
    what = upload.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", metavar="FILE", help="weights, or rules, one a line")
    what.add_argument("--model", metavar="NAME", help="a model of Gemini, in place of GEMINI_MODEL")
    ask = command(
        commands,
        "shadow",
        _shadow,
        "have a version asked beside whoever decides",
        "switchyard router shadow 3f9a1c20 --share .1 --calls-a-day 500",
    )
    _named(ask)
    ask.add_argument("--share", type=float, default=0.1, help="of the tickets, 0 to 1 (default 0.1)")
    ask.add_argument("--calls-a-day", type=int, metavar="N", help="at most; a day is one of UTC")
    ask.add_argument("--tokens-a-day", type=int, metavar="N", help="at most, of prompts and answers")
    command(commands, "stop", _stop, "have nobody asked beside whoever decides", "switchyard router stop")
    told = command(
        commands, "report", _report, "tell what a candidate would have done", "switchyard router report 3f9a1c20"
    )
    told.add_argument("version", nargs="?", metavar="HASH", help="default: the one that is asked now")
    promote = command(
        commands,
        "promote",
        _promote,
        "let a version decide from now on",
        'switchyard router promote 3f9a1c20 --reason "right in 41 of 44, at no cost"',
        'switchyard router promote settings --reason "the new prompt is too eager"',
    )
    _named(promote)
    back = command(
        commands,
        "back",
        _back,
        "let decide what did before the last change",
        'switchyard router back --reason "too eager with refunds"',
    )
    for verb in (promote, back):
        verb.add_argument("--reason", required=True, help="kept, with what was known of it")
    return made


def _named(made: argparse.ArgumentParser) -> None:
    made.add_argument("version", metavar="HASH", help="its beginning is enough, as list shows it")


def _list(args: Args, console: Console, terminal: Terminal) -> int:
    known = console.get("router")

    def told() -> None:
        show.table(terminal, COLUMNS, _rows(known), nothing="no version was uploaded")
        current = known["current"]
        if current and current["hash"]:
            print(
                f"\n{current['hash'][:SHORT]} decides, by {show.plain(current['by'])}: {show.plain(current['reason'])}"
            )
        else:
            print(f"the settings decide: CLASSIFIER is {known['classifier']}")
        if asked := known["candidate"]:
            print(f"{asked['hash'][:SHORT]} is asked about {asked['share']:.0%}; today {_spent(known)}")
        if not known["promoters"]:
            print("PROMOTERS names nobody: whatever was promoted, the settings decide")

    return show.answer(args.json, known, told)


def _rows(known: dict[str, Any]) -> Iterator[Sequence[str]]:
    current, candidate = ((known[role] or {}).get("hash") for role in ("current", "candidate"))
    for version in known["versions"]:
        role = "decides" if version["hash"] == current else "is asked" if version["hash"] == candidate else ""
        name = version["hash"][:SHORT]
        yield name, version["kind"], version["about"], version["by"], show.age(version["at"]), role


def _show(args: Args, console: Console, terminal: Terminal) -> int:
    version = console.get("router/version", hash=_whole(args.version, console))
    content = version["about"] if version["kind"] == "weights" else version["content"]
    shown = [f"{version['kind']} by {version['by']}, {show.age(version['at'])} ago", *content.splitlines()]
    return show.answer(args.json, version, lambda: print("\n".join(map(show.plain, shown))))


def _spent(known: dict[str, Any]) -> str:
    spent, asked = known["spent"], known["candidate"]
    bounds = ((spent["calls"], asked["calls_a_day"], "calls"), (spent["tokens"], asked["tokens_a_day"], "tokens"))
    return ", ".join(f"{n:,}{f' of {most:,}' if most else ''} {what}" for n, most, what in bounds)


def _upload(args: Args, console: Console, terminal: Terminal) -> int:
    kind, content = ("model", args.model) if args.model else _read(args.file)
    done = console.post("router/upload", {"kind": kind, "content": content})
    return show.answer(args.json, done, lambda: print(f"{done['hash'][:SHORT]}  kept; it decides nothing yet"))


def _read(name: str) -> tuple[str, str]:
    """Return the kind and the content of a file: it is weights if it begins as such."""
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise OpsError(f"{name} cannot be read: {error.strerror}", 2) from None
    if len(data) > MAX_WEIGHTS_BYTES:
        raise OpsError(f"{name} has {len(data):,} bytes; at most {MAX_WEIGHTS_BYTES:,} are kept", 2)
    if data.startswith(MAGIC):
        return "weights", base64.b64encode(data).decode()
    try:
        return "prompt", data.decode()
    except UnicodeDecodeError:
        raise OpsError(f"{name} is neither what make teach wrote nor a text", 2) from None


def _shadow(args: Args, console: Console, terminal: Terminal) -> int:
    bounds = {"calls_a_day": args.calls_a_day, "tokens_a_day": args.tokens_a_day}
    if not any(bounds.values()):
        raise OpsError("say what it may take: --calls-a-day, or --tokens-a-day", 2)
    body = {"hash": _whole(args.version, console), "share": args.share} | bounds
    done = console.post("router/shadow", body)
    words = f"{done['hash'][:SHORT]} is asked about {done['share']:.0%} of the tickets, within half a minute"
    return show.answer(args.json, done, lambda: print(words))


def _stop(args: Args, console: Console, terminal: Terminal) -> int:
    done = console.post("router/stop", {})
    return show.answer(args.json, done, lambda: print("nobody is asked beside whoever decides"))


def _report(args: Args, console: Console, terminal: Terminal) -> int:
    if args.version:
        name = _whole(args.version, console)
    elif candidate := console.get("router")["candidate"]:
        name = candidate["hash"]
    else:
        raise OpsError("no version is asked now; name one of `switchyard router list`", 2)
    known = console.get("router/report", hash=name)

    def told() -> None:
        print("\n".join(lines(known)))
        columns, flips = ("task", "now", "would have run", "confidence", "it was"), known["examples"]
        if flips:
            rows = ([f["task_id"], f["now"], f["would"], f"{f['confidence']:.2f}", f["labelled"] or ""] for f in flips)
            show.table(terminal, columns, rows)

    return show.answer(args.json, known, told)


def lines(known: dict[str, Any]) -> Iterator[str]:
    """Yield a report in words."""
    answered = known["looked_at"] - known["failed"]
    differs = ", ".join(f"{n} in {what}" for what, n in sorted(known["differs"].items())) or "none"
    yield f"{known['candidate'][:SHORT]}: asked about {known['seen']:,} tickets; of the newest {known['looked_at']:,}:"
    yield f"  answered     {answered:,}, {known['failed']:,} failed"
    yield f"  the same     {known['agreed']:,} of {answered:,}; others differ: {differs}"
    yield f"  would run    {known['executes']:,}; whoever decides, by the same rules: {known['decided_executes']:,}"
    yield f"  flips        {known['flips']:,} would have run, and otherwise than now"
    judged = f"of {known['judged']:,} that people judged"
    yield f"  right        {known['right']:,}, whoever decides {known['decided_right']:,}, {judged}"
    yield f"  cost         {known['tokens']:,} tokens, {known['latency_ms']:.0f} ms in the middle"


def _promote(args: Args, console: Console, terminal: Terminal) -> int:
    name = "" if args.version == SETTINGS else _whole(args.version, console)
    return _promoted(args, console.post("router/promote", {"hash": name, "reason": args.reason}))


def _back(args: Args, console: Console, terminal: Terminal) -> int:
    return _promoted(args, console.post("router/back", {"reason": args.reason}))


def _promoted(args: Args, done: dict[str, Any]) -> int:
    who = f"{done['hash'][:SHORT]} decides" if done["hash"] else "the settings decide"
    before = done["previous"][:SHORT] or "the settings"
    words = [f"{who} within {done['within_s']:.0f} s; before: {before}", *([done["note"]] if done["note"] else [])]
    return show.answer(args.json, done, lambda: print("\n".join(words)))


def _whole(beginning: str, console: Console) -> str:
    """Return the hash that begins so."""
    found = [v["hash"] for v in console.get("router")["versions"] if v["hash"].startswith(beginning)]
    if len(found) != 1:
        many = "several versions begin" if found else "no version begins"
        raise OpsError(f"{many} with {beginning!r}; see `switchyard router list`")
    return str(found[0])
