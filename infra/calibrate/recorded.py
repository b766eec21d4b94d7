"""Labelled tickets and a recorded run of a classifier over them in, labels out: as if all had been on probation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from infra.errors import StackError
from infra.evaluate import recording, tickets
from infra.evaluate.route import SOURCE, Asked, Verdict, ask, judge
from shared.errors import ModelRefused
from shared.intent.registry import Registry
from shared.settings import Settings
from shared.task.label import Label
from shared.task.label import Verdict as Spoken


def labels(path: Path, recorded: Path, registry: Registry, settings: Settings) -> list[Label]:
    """Return a label for each ticket that was answered, with its text and the time of the recording.

    Raises:
        StackError: a file cannot be read, a ticket lacks its answer, or another question was asked than today's.
    """
    run = recording.read(recorded)
    at = datetime.fromtimestamp(int(recorded.stat().st_mtime), UTC)
    found = []
    for ticket in tickets.read(path):
        asked = ask(ticket, registry, settings)
        if asked.question.version != run.prompt_version:
            raise StackError(
                f"{recorded} was asked question {run.prompt_version}, today's is {asked.question.version}: intents or "
                "prompt have changed since; record the run anew"
            )
        if label := _label(asked, run, registry, settings, at):
            found.append(label)
    if not found:
        raise StackError(f"{recorded} has no answer to any of these tickets; record a run over them")
    return sorted(found, key=lambda label: label.task_id)  # by chance, however the file is ordered


def _label(asked: Asked, run: recording.Recorded, registry: Registry, settings: Settings, at: datetime) -> Label | None:
    try:
        answer = run.answer(asked.ticket)
    except ModelRefused:
        return None  # a person saw it, without any answer to judge
    verdict = judge(asked, answer, registry, settings, at)
    return Label(
        task_id=asked.task.task_id,
        at=at,
        by="recorded",
        source=SOURCE,
        said=verdict.said,
        confidence=verdict.confidence,
        model=answer.model,
        prompt_version=run.prompt_version,
        verdict=spoken(verdict),
        intent=verdict.gold,
        right=verdict.is_sorted,
        drawn="probation",
        text_sha256="",
        text=asked.ticket.text,
    )


def spoken(verdict: Verdict) -> Spoken:
    """Return what a person would have decided who knew what the ticket asks for."""
    if not verdict.is_sorted:
        return "relabelled"
    if not verdict.names_one:
        return "wrong_intent"
    return "right" if verdict.can_run else "corrected"
