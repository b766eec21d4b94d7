"""Verdicts for tests: one line says what was asked for, what was said, and how surely."""

from __future__ import annotations

from infra.evaluate.declared import intent_alone
from infra.evaluate.route import Verdict
from infra.evaluate.tickets import Ticket
from shared.intent.registry import Registry
from shared.model.question import Answer
from shared.task.schemas import UNCLASSIFIED
from tests.shipped import shipped

REFUND, STATUS, RESET, NONE = "refund_request", "order_status", "password_reset", UNCLASSIFIED
THREE = intent_alone(Registry({name: shipped()[name] for name in (REFUND, STATUS, RESET)}))


def ticket(number: int, intent: str = REFUND, text: str = "", kind: str | None = None) -> Ticket:
    """Return a ticket; its text is its number where none is given."""
    return Ticket(f"t{number}", text or f"ticket {number}", intent, kind)


def verdict(
    number: int,
    gold: str,
    said: str,
    confidence: float,
    *,
    can_run: bool = True,
    label: str = "",
    kind: str | None = None,
    reasons: tuple[str, ...] = (),
    answer: Answer | None = None,
    failure: str = "",
) -> Verdict:
    """Return a verdict; `label` is the ticket's own, where that is not the gold intent."""
    own = label or (gold if gold != NONE else "out_of_scope")
    return Verdict(ticket(number, own, kind=kind), gold, said, confidence, can_run, reasons, answer, failure)
