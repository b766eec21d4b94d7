"""The messages and documents of Switchyard, as strict and frozen Pydantic models.

Messages cross Pub/Sub as JSON; documents live in the store. Datetimes are aware UTC.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.canonical import canonical_json

SCHEMA_VERSION = 1
MAX_PAYLOAD_BYTES = 256 * 1024
MAX_METADATA_BYTES = 16 * 1024
MAX_LABEL_CHARS = 100
MAX_HISTORY = 50
MAX_FOLLOWUPS = 20
MAX_FOLLOWUP_CHARS = 2000
MAX_OUTPUT_CHARS = 4000
MAX_NOTES = 20
MAX_NOTE_CHARS = 1000
UNCLASSIFIED = "unclassified"

State = Literal[
    "READY", "AWAITING_APPROVAL", "EXECUTING", "SUCCEEDED", "FAILED", "UNKNOWN", "REJECTED", "EXPIRED", "CANCELLED"
]
FollowupKind = Literal["edited", "deleted", "id_reused", "repeated"]
TERMINAL: frozenset[State] = frozenset({"SUCCEEDED", "FAILED", "REJECTED", "EXPIRED", "CANCELLED"})
REDRIVABLE: tuple[State, ...] = ("FAILED", "UNKNOWN", "EXPIRED", "REJECTED", "CANCELLED")

TaskId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
        description="Unique id of the business fact; letters, digits, dot, dash, underscore",
    ),
]
SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$", description="Name of the sending system")]
Drawn = Literal["", "probation", "policy", "audit"]
# Of a rejection: it asks for something else; for just that, and the answer is no; it was asked before; none of these.
Cause = Literal["wrong_intent", "not_wanted", "duplicate", "other"]
CAUSES: tuple[Cause, ...] = get_args(Cause)
Confidence = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Model(BaseModel):
    """Strict, frozen, closed; its errors never repeat the input."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        populate_by_name=True,
        serialize_by_alias=True,
        defer_build=True,  # most functions use few of them, and each costs a cold start some milliseconds
    )


class AutomationTask(Model):
    """One event of a source system: what intake publishes and classify reads."""

    task_id: TaskId
    source: SourceName
    raw_payload: dict[str, Any] = Field(description="The sender's JSON object, unchanged; at most 256 KiB as JSON")
    priority: int = Field(default=1, ge=1, le=5, description="1 (normal) to 5; 4 and 5 travel in the express lane")
    metadata: dict[str, str] | None = Field(default=None, description="Labels of the sender; never shown to the model")

    @field_validator("metadata")
    @classmethod
    def _metadata_fits(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if not value:
            return value
        # Labels become keys of the task's document, where such keys are reserved or too long.
        if any(not 0 < len(key) <= MAX_LABEL_CHARS or key.startswith("__") for key in value):
            raise ValueError(f"keys must have 1 to {MAX_LABEL_CHARS} characters and not begin with two underscores")
        if len(canonical_json(value)) > MAX_METADATA_BYTES:
            raise ValueError(f"is over {MAX_METADATA_BYTES} bytes as JSON")
        return value

    @field_validator("raw_payload")
    @classmethod
    def _payload_fits(cls, value: dict[str, Any]) -> dict[str, Any]:
        if len(canonical_json(value)) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"is over {MAX_PAYLOAD_BYTES} bytes as JSON")
        return value


class Classification(Model):
    """What the model suggested, as far as it could be read."""

    intent: str = Field(description="An intent's name, or 'unclassified'")
    parameters: dict[str, Any] = Field(description="The raw parameters, reduced to storable scalars")
    confidence: Confidence
    model: str = Field(description="Which model answered")
    prompt_version: str = Field(description="Hash of the prompt and the response schema")
    tokens_used: int = Field(ge=0, description="Prompt and answer tokens, as the model reported them")
    input_tokens: int = Field(default=0, ge=0, description="Of these, the question's; 0: not recorded")
    cached_tokens: int = Field(default=0, ge=0, description="Of the question's, those that the API had cached")
    from_cache: bool = Field(default=False, description="Whether it was said before, to the very same question")
    latency_ms: float = Field(ge=0, description="Time of the model call")
    said: str = Field(default="", description="The beginning of its answer, where that could not be taken as it stood")


