"""What a person's decision says of the classifier, `labels/{task_id}`: kept when the task is gone, without its payload.

Times are aware UTC. Of a person who asked it holds a keyed hash alone; of the text a hash, or the text by setting.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.task.schemas import Confidence, Drawn, Model, SourceName, TaskId

# What a rejection says of the suggestion: it asks for something else; that is what it asks for, and the answer is no;
# it was asked before; none of these.
Cause = Literal["wrong_intent", "not_wanted", "duplicate", "other"]
Verdict = Literal["right", "corrected", "relabelled", "wrong_intent", "not_wanted", "duplicate", "other"]


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
    text_sha256: str
    text: str = Field(default="", description="What the classifier read, masked, where the settings keep it")
    requester_key: str = Field(default="", description="Keyed hash of whoever asked, to erase what is theirs")
