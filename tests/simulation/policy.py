"""What may run without a person, by a policy written apart from the gate's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.loop import Actor
from tests.simulation.people import email_of
from tests.simulation.stories import LIKE

A_DAY = {"refund_request": 3, "password_reset": 3, "cancel_order": 5, "change_address": 5}


class Policy:
    """Judges what starts without a person. `truth` says of a record what an honest model makes of its words."""

    def __init__(self, fail: Callable[[str, str], None], truth: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._fail, self._truth = fail, truth
        self._asked: dict[str, list[tuple[str, str]]] = defaultdict(list)  # order -> tasks and intents, as they came
        self._begun: dict[str, list[tuple[str, str, datetime]]] = defaultdict(list)  # order -> since when
        # intent and subject -> since when each runs without a person, and its money
        self._automatic: dict[tuple[str, str], list[tuple[datetime, int]]] = defaultdict(list)

    def born(self, task_id: str, record: dict[str, Any], actor: Actor | None) -> None:
        """What is READY at once is what the ticket says, and within what a day allows."""
        order = record["parameters"].get("order_id", "")
        earlier: Sequence[str] = ()
        if record["intent"] in LIKE:
            earlier = [t for t, intent in self._asked[order] if t != task_id and intent in LIKE[record["intent"]]]
            self._asked[order].append((task_id, record["intent"]))
        if record["state"] != "READY":
            return
        if earlier:
            self._fail("I2", f"{task_id} runs by itself, and {earlier[0]} asked the like about order {order}")
        truth = self._truth(record)
        if (record["intent"], record["parameters"]) != (truth["intent"], truth["parameters"]):
            self._fail("I10", f"{task_id} runs what the ticket does not say")
        self.allowed(task_id, record, actor)
        intent, email, at = record["intent"], email_of(record).casefold(), record["created_at"]
        given = self._automatic[intent, email]
        given.append((at, record["parameters"].get("amount_minor", 0)))
        today = [amount for since, amount in given if since > at - timedelta(hours=24)]
        ceiling = _settings(actor).automatic.get("refund_request") or 0
        if intent == "refund_request" and sum(today) > ceiling:
            self._fail("I5", f"{email} got more than the allowance of 24 hours with {task_id}")
        if len(today) > A_DAY.get(intent, len(today)):
            self._fail("I5", f"{email} got more tasks than 24 hours allow with {task_id}")

    def started(self, task_id: str, record: dict[str, Any]) -> None:
        """An effect begins: whoever decided about it could know of every like effect that has begun."""
        order, approval = record["parameters"].get("order_id", ""), record["approval"]
        approved = approval is not None and approval["decision"] == "approve"
        decided_at = approval["at"] if approved else record["created_at"]
        given = min((a["at"] for a in record["review"]["approvals"]), default=decided_at) if approved else decided_at
        told = any(f["kind"] in ("edited", "deleted") and f["at"] > given for f in record["followups"])
        if told and not record["effect"]["applied_before_attempt"]:
            self._fail("I5", f"{task_id} starts, and its words were taken back since somebody decided")
        if record["intent"] not in LIKE:
            return
        for other, intent, begun_at in self._begun[order]:
            if other != task_id and intent in LIKE[record["intent"]] and begun_at >= decided_at:
                self._fail("I2", f"{task_id} starts, and nobody who decided knew of {other} about order {order}")
        self._begun[order].append((task_id, record["intent"], record["effect"]["first_started_at"]))

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