class TaskResult(Model):
    """The end of a task: stored in its document and published on topic `results`."""

    success: bool
    output: str = Field(max_length=MAX_OUTPUT_CHARS, description="What was done, or why nothing was")
    execution_time_ms: float = Field(ge=0, description="Time in the handler, last attempt")
    tokens_used: int = Field(ge=0, description="Tokens of the one model call")


class ResultMessage(TaskResult):
    """A `TaskResult` on topic `results`, with the task it belongs to."""

    task_id: TaskId
    intent: str
    state: State
    generation: int
    schema_version: Literal[1] = 1


class TaskReady(Model):
    """The only message after classify: a pointer. The document says what to run."""

    task_id: TaskId
    generation: int = Field(ge=1)
    schema_version: Literal[1] = 1


class Requester(Model):
    """Who asks, as far as it is known. `vouched_by`: who named the address where the event does not."""

    email: str = ""
    id: str = ""
    name: str = ""
    vouched_by: str = ""
    key: str = Field(default="", description="A keyed hash that finds all tasks of one person; empty: not made yet")


class Ticket(Model):
    """What people call the event, and how it begins; as its source and its writer say, in any language."""

    number: str = Field(default="", max_length=80, description="As its source shows it: 4200, OPS-312, acme/shop#7")
    url: str = Field(default="", max_length=300, description="https address of its page; empty: nobody knows")
    title: str = Field(default="", max_length=120, description="The subject, where the source has one")
    words: str = Field(default="", max_length=200, description="How its text begins")


class Decision(Model):
    """What the gate decided, with every reason (`code: words`), and until when a person may answer."""

    route: Literal["execute", "approve"]
    reasons: list[str]
    drawn: Drawn = Field(
        default="", description="Why a person sees it however sure the model was, so that their decision is proof"
    )
    calibrated: Confidence | None = Field(
        default=None, description="The share of answers as confident as this that was right; null: nothing is proven"
    )
    expires_at: datetime | None = None
    reminded_at: datetime | None = None


class ApprovalDecision(Model):
    """A person's decision, copied into the task so that later edits of the approval change nothing."""

    decision: Literal["approve", "reject"]
    by: str
    channel: Literal["console", "firestore", "cli", "chat", "system"]
    at: datetime
    comment: str = ""
    cause: Cause | None = Field(default=None, description="Of a rejection; null in records of before there was one")


class Refusal(Model):
    """A change of a waiting task that was not accepted: when, by whom, and the code of the error."""

    at: datetime
    by: str = Field(max_length=200)
    code: str = Field(max_length=60)


class Review(Model):
    """What people are shown of a waiting task beside its parameters, and what they have done so far."""

    plan: str = Field(default="", description="What would happen, or why it would fail, as the handler says")
    plan_at: datetime | None = Field(default=None, description="When the handler looked")
    draft: dict[str, Any] = Field(default={}, description="Parameters that a person wrote and that do not hold yet")
    edited_by: str = Field(default="", description="Who set these parameters, where it was a person")
    approvals: list[ApprovalDecision] = Field(default=[], description="Given, where more than one person has to")
    refusals: list[Refusal] = Field(default=[], description="The last changes that were not accepted, oldest first")
    error: str = Field(default="", description="Why the last of them was not")


class Execution(Model):
    """Who may run the task now. `epoch` fences every commit; `attempts` without `waits` is the real cap."""

    epoch: int = 0
    lease_until: datetime | None = None
    owner_nonce: str = ""
    message_id: str = ""
    attempts: int = 0
    waits: int = Field(default=0, description="Attempts at which the provider could or would do nothing at all")
    waiting_since: datetime | None = Field(default=None, description="When the first of them ended")
    not_before: datetime | None = Field(default=None, description="When the provider may be tried again")


class Effect(Model):
    """What is known of the effect outside. `possibly_applied` is sticky until it is known better."""

    seq: int = 1
    first_started_at: datetime | None = None
    possibly_applied: bool = False
    applied_before_attempt: bool = Field(default=False, description="possibly_applied before the attempt under way")
    outcome: Literal["none", "applied", "not_applied", "unknown"] = "none"
    provider_ref: str | None = None
    reconciles: int = 0


class Outbox(Model):
    """A message this document still owes. `due_at` backs off with every try."""

    topic: str
    generation: int
    due_at: datetime
    tries: int = 0


