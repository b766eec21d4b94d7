"""`make calibrate`: what people decided in, what that proves of the classifier out, as a file for review."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from infra import manual, teach
from infra.calibrate import labels, pictures, recorded, screen, writing
from infra.calibrate.counting import must_be_known, of_one
from infra.calibrate.crossfit import PARTS
from infra.calibrate.effects import effects
from infra.calibrate.proposal import Wanted, propose
from infra.calibrate.retrained import Retrained, retrained
from infra.commands import in_one_line
from infra.errors import StackError
from infra.evaluate.progress import told
from infra.evaluate.report import bare, taught
from shared.intent.mistakes import like
from shared.intent.named import check_names, check_sources
from shared.intent.registry import Registry, discover
from shared.model.artefact import dump
from shared.settings import Settings, load
from shared.task.label import Label

WIDE = 120  # columns, where nobody's terminal says how many
MOST_DAYS = 3650


def parser() -> argparse.ArgumentParser:
    """Return what may be said on the command line."""
    page = manual.page(
        "Find the loosest threshold at which people's decisions prove that the classifier is right often enough, and "
        "write it as a certificate for review.",
        "python -m infra.calibrate labels.jsonl",
        "python -m infra.calibrate labels.jsonl --target .98 --without refund_request --pictures dist/calibrate",
        "python -m infra.calibrate tickets.jsonl --recorded run.jsonl --one-look",
        "python -m infra.calibrate labels.jsonl --teach model.bin",
        environment={
            "AUTOMATIC, DISABLED_INTENTS, CONFIDENCE_THRESHOLD": "for what would change, as functions read them"
        },
        status={
            0: "proven and written",
            1: "nothing is proven; one line says why",
            2: "a setting or an intent is wrong",
        },
    )
    made = argparse.ArgumentParser("make calibrate", **page)
    what = "labels, as `switchyard labels export` writes them, or tickets"
    made.add_argument("labels", metavar="LABELS", type=Path, help=what)
    made.add_argument("--recorded", type=Path, metavar="FILE", help="the file holds tickets; their run by `make eval`")
    made.add_argument("--target", type=float, default=0.95, metavar="SHARE", help="the precision to prove (0.95)")
    made.add_argument(
        "--delta", type=float, default=0.05, metavar="RISK", help="the risk, of all looks together (0.05)"
    )
    made.add_argument("--model", default="", metavar="NAME", help="of several models in the labels, this one")
    made.add_argument("--prompt", default="", metavar="VERSION", help="of several prompts in the labels, this one")
    made.add_argument("--without", action="append", default=[], metavar="INTENT", help="leave this intent to people")
    made.add_argument("--per-intent", action="store_true", help="prove each intent by itself that has enough decisions")
    made.add_argument("--one-look", action="store_true", help="look once for ever, at all decisions, with all the risk")
    made.add_argument("--audit-share", type=float, metavar="SHARE", help="of what ran, the share drawn for audits")
    made.add_argument("--days", type=int, default=90, metavar="N", help="valid so long after the last decision (90)")
    made.add_argument("--out", type=Path, default=Path("certificate.json"), metavar="FILE", help="(certificate.json)")
    made.add_argument(
        "--teach", type=Path, metavar="FILE", help="teach the local classifier, prove it, write its weights"
    )
    made.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw the walk and the reliability curve")
    return made


@in_one_line
def main(argv: Sequence[str] | None = None) -> int:
    """Read, look, print, and write what is proven."""
    options = parser().parse_args(argv)
    registry, now = discover(), datetime.now(UTC)
    settings = check_names(check_sources(load(os.environ)), registry)
    wanted = _wanted(options, registry)
    console = Console()
    console = console if console.is_terminal else Console(width=WIDE)
    found = _fresh(_read(options, registry, settings, now), registry, console)
    learnt = _taught(found, registry, settings, wanted) if options.teach else None
    classifier, mine = of_one(learnt.labels if learnt else found, options.model, options.prompt)
    must_be_known((name for label in mine for name in (label.said, label.intent)), registry)
    proposal = propose(mine, wanted)
    screen.show(console, classifier, proposal)
    for path in pictures.write(options.pictures, proposal) if options.pictures else ():
        console.print(f"picture: {path}", highlight=False, markup=False)
    made = writing.certificate(proposal, classifier, mine, now, days=options.days, audit_share=options.audit_share)
    screen.show_change(console, made, effects(mine, made, registry, settings))
    writing.write(options.out, made)
    if learnt:
        teach.write(options.teach, dump(learnt.artefact))
        console.print(f"taught by {learnt.lessons:,} decisions: {options.teach}", highlight=False, markup=False)
    console.print(f"certificate: {options.out}; CERTIFICATE takes its text", highlight=False, markup=False)
    return 0


def _wanted(options: argparse.Namespace, registry: Registry) -> Wanted:
    for name, value in (
        ("--target", options.target),
        ("--delta", options.delta),
        ("--audit-share", options.audit_share),
    ):
        if value is not None and not 0 < value < 1:
            raise StackError(f"{name} is {value:g}; it must lie between 0 and 1")
    if not 0.5 <= options.target <= 0.999 or options.delta < 1e-6:
        raise StackError("--target goes from 0.5 to 0.999, and --delta from 0.000001 on")
    if not 1 <= options.days <= MOST_DAYS:
        raise StackError(f"--days is {options.days}; it must be from 1 to {MOST_DAYS}")
    for name in options.without:
        if name not in registry:
            raise StackError(
                f"--without has {name!r}, which is no intent;{like(name, registry)} there are {', '.join(registry)}"
            )
    return Wanted(options.target, options.delta, frozenset(options.without), options.per_intent, options.one_look)


def _read(options: argparse.Namespace, registry: Registry, settings: Settings, now: datetime) -> list[Label]:
    if options.recorded:
        return recorded.labels(options.labels, options.recorded, registry, settings)
    return labels.read(options.labels, now)


def _fresh(found: list[Label], registry: Registry, console: Console) -> list[Label]:
    """Return the labels about what the classifier could not know by heart."""
    known = taught(registry)
    fresh = [label for label in found if bare(label.text) not in known]
    if len(fresh) < len(found):
        console.print(f"left out, because an intent's folder teaches them word for word: {len(found) - len(fresh):,}")
    return fresh


def _taught(found: list[Label], registry: Registry, settings: Settings, wanted: Wanted) -> Retrained:
    must_be_known((label.intent for label in found), registry)
    with told(Console(stderr=True), "parts taught", PARTS) as tell:
        return retrained(found, registry, settings, wanted, tell)


if __name__ == "__main__":
    sys.exit(main())
