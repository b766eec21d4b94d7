"""A task in; what a chat shows of it, and which doors it opens there, out. Pure.

What others wrote is in `title`, `facts`, `words` and `plan`: each format shows these as plain text and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from shared.canonical import sha256_hex
from shared.errors import BadRequest
from shared.event.masking import masked
from shared.gate.doors import Look, missing
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from shared.intent.sentence import in_words, sentence
from shared.task.requester import is_unknown, requester_of, view_of
from shared.task.schemas import TaskRecord
from shared.task.undo import may_be_undone

CHAT = "chat"  # the channel of `Policy.channels`
Door = Literal["approve", "edit", "reject", "take", "undo"]
DOORS: tuple[Door, ...] = get_args(Door)
TAKE: tuple[Door, ...] = ("take",)
DECIDING: tuple[Door, ...] = ("approve", "edit", "reject")
_TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
MAX_WORDS_CHARS = 500
MAX_VALUE_CHARS = 200
MAX_TYPED_CHARS = 3000  # of an input in Slack
MAX_FACTS = 8
MOST_REASONS = 4
MOST_NOTES = 2  # the last ones; all of them are on the task's page
ENDED: Mapping[str, str] = {"READY": "Approved", "REJECTED": "Rejected", "EXPIRED": "Expired", "CANCELLED": "Cancelled"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a task that waited."""

    words: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Card:
    """One task. `words` is how its ticket begins; `verdict` is None while it waits; `url` leads to its page.

    `notes` are what people wrote beside it, and who; `is_held`: it is approved, and can be taken back still.
    """

    task_id: str
    look: Look
    title: str
    facts: tuple[tuple[str, str], ...]
    words: str
    plan: str
    expires_at: datetime | None
    verdict: Verdict | None
    url: str
    doors: tuple[Door, ...]
    notes: tuple[tuple[str, str], ...] = ()
    is_held: bool = False

    @property
    def fingerprint(self) -> str:
        """A hash of all that is shown: a card whose fingerprint is another has to be drawn anew."""
        return sha256_hex(repr(self).encode())[:16]


def card_of(record: TaskRecord, registry: Registry, console_url: str) -> Card:
    """Return the card of a task that waits, or waited, for a person."""
    intent, waits = registry.get(record.intent), record.state == "AWAITING_APPROVAL"
    view = masked(view_of(record))
    words = " ".join(" ".join(view.texts.values()).split())
    return Card(
        task_id=record.task_id,
        look=Look(record.generation, record.params_hash),
        title=_title(intent, record),
        facts=tuple(_facts(intent, record)),
        words=_cut(words, MAX_WORDS_CHARS),
        plan=_cut(record.review.plan, MAX_VALUE_CHARS) if waits else "",
        expires_at=record.decision.expires_at if waits else None,
        verdict=None if waits else _verdict(record),
        url=f"{console_url}/tasks/{record.task_id}" if console_url else "",
        doors=_doors(intent, record),
        notes=tuple((note.by, _cut(note.text, MAX_VALUE_CHARS)) for note in record.notes[-MOST_NOTES:]),
        is_held=may_be_undone(record),
    )


def erased(task_id: str, at: datetime) -> Card:
    """Return what takes the place of a card whose task is no more: its words and whose they were are gone, too."""
    shown = Verdict("Erased", "a privacy officer", at)
    return Card(task_id, Look(0, ""), "This task was erased", (("Task", task_id),), "", "", None, shown, "", ())


@dataclass(frozen=True, slots=True)
class Press:
    """What a button carries: which task, and what of it was on the card."""

    task_id: str
    look: Look

    def text(self) -> str:
        """Return it as a button's value."""
        return json.dumps([self.task_id, self.look.generation, self.look.params_hash], separators=(",", ":"))

    @classmethod
    def read(cls, text: Any) -> Press:
        """Return what a button's value says.

        Raises:
            BadRequest: it is none of ours.
        """
        try:
            task_id, generation, params_hash = json.loads(text)
        except (TypeError, ValueError, RecursionError):
            task_id = generation = params_hash = None
        is_ours = isinstance(task_id, str) and isinstance(params_hash, str) and type(generation) is int
        if not is_ours or not _TASK_ID.fullmatch(task_id):
            raise BadRequest("the button is none of ours", code="bad_button")
        return cls(task_id, Look(generation, params_hash))


def _title(intent: Intent | None, record: TaskRecord) -> str:
    if intent is None:
        return "No intent was found for this ticket"
    return sentence(intent, record.shown_parameters)


def _facts(intent: Intent | None, record: TaskRecord) -> list[tuple[str, str]]:
    who = requester_of(record)
    said = in_words(intent, record.shown_parameters) if intent else frozenset()
    rest = {n: str(v) for n, v in record.shown_parameters.items() if v is not None and n not in said}
    parameters = [(n.replace("_", " ").capitalize(), value) for n, value in rest.items()]
    facts = [("Who asks", who.get("email") or who.get("id") or "nobody says"), *parameters]
    if (intent is not None and (needed := missing(intent, record)) > 1) or record.review.approvals:
        facts.append(("Approved by", ", ".join(given.by for given in record.review.approvals) or f"nobody of {needed}"))
    if record.assignee:
        facts.append(("On it", record.assignee))
    codes = dict.fromkeys(reason.partition(":")[0] for reason in record.decision.reasons)
    facts += [("Why it waits", ", ".join(list(codes)[:MOST_REASONS])), ("Source", record.source)]
    if record.priority >= 4:
        facts.append(("Priority", str(record.priority)))
    return [(_cut(name, 40), _cut(value, MAX_VALUE_CHARS)) for name, value in facts if value][:MAX_FACTS]


def _doors(intent: Intent | None, record: TaskRecord) -> tuple[Door, ...]:
    """Return what can be done in a chat: no button is shown that would be refused to everybody."""
    if intent is not None and CHAT not in intent.policy.channels:
        return ()
    if record.state != "AWAITING_APPROVAL":
        return ("undo",) if may_be_undone(record) or record.state == "REJECTED" else ()
    return (*_deciding(intent, record), *(() if record.assignee else TAKE))


def _deciding(intent: Intent | None, record: TaskRecord) -> tuple[Door, ...]:
    if intent is None:
        return ("reject",)
    is_known = not is_unknown(record, intent)
    # A chat's form would cut a longer value, and what is cut would be approved.
    fits = all(len(str(value)) <= MAX_TYPED_CHARS for value in record.shown_parameters.values())
    doors = DECIDING if record.parameters and is_known else ("edit", "reject")
    return doors if fits else tuple(door for door in doors if door != "edit")


def _verdict(record: TaskRecord) -> Verdict:
    decided = record.approval
    by, at = (decided.by, decided.at) if decided else (record.history[-1].by, record.history[-1].at)
    words = {"approve": "Approved", "reject": "Rejected"}.get(decided.decision) if decided else None
    return Verdict(words or ENDED.get(record.state, record.state.capitalize()), by, at)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
