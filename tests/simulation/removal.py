"""What may be removed, and when: judged by the time that truly passed, whatever the store's clock said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.task.schemas import TERMINAL
from tests.simulation import noise
from tests.simulation.loop import ACTOR
from tests.simulation.stories import words_of
from tests.simulation.tripping import is_unanswered

if TYPE_CHECKING:
    from tests.simulation.world import Run

MEMBER = "tombstone"
SLOW_S = 3600.0  # at most between the read by whose time a task moves, and the commit
MEMBERS = {"task_id", "source", "payload_sha256", "content_sha256", "intent", "state", "ended_at", "effect_key"}


def is_tombstone(data: dict[str, Any] | None) -> bool:
    """Whether a document is what is left of a task."""
    return data is not None and MEMBER in data


class Removal:
    """Judges expiries and tombstones. `fail(rule, what)` hears what is wrong."""

    def __init__(self, run: Run, fail: Callable[[str, str], None]) -> None:
        self._run, self._fail = run, fail
        self.records: dict[str, dict[str, Any]] = {}  # task -> its record, as it was removed
        self._ended_at_s: dict[str, float] = {}
        self._asked: dict[str, tuple[float, float]] = {}  # task -> when it began to wait, and how long it may
        # How many effects and which open tasks there were when everything was said once more.
        self.ledger, self._open = 0, set[str]()

    def committed(self, task_id: str, before: dict[str, Any] | None, after: dict[str, Any]) -> bool:
        """Judge a write of a task's document; whether it is of a tombstone, which nothing else has to judge."""
        if before is not None and is_tombstone(before):
            if before != after:
                self._fail("I12", f"the tombstone of {task_id} was overwritten")
            return True
        if is_tombstone(after):
            self._removed(task_id, before, after)
            return True
        self._expires(task_id, before, after)
        return False

    def _expires(self, task_id: str, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        now, state, was = self._run.loop.time(), after["state"], before and before["state"]
        if (after["expire_at"] is not None) != (state in TERMINAL):
            self._fail("I12", f"{task_id} is {state}, and its expiry is {after['expire_at']}")
        if state in TERMINAL:
            if was != state:
                self._ended_at_s[task_id] = now
            self._run.scheduler.look_at(after["expire_at"])
        if state == "AWAITING_APPROVAL" and was != state:
            left = after["decision"]["expires_at"] - self._run.store.now
            self._asked[task_id] = (now, left.total_seconds())
        if state == "EXPIRED" and was == "AWAITING_APPROVAL":
            asked_at, may_wait = self._asked[task_id]
            if now - asked_at < may_wait - self._error_s:
                self._fail("I12", f"{task_id} expired after {now - asked_at:.0f} of {may_wait:.0f} s")

    @property
    def _error_s(self) -> float:
        """How much sooner than it should something may end: what a clock that was behind for hours wrote is older."""
        behind_s = -self._run.aging.step_s if self._run.clock.jumped_at_s > 0 else 0.0
        return SLOW_S + max(behind_s, 0.0)

    def _removed(self, task_id: str, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        actor, left = ACTOR.get(None), after[MEMBER]
        self._run.note("commit tasks/{} is a tombstone now", task_id)
        if before is None or before["state"] not in TERMINAL:
            self._fail("I12", f"{task_id} was removed and is {before and before['state']}")
            return
        self.records[task_id] = before
        if actor is not None and actor.function == "sweep" and is_unanswered(self._run, task_id):
            self._fail("I13", f"{task_id} was removed, and nobody has looked at it")
        if before["outbox"] is not None:
            self._fail("I12", f"{task_id} was removed and nobody was told how it ended")
        key = f"{task_id}.{before['intent']}.{before['effect']['seq']}"
        if set(left) != MEMBERS or (left["payload_sha256"], left["effect_key"], left["state"]) != (
            before["payload_sha256"],
            key,
            before["state"],
        ):
            self._fail("I12", f"the tombstone of {task_id} does not say what was")
        kept_s = self._run.loop.time() - self._ended_at_s[task_id]
        if actor is not None and actor.function == "sweep" and kept_s < self._run.aging.kept_s - self._error_s:
            self._fail("I12", f"{task_id} was removed after {kept_s:.0f} of {self._run.aging.kept_s:.0f} s")

    def _tasks(self) -> dict[str, dict[str, Any]]:
        items = self._run.store.items("tasks")
        return {path.partition("/")[2]: data for path, data in items if not noise.is_noise(path)}

    def over(self) -> None:
        """Judge what is left once every retention is over: what ended is removed, and nothing else is."""
        tasks = self._tasks()
        for task_id, data in tasks.items():
            if not is_tombstone(data) and data["state"] in TERMINAL and not is_unanswered(self._run, task_id):
                self._fail("I12", f"{task_id} ended and is still there")
        self.ledger = len(self._run.provider.ledger)
        self._open = {task_id for task_id, data in tasks.items() if not is_tombstone(data)}

    def replayed(self) -> None:
        """Judge what became of events that were said once more: no effect, and of the same words no task."""
        if len(self._run.provider.ledger) != self.ledger:
            self._fail("I12", f"{self._run.provider.ledger[-1].operation} happened again when its event came again")
        tasks = self._tasks()
        known = {_words(r) for r in (*self.records.values(), *(tasks[t] for t in self._open))}
        for task_id in tasks.keys() - self._open - self.records.keys():
            if _words(tasks[task_id]) in known:
                self._fail("I12", f"what had become a task came again and is {task_id} now")


def _words(record: dict[str, Any]) -> tuple[str, str]:
    return record["source"], words_of(record["source"], json.loads(record["payload"]))
