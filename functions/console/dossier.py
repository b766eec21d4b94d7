"""A task's row or record in, what a person needs to understand it out: why it paused, who asks, its way. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from functions.console import figures
from shared.event.masking import mask, masked
from shared.event.payload import View
from shared.intent.registry import Registry
from shared.intent.sentence import sentence
from shared.task.requester import kept_requester, requester_of, view_of
from shared.task.schemas import REDRIVABLE, TERMINAL, Followup, TaskRecord, TaskRow, Ticket
from shared.task.ticket import ticket_of
from shared.task.undo import may_be_undone
from shared.task.waiting import EDITED

_OTHER = re.compile(r"\btask ([A-Za-z0-9][A-Za-z0-9._-]{0,127})(?=,|$)")


@dataclass(frozen=True, slots=True)
class Step:
    """One transition, and how long the task was in the state before it; None for the first."""

    at: datetime
    after: timedelta | None
    from_state: str
    to: str
    by: str
    why: str

    @property
    def words(self) -> str:
        """Why, in words; what a person wrote is as they wrote it."""
        return _GATE.get(self.why, self.why) if self.by == "classify" else self.why


_GATE = {
    "approve": "a person has to decide",
    "execute": "nobody has to decide",
    "asked_late": "the model was asked when somebody opened it",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a task paused: a stable code and our own words; `task_id` is another task that they name."""

    code: str
    words: str

    @property
    def task_id(self) -> str:
        """The other task, or an empty string."""
        found = _OTHER.search(self.words)
        return found[1] if found else ""


def _reason(text: str) -> Reason:
    code, _, words = text.partition(":")
    return Reason(code, words.strip())


@dataclass(frozen=True)
class Line:
    """What a list shows of one task."""

    record: TaskRow

    @property
    def requester(self) -> Mapping[str, str]:
        """`email`, `id` and `name`, as far as the row tells them."""
        return kept_requester(self.record)

    def says(self, registry: Registry) -> str:
        """Return what would happen as people say it; where no intent fits, how the ticket begins."""
        intent = registry.get(self.record.intent)
        told = sentence(intent, self.record.shown_parameters) if intent else self.ticket.title or self.ticket.words
        return told or f"Task {self.record.task_id}"

    @property
    def asks(self) -> tuple[str, str]:
        """Who asks by name, and by address or id; where only one is known the second is empty."""
        name, address = (self.requester.get(part, "") for part in ("name", "email"))
        address = address or self.requester.get("id", "")
        return (name or address or "unknown", address if name else "")

    @cached_property
    def ticket(self) -> Ticket:
        """What people call the ticket and how it begins, masked when it was written."""
        return self.record.ticket or Ticket()

    @property
    def reasons(self) -> list[Reason]:
        """Why the gate paused the task."""
        return [_reason(text) for text in self.record.decision.reasons if not text.startswith(EDITED)]

    @property
    def edited(self) -> list[Reason]:
        """What the gate would have paused what a person set for."""
        found = self.record.decision.reasons
        return [_reason(text.removeprefix(EDITED)) for text in found if text.startswith(EDITED)]

    @property
    def waits(self) -> bool:
        """Whether a person has to decide."""
        return self.record.state == "AWAITING_APPROVAL"


@dataclass(frozen=True)
class Dossier(Line):
    """Everything about one task that can be read from its record."""

    record: TaskRecord

    @cached_property
    def ticket(self) -> Ticket:
        """The same, also of a record of before it was kept."""
        record = self.record
        return record.ticket or ticket_of(record.source, record.raw_payload, self.view.texts)

    @cached_property
    def view(self) -> View:
        """The texts as the model could read them, masked, and the authenticated fields of the requester."""
        return masked(view_of(self.record))

    @property
    def followups(self) -> list[Followup]:
        """What the source told since, masked as well."""
        return [told.model_copy(update={"text": mask(told.text)}) for told in self.record.followups]

    @property
    def requester(self) -> Mapping[str, str]:
        """`email`, `id` and `name`, as far as they are known."""
        return requester_of(self.record)

    @property
    def vouched_by(self) -> str:
        """Who named the requester's address: the source, its users API, or a person."""
        known = self.record.requester
        return (known and known.vouched_by) or self.record.source

    @property
    def steps(self) -> list[Step]:
        """The transitions, oldest first; a long history lacks some of its middle."""
        found: list[Step] = []
        for t in self.record.history:
            after = t.at - found[-1].at if found else None
            found.append(Step(t.at, after, t.from_state, t.to, t.by, t.why))
        return found

    @property
    def tokens(self) -> str:
        """What the one model call took."""
        said = self.record.classification
        if said.from_cache:
            return "no tokens: the answer to the same question before"
        cached = f", {said.cached_tokens:,} of them cached" if said.cached_tokens else ""
        return f"{said.tokens_used:,} tokens{cached}"

    @property
    def dollars(self) -> float:
        """What the one model call cost, at list price."""
        return figures.dollars(self.record.classification.model_dump())

    @property
    def cost(self) -> str:
        """The same in words; empty where it cost nothing."""
        return f"about {self.dollars:.5f} dollars" if self.dollars else ""

    @property
    def took(self) -> timedelta | None:
        """From the event to the end; None while the task is under way."""
        record = self.record
        return record.updated_at - record.created_at if record.state in TERMINAL else None

    @property
    def repairs(self) -> tuple[str, ...]:
        """What people may do with a task that does not wait for them."""
        record = self.record
        found = ["undo"] if may_be_undone(record) else []
        found += ["settle"] if record.state == "UNKNOWN" else []
        found += ["redrive"] if record.state in REDRIVABLE else []
        found += ["close"] if record.state == "FAILED" and not record.closed_at else []
        # What waits is rejected, which says why; to cancel it would say nothing more.
        is_under_way = record.state not in TERMINAL and not self.waits
        found += ["cancel"] if is_under_way and not record.effect.possibly_applied else []
        return tuple(found)
