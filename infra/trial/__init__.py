"""`make try`: one ticket's whole way on one screen, for whoever writes its handler. Nothing of it is kept.

Exit status: 0 the task succeeded, 1 it ended otherwise, 2 it could not be tried.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from infra import manual
from infra.outside import load_here
from infra.trial import screen
from infra.trial.play import Trial, play
from infra.trial.ticket import EMAIL, SOURCE, Untryable, from_file, from_text
from shared.errors import DeclarationError, Retry, SettingError
from shared.intent.registry import Registry, discover, load_handler
from shared.model.question import Classifier
from shared.settings import Settings
from shared.task.schemas import AutomationTask
from shared.wiring import classifiers


def parser() -> argparse.ArgumentParser:
    """Return what may be said on the command line."""
    page = manual.page(
        "Try a ticket on a sandbox, keeping nothing: what is read, asked, answered, checked, planned and done.",
        "switchyard try refund_request --text 'Please refund $25.00 for order #10021, it arrived broken'",
        "switchyard try --file ticket.json --source zendesk",
        environment={"CLASSIFIER": "local (default), gemini or genai", "AUTOMATIC": "what may run without a person"},
        status={0: "the task succeeded", 1: "it ended otherwise", 2: "it could not be tried; one line says why"},
    )
    made = argparse.ArgumentParser("switchyard try", **page)
    made.add_argument("intent", nargs="?", default="", help="the intent to try; without it, whatever the model names")
    what = made.add_mutually_exclusive_group()
    what.add_argument("--text", help="what the customer writes")
    what.add_argument("--file", type=Path, help="a vendor's webhook body, or an AutomationTask, as JSON")
    made.add_argument("--source", default="", help=f"who sends it, such as zendesk (a text: {SOURCE})")
    made.add_argument("--email", default="", help=f"who writes the text ({EMAIL})")
    made.add_argument("--answer", help="what the model is to have said, as JSON, instead of asking it")
    made.add_argument("--verbose", action="store_true", help="show the model's instructions as well")
    made.add_argument("--json", action="store_true", help="the same as data")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Try one ticket; every foreseeable trouble is one line on stderr."""
    args = parser().parse_args(argv)
    try:
        trial = _try(args)
    except (Untryable, DeclarationError, Retry, SettingError) as error:
        print(f"switchyard: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(screen.data(trial), indent=2, ensure_ascii=False))
    else:
        screen.show(trial, verbose=args.verbose)
    return 0 if trial.record.state == "SUCCEEDED" else 1


def _try(args: argparse.Namespace) -> Trial:
    registry = discover()
    settings = replace(load_here(registry), backend="embedded")
    if args.intent and args.intent not in registry:
        raise Untryable(f"there is no intent {args.intent!r}; choose one of {', '.join(registry)}")
    if args.intent:
        load_handler(args.intent)  # what does not load is said before anything else
    task = _task(args)
    classifier = None if args.answer is not None else _classifier(settings, registry)
    with contextlib.redirect_stdout(io.StringIO()):  # the steps log as they do in the cloud
        return asyncio.run(play(task, settings, classifier, wanted=args.intent, answer=args.answer or ""))


def _task(args: argparse.Namespace) -> AutomationTask:
    if args.text is None and args.file is None:
        raise Untryable("there is no ticket: give its words as TEXT (--text), or a file with it as FILE (--file)")
    if args.file is None:
        return from_text(args.text, args.source, args.email)
    if args.email:
        raise Untryable("EMAIL goes with TEXT: a file says itself by whom it is")
    return from_file(args.file, args.source)


def _classifier(settings: Settings, registry: Registry) -> Classifier:
    try:
        return classifiers.build(settings, registry)
    except ModuleNotFoundError as error:
        name = settings.classifier
        raise Untryable(f"CLASSIFIER={name} needs {error.name}; `make try CLASSIFIER={name}` installs it") from None
