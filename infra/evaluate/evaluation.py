"""Tickets, intents and settings in; everything that is measured of them out, and the same as data for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.cost import bill
from infra.evaluate.against import Comparison, Flip, compare
from infra.evaluate.certified import Automatic, automatic
from infra.evaluate.declared import intent_alone
from infra.evaluate.keywords import KeywordClassifier
from infra.evaluate.progress import told
from infra.evaluate.recording import Recorder
from infra.evaluate.report import Report, measure
from infra.evaluate.route import Verdict, ask
from infra.evaluate.run import Live, run
from infra.evaluate.setting import Setting
from infra.evaluate.statistics import Share
from infra.evaluate.tickets import Ticket
from shared.intent.registry import Registry


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One setting measured, the keyword router beside it, and comparisons by the names of the others.

    `stale`: which recordings were asked another question than would be asked today, a line each.
    """

    name: str
    report: Report
    keywords: Report
    automatic: list[Automatic]
    against: dict[str, Comparison]
    stale: list[str]


async def evaluate(
    tickets: Sequence[Ticket],
    registry: Registry,
    here: Setting,
    others: Sequence[Setting] = (),
    *,
    record: Path | None = None,
) -> Evaluation:
    """Route all tickets through every setting, and measure. There is at least one ticket.

    Raises:
        StackError: nobody answers, or a recording lacks a ticket, or cannot be written.
    """
    try:
        verdicts = await _run(tickets, registry, here, record)
        there = [await _run(tickets, registry, other, None) for other in others]
    finally:
        for each in (here, *others):
            await each.close()
    bare = intent_alone(registry)  # the keyword router finds no parameters
    keywords = await run(tickets, bare, here.settings, Live(KeywordClassifier(bare), here.settings.model_timeout_s))
    prices, threshold = bill.load(), here.settings.confidence_threshold
    return Evaluation(
        here.name,
        measure(verdicts, registry, threshold, prices),
        measure(keywords, bare, threshold, prices),
        automatic(verdicts),
        {
            other.name: compare(verdicts, theirs, (threshold, other.settings.confidence_threshold))
            for other, theirs in zip(others, there, strict=True)
        },
        [said for each in (here, *others) if (said := _staleness(tickets[0], registry, each))],
    )


def figures(made: Evaluation) -> dict[str, Any]:
    """Return every figure as JSON takes it. Of tickets it holds ids, labels and what was said, never their text."""
    data: dict[str, Any] = _as_data(made)
    return data


async def _run(tickets: Sequence[Ticket], registry: Registry, setting: Setting, record: Path | None) -> list[Verdict]:
    version = ask(tickets[0], registry, setting.settings).question.version
    recorder = Recorder(record, setting.name, version) if record else None
    try:
        with told(Console(stderr=True), setting.name, len(tickets)) as tell:
            return await run(tickets, registry, setting.settings, setting.answerer, recorder=recorder, tell=tell)
    finally:
        if recorder:
            recorder.close()


def _staleness(ticket: Ticket, registry: Registry, setting: Setting) -> str:
    recorded = setting.recorded
    version = ask(ticket, registry, setting.settings).question.version
    if recorded is None or recorded.prompt_version == version:
        return ""
    return (
        f"{recorded.path} was asked question {recorded.prompt_version}, today's is {version}: intents or prompt have "
        "changed since"
    )


def _as_data(value: Any) -> Any:
    if isinstance(value, Share):
        low, high = value.interval or (None, None)
        return {"count": value.count, "of": value.of, "share": value.value, "low": low, "high": high}
    if isinstance(value, Verdict):
        return {"said": value.said, "confidence": value.confidence, "failure": value.failure}
    if isinstance(value, Flip):
        own = {name: _as_data(getattr(value, name)) for name in ("here", "there", "acts", "executes")}
        return {"id": value.here.ticket.id, "gold": value.here.gold, **own}
    if is_dataclass(value):
        return {field.name: _as_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _as_data(entry) for key, entry in value.items()}
    if hasattr(value, "_asdict"):
        return value._asdict()
    return [_as_data(entry) for entry in value] if isinstance(value, list | tuple) else value
