"""The document that people edit to decide a paused task, `approvals/{task_id}`. Datetimes are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from shared.task.schemas import Cause, Confidence, Model, Refusal, TaskId


class Approval(Model):
    """The document `approvals/{task_id}`: what people edit, in the Firestore console or through the page.

    People set `status` (and may set `parameters`, `intent`, `requester_email`, `comment`, `cause`); the rest is ours.
    """

    task_id: TaskId
    status: str = Field(default="pending", description="pending, approved or rejected")
    intent: str
    parameters: dict[str, Any]
    confidence: Confidence
    reasons: list[str]
    params_hash: str = Field(description="Hash of what was shown; a decision holds for these parameters only")
    generation: int = Field(default=1, description="Of the task; a decision holds for this one only")
    edited_by: str = Field(default="", description="Who set these parameters, where it was a person")
    approved_by: list[str] = Field(default=[], description="Who has approved so far, where more than one has to")
    missing: int = Field(default=1, description="How many people still have to approve")
    requested_at: datetime
    expires_at: datetime
    comment: str = ""
    cause: Cause | Literal[""] = Field(default="", description="Of a rejection; empty until somebody sets it: other")
    requester_email: str = Field(default="", description="Whose request it is; set it where the event does not say")
    decided_by: str | None = None
    decided_at: datetime | None = None
    outcome: str | None = Field(default=None, description="null until the decision was consumed")
    error: str | None = Field(default=None, description="Why an edit was not accepted")
    refusals: list[Refusal] = Field(default=[], description="The last edits that were not accepted, oldest first")
    plan: str = Field(default="", description="What would happen, or why it would fail, as the handler says")
    plan_at: datetime | None = Field(default=None, description="When the handler looked")
    expire_at: datetime | None = Field(description="TTL: the store deletes the document after this; null: it is open")


def is_open(approval: Mapping[str, Any] | None) -> bool:
    """Whether nobody has decided yet, neither in the document nor in the task."""
    return approval is not None and approval.get("status") == "pending" and approval.get("outcome") is None
