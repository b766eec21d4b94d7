"""What a person's decision says of the classifier, `labels/{task_id}`: kept when the task is gone, without its payload.

A record in, its label out. Times are aware UTC. Of a person who asked it holds a keyed hash alone; of the text a keyed
hash, or the text by setting. Pure.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.event.masking import masked
from shared.settings import Settings
from shared.task.requester import requester_of, view_of
from shared.task.requester_key import key_of
from shared.task.schemas import UNCLASSIFIED, Cause, Confidence, Drawn, Model, SourceName, TaskId, TaskRecord

Verdict = Literal["right", "corrected", "relabelled", "wrong_intent", "not_wanted", "duplicate", "other"]

PROOF: tuple[Drawn, ...] = ("probation", "audit")  # drawn so, a decision counts for every intent alike
MAX_TEXT_CHARS = 8_000  # no classifier that learns from labels reads more
COULD_NOT_RUN = ("parameters_invalid:", "intent_disabled:")  # begin the reasons why nothing could run as suggested


class Label(Model):
    """One decision about one answer of a classifier.

    `right` is whether it may count as proof for the answer, or against it; null: it says nothing about that.
    """

    task_id: TaskId
    at: datetime
    by: str
    source: SourceName
    said: str = Field(description="The intent that the classifier named, or unclassified")
    confidence: Confidence = Field(description="As the classifier said it")
    model: str
    prompt_version: str
    verdict: Verdict
    intent: str | None = Field(description="What it was, as far as the person said: an intent, unclassified, or null")
    right: bool | None
    drawn: Drawn = Field(description="Why a person saw it; empty: the classifier was not sure, which is no proof")
    above: Confidence = Field(default=0.0, description="The least confidence at which it could be drawn")
    text_sha256: str = Field(description="Keyed hash of what the classifier read; empty: there is no key")
    text: str = Field(default="", description="What the classifier read, masked, where the settings keep it")
    requester_key: str = Field(default="", description="Keyed hash of whoever asked, to erase what is theirs")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody says of a suggestion: `intent`, `right` and `verdict` as a label has them."""

    verdict: Verdict
    intent: str | None
    right: bool | None


def judgement(record: TaskRecord) -> Judgement | None:
    """Return what the decision in a record says of the suggestion in it; None: nobody has decided.

    Of words that were taken back since it says nothing: whoever decided knew of more than the classifier.
    """
    given = record.approval
    if given is None:
        return None
    judged = _approved(record) if given.decision == "approve" else _rejected(record, given.cause or "other")
    was_taken_back = any(told.kind in ("edited", "deleted") for told in record.followups)
    return Judgement("other", None, None) if was_taken_back else judged


def label(
    record: TaskRecord,
    judged: Judgement,
    *,
    by: str,
    at: datetime,
    settings: Settings,
    drawn: Drawn = "",
    above: float = 0.0,
) -> Label:
    """Return what `by` says of the suggestion in a record, whatever the record says of it by now."""
    said, secret, text = record.classification, settings.privacy_key, text_of(record)
    return Label(
        task_id=record.task_id,
        at=at,
        by=by,
        source=record.source,
        said=said.intent,
        confidence=said.confidence,
        model=said.model,
        prompt_version=said.prompt_version,
        verdict=judged.verdict,
        intent=judged.intent,
        right=judged.right,
        drawn=drawn,
        above=above,
        text_sha256=hmac.digest(secret.encode(), text.encode("utf-8", "replace"), "sha256").hex() if secret else "",
        text=text if settings.label_texts == "keep" else "",
        requester_key=key_of(secret, record.source, requester_of(record)),
    )


def text_of(record: TaskRecord) -> str:
    """Return what the classifier read of a task's words, masked, at most `MAX_TEXT_CHARS` characters."""
    return "\n".join(dict.fromkeys(masked(view_of(record)).texts.values()))[:MAX_TEXT_CHARS]


def _approved(record: TaskRecord) -> Judgement:
    said = record.classification
    if record.intent != said.intent:
        return Judgement("relabelled", record.intent, right=False)
    if record.parameters == said.parameters:
        return Judgement("right", record.intent, right=True)
    # What was complete would have run as it was, and wrongly; of the rest a person had to fill in what was missing.
    complete = not any(reason.startswith(COULD_NOT_RUN) for reason in record.decision.reasons)
    return Judgement("corrected", record.intent, right=not complete)


def _rejected(record: TaskRecord, cause: Cause) -> Judgement:
    said = record.classification.intent
    shown = said if record.intent == UNCLASSIFIED else record.intent  # a person may have set another one first
    if cause == "wrong_intent":
        return Judgement(cause, UNCLASSIFIED, right=said == UNCLASSIFIED)
    if cause == "not_wanted":
        return Judgement(cause, shown, right=None if shown == said else False)
    return Judgement(cause, None, right=None)
