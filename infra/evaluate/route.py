"""One ticket's way as `classify` takes it: ticket and answer in, what was said and what would run out. Pure.

View, question, reading and plan are the product's own functions, so what is measured is what runs. Each ticket stands
for itself: nobody has asked before, no order was asked about twice, none is drawn for an audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from infra.evaluate.tickets import Ticket
from shared.canonical import task_id_for
from shared.event.payload import View, view
from shared.gate.answer import read_answer
from shared.gate.plan import degraded, plan
from shared.gate.policy import Usage
from shared.intent.registry import Registry
from shared.model import prompt
from shared.model.question import Answer, Question
from shared.settings import Settings
from shared.task.schemas import UNCLASSIFIED, AutomationTask

SOURCE = "support"
WRITER = "kim@example.com"  # an event says who wrote; no ticket's own words are needed for that
NEVER_DRAWN = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A ticket as a task, with what of it a classifier sees."""

    ticket: Ticket
    task: AutomationTask
    view: View
    question: Question


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one ticket.

    `gold` and `said` are names of the registry or `unclassified`. `can_run`: the answer was read without a reason
    against it, its parameters are valid; so the confidence alone keeps it from running, before policy. `reasons`: why
    the gate would pause it; none where it would execute. `failure`: the code of a call that gave no answer.
    """

    ticket: Ticket
    gold: str
    said: str
    confidence: float
    can_run: bool
    reasons: tuple[str, ...]
    answer: Answer | None
    failure: str = ""

    @property
    def names_one(self) -> bool:
        """Whether an intent was named."""
        return self.said != UNCLASSIFIED

    @property
    def is_in_scope(self) -> bool:
        """Whether the ticket asks for an intent of the registry."""
        return self.gold != UNCLASSIFIED

    @property
    def is_right(self) -> bool:
        """Whether an intent was named and is the gold one: to act on it would be right."""
        return self.names_one and self.said == self.gold

    @property
    def is_sorted(self) -> bool:
        """Whether the answer is the gold one, `unclassified` included."""
        return self.said == self.gold

    @property
    def sureness(self) -> float:
        """The confidence in the named intent; 0 where none is named."""
        return self.confidence if self.names_one else 0.0

    @property
    def score(self) -> float:
        """What a threshold is held against: the sureness, 0 where the answer could not run whatever its confidence."""
        return self.sureness if self.can_run else 0.0

    def acts(self, threshold: float) -> bool:
        """Whether the answer is good enough to act on at this threshold, policy aside."""
        return self.names_one and self.can_run and self.confidence >= threshold

    @property
    def executes(self) -> bool:
        """Whether the gate, with all its checks, would execute it."""
        return not self.reasons


def ask(ticket: Ticket, registry: Registry, settings: Settings) -> Asked:
    """Return what is asked about a ticket. Only its text is in it."""
    payload = {"text": ticket.text, "requester": {"email": WRITER}}
    task = AutomationTask(task_id=task_id_for(f"{SOURCE}:{ticket.id}"), source=SOURCE, raw_payload=payload)
    seen = view(task.source, task.raw_payload)
    return Asked(ticket, task, seen, prompt.build(task, seen, registry, disabled=settings.disabled_intents))


def judge(asked: Asked, answer: Answer, registry: Registry, settings: Settings, now: datetime) -> Verdict:
    """Return what the gate makes of an answer."""
    said = read_answer(answer.text, asked.task, registry, settings)
    decided = plan(
        asked.task, asked.view, answer, asked.question.version, registry, settings, Usage(), now, draw=NEVER_DRAWN
    ).decision
    return Verdict(
        asked.ticket,
        gold_of(asked.ticket, registry),
        said.intent.name if said.intent else UNCLASSIFIED,
        said.confidence,
        said.valid and not said.reasons,
        tuple(decided.reasons) if decided.route == "approve" else (),
        answer,
    )


def failed(asked: Asked, code: str, registry: Registry, settings: Settings, now: datetime) -> Verdict:
    """Return the verdict of a ticket that got no answer: a person sees it."""
    reasons = tuple(degraded(code, settings, now).decision.reasons)
    return Verdict(asked.ticket, gold_of(asked.ticket, registry), UNCLASSIFIED, 0.0, False, reasons, None, code)


def gold_of(ticket: Ticket, registry: Registry) -> str:
    """Return the ticket's intent; a label that is none of the registry's is out of scope."""
    return ticket.intent if ticket.intent in registry else UNCLASSIFIED
