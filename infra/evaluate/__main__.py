"""`make eval`: labelled tickets through the classifier that the settings name, and how right it was."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from infra import manual
from infra.commands import in_one_line
from infra.errors import StackError
from infra.evaluate import declared, pictures, screen, setting, tickets
from infra.evaluate.evaluation import Evaluation, evaluate, figures
from infra.evaluate.tickets import Ticket
from shared.canonical import sha256_hex
from shared.intent.registry import Registry, discover
from shared.model.memory import Memory
from shared.task.schemas import UNCLASSIFIED

MOST_FLIPS = 20
WIDE = 120  # columns, where nobody's terminal says how many


def parser() -> argparse.ArgumentParser:
    """Return what may be said on the command line."""
    page = manual.page(
        "Route labelled tickets through a classifier as `classify` does, and say how right it is.",
        "python -m infra.evaluate tickets.jsonl --record run.jsonl --pictures dist/eval",
        "python -m infra.evaluate tickets.jsonl --recorded run.jsonl --against CLASSIFIER=local",
        "python -m infra.evaluate tickets.jsonl --intents intents.json --examples examples.jsonl",
        environment={
            "CLASSIFIER": "local (default), gemini or genai",
            "CONFIDENCE_THRESHOLD": "from which confidence on an answer is acted on",
            "MAX_CONCURRENT_CALLS": "calls in flight",
        },
        status={0: "measured", 1: "it could not be measured; one line says why", 2: "a setting or an intent is wrong"},
    )
    made = argparse.ArgumentParser("python -m infra.evaluate", **page)
    made.add_argument("tickets", type=Path, help="JSONL: id, text, intent, and oos_kind (near, far) out of scope")
    made.add_argument("--intents", type=Path, metavar="FILE", help="intents that are no folders yet, as JSON")
    made.add_argument("--examples", type=Path, metavar="FILE", help="their examples, as labelled tickets")
    made.add_argument("--intent-only", action="store_true", help="ask for the intent without its parameters")
    made.add_argument("--sample", type=int, metavar="N", help="only N tickets, always the same ones")
    made.add_argument("--record", type=Path, metavar="FILE", help="keep the answers; a run that broke off goes on")
    made.add_argument("--recorded", type=Path, metavar="FILE", help="take the answers of a recorded run; ask nobody")
    made.add_argument("--earlier", type=Path, metavar="FILE", help="decided tickets, for SKIP_CALLS=agreeing")
    made.add_argument("--against", action="append", default=[], metavar="OTHER", help=setting.EXAMPLE)
    made.add_argument("--flips", type=int, default=MOST_FLIPS, metavar="N", help="tickets of --against to list")
    made.add_argument("--gate", action="store_true", help="show what the gate would execute, with all its checks")
    made.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    made.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw risk and coverage, reliability, confusion")
    return made


@in_one_line
def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was asked for."""
    options = parser().parse_args(argv)
    shipped = discover()
    registry = _registry(options, shipped)
    found = _sampled(tickets.read(options.tickets), options.sample)
    before = tickets.read(options.earlier) if options.earlier else []
    earlier = Memory((t.text, t.intent if t.intent in registry else UNCLASSIFIED) for t in before)
    here = setting.of_environment(registry, shipped, options.recorded, earlier)
    others = [setting.of_words(words, registry, shipped, earlier) for words in options.against]
    made = asyncio.run(evaluate(found, registry, here, others, record=options.record))
    console = Console()
    console = console if console.is_terminal else Console(width=WIDE)
    parts = screen.tables(made.report, made.keywords, made.automatic)
    parts += [screen.gate(made.report)] if options.gate else []
    parts += [screen.comparison(c, (here.name, name), options.flips) for name, c in made.against.items()]
    screen.show(console, _head(made), parts, [*screen.notes(made.report), *made.stale])
    _write(options, made, console)
    return 0


def _registry(options: argparse.Namespace, shipped: Registry) -> Registry:
    if bool(options.intents) != bool(options.examples):
        raise StackError("--intents and --examples belong together; name both files")
    registry = declared.read(options.intents, options.examples) if options.intents else shipped
    return declared.intent_alone(registry) if options.intent_only else registry


def _sampled(found: list[Ticket], most: int | None) -> list[Ticket]:
    """Return so many tickets, chosen by the hashes of their ids, in the order of the file."""
    if most is None or most >= len(found):
        return found
    if most < 1:
        raise StackError("--sample must be at least 1")
    kept = {t.id for t in sorted(found, key=lambda t: sha256_hex(t.id.encode()))[:most]}
    return [t for t in found if t.id in kept]


def _head(made: Evaluation) -> str:
    return f"{made.report.tickets:,} tickets, {made.name}, CONFIDENCE_THRESHOLD {made.report.threshold:g}"


def _write(options: argparse.Namespace, made: Evaluation, console: Console) -> None:
    if options.json:
        try:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(figures(made), indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise StackError(f"{options.json} cannot be written: {error.strerror}") from None
        console.print(f"figures: {options.json}", highlight=False, markup=False)
    if options.pictures:
        for path in pictures.write(options.pictures, made.report, made.keywords):
            console.print(f"picture: {path}", highlight=False, markup=False)


if __name__ == "__main__":
    sys.exit(main())