class TaskError(Model):
    """Why a task ended badly: a stable code and safe words."""

    code: str
    message: str = ""


class Transition(Model):
    """One arrow taken."""

    at: datetime
    from_state: str = Field(alias="from")
    to: State
    by: str
    why: str = ""


class Followup(Model):
    """What the source told of a task after its words were read: they were edited or deleted, or its id came again."""

    kind: FollowupKind
    at: datetime
    revision: str = Field(default="", max_length=200, description="The source's own name of this change")
    text: str = Field(default="", max_length=MAX_FOLLOWUP_CHARS, description="The words as they are now")
    task_id: TaskId | None = Field(default=None, description="Another task that this is about")


class Note(Model):
    """What somebody wrote beside a task, for whoever looks at it next."""

    at: datetime
    by: str
    text: str = Field(min_length=1, max_length=MAX_NOTE_CHARS)


class Looking(Model):
    """Who has a task open, until when if they do not say so again; it keeps nobody from anything."""

    by: str
    until: datetime


class TaskRow(Model):
    """What lists read of a task: its document without what its source sent at any length. Nothing can be made of it."""

    schema_version: Literal[1] = 1
    task_id: TaskId
    state: State
    generation: int = Field(ge=1)
    source: SourceName
    priority: int
    metadata: dict[str, str] | None = None
    trace_id: str = ""
    payload_sha256: str
    requester: Requester | None = Field(default=None, description="Who asks; null in records of earlier versions")
    ticket: Ticket | None = Field(default=None, description="What people call it; null in records of earlier versions")
    classification: Classification
    intent: str = Field(description="What will run: the model's intent, or the one a person set")
    intent_version: int
    parameters: dict[str, Any] = Field(description="What it will run with; params_hash covers them")
    params_hash: str
    decision: Decision
    review: Review = Review()
    approval: ApprovalDecision | None = None
    exec: Execution = Execution()
    effect: Effect = Effect()
    outbox: Outbox | None = None
    next_check_at: datetime | None = Field(default=None, description="When the sweeper must look at this task again")
    result: TaskResult | None = None
    error: TaskError | None = None
    created_at: datetime
    updated_at: datetime
    kept_for_s: int | None = Field(default=None, description="How long it is kept after its end; null in old records")
    expire_at: datetime | None = Field(description="When only a tombstone is left of it; null while it is open")
    history: list[Transition] = Field(max_length=MAX_HISTORY)
    noted_at: datetime | None = Field(default=None, description="When its words were taken back after the effect")
    closed_at: datetime | None = Field(default=None, description="When somebody closed a FAILED task: it wants nobody")
    amount: float | None = Field(
        default=None, description="What it moves in its currency's own units, to sort by; null: no money, or not known"
    )
    assignee: str = Field(default="", description="Whose work it is, as they signed in; empty: nobody's")
    looking: Looking | None = Field(default=None, description="Who looked at it last, with its page open")

    @property
    def effect_key(self) -> str:
        """The provider's idempotency key: the same for every attempt, another one per redrive after 'not applied'."""
        return f"{self.task_id}.{self.intent}.{self.effect.seq}"

    @property
    def asked_at(self) -> datetime:
        """When it began to wait for a person, the last time that it did."""
        entries = (t.at for t in reversed(self.history) if t.to == "AWAITING_APPROVAL" != t.from_state)
        return next(entries, self.created_at)

    @property
    def shown_parameters(self) -> dict[str, Any]:
        """What people are shown: the valid parameters, or a person's draft or the model's raw suggestion."""
        return self.parameters or self.review.draft or self.classification.parameters


class TaskRecord(TaskRow):
    """The document `tasks/{task_id}`: the only authority over a task."""

    traceparent: str = Field(default="", description="The span that wrote this, in W3C's form, where it was traced")
    payload: str = Field(description="raw_payload as one JSON string, so that no index ever sees it")
    keys: list[str] = Field(default=[], description="What it is found by; see shared.task.search_keys")
    followups: list[Followup] = Field(default=[], max_length=MAX_FOLLOWUPS, description="Told since, oldest first")
    notes: list[Note] = Field(default=[], max_length=MAX_NOTES, description="What people wrote, oldest first")

    @property
    def raw_payload(self) -> dict[str, Any]:
        """The sender's JSON object."""
        payload: dict[str, Any] = json.loads(self.payload)
        return payload
