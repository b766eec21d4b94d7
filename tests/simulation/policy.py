"""What may run without a person, by a policy written apart from the gate's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from tests.simulation.loop import Actor
from tests.simulation.people import email_of

A_DAY = {"refund_request": 3, "password_reset": 3, "cancel_order": 5, "change_address": 5}


class Policy:
    """Judges what starts without a person. `truth` says of each task what an honest model makes of it."""

    def __init__(self, fail: Callable[[str, str], None], truth: Mapping[str, dict[str, Any]]) -> None:
        self._fail, self._truth = fail, truth
        self._automatic: Counter[tuple[str, str, date]] = Counter()  # intent, subject, day -> tasks without a person
        self._amounts: Counter[tuple[str, str, date]] = Counter()

    def born(self, task_id: str, record: dict[str, Any], actor: Actor | None) -> None:
        """What is READY at once is what the ticket says, and within what a day allows."""
        if record["state"] != "READY":
            return
        truth = self._truth[task_id]
        if (record["intent"], record["parameters"]) != (truth["intent"], truth["parameters"]):
            self._fail("I10", f"{task_id} runs what the ticket does not say")
        self.allowed(task_id, record, actor)
        email = email_of(record).casefold()
        counter = (record["intent"], email, record["created_at"].date())
        self._automatic[counter] += 1
        self._amounts[counter] += record["parameters"].get("amount_minor", 0)
        ceiling = _settings(actor).automatic.get("refund_request") or 0
        if record["intent"] == "refund_request" and self._amounts[counter] > ceiling:
            self._fail("I5", f"{email} got more than the allowance of a day with {task_id}")
        if self._automatic[counter] > A_DAY.get(record["intent"], self._automatic[counter]):
            self._fail("I5", f"{email} got more tasks than a day allows with {task_id}")

    def allowed(self, task_id: str, record: dict[str, Any], actor: Actor | None) -> None:
        """This may run without a person."""
        automatic, intent = _settings(actor).automatic, record["intent"]
        if record["decision"]["route"] != "execute" or not record["classification"]["confidence"] >= 0.8:
            self._fail("I5", f"{task_id} runs without the approval it needs")
        if intent == "refund_request" and record["parameters"]["amount_minor"] > automatic.get(intent, 0):
            self._fail("I5", f"{task_id} runs over the allowance")
        if intent in ("password_reset", "cancel_order", "change_address") and intent not in automatic:
            self._fail("I5", f"{task_id} is a {intent} without a person")


def _settings(actor: Actor | None) -> Any:
    assert actor is not None, "only functions write tasks"
    return actor.instance.ports.settings
