"""The invariants of the protocol, checked at every commit, effect and message, by rules written apart from the code.

I1 an accepted event has exactly one record; I2 one effect per task and generation, and no second one about a business
subject that nobody looked at; I3 a keyless handler acts once;
I4 SUCCEEDED means effect and result; I5 an effect was allowed; I6 states, epochs and generations move as drawn;
I7 an end without effect has none; I8 nothing is stuck after the faults; I9 no payload in a log; I10 what runs is what
was approved; I11 a provider in trouble costs time and no task; I12 what ended is removed, and nothing else; I13 an open
breaker starts nothing that nobody decided, and what ran by itself is looked at again; I0 no step raises what it must
not.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.canonical import sha256_hex
from shared.records.edits import Edit
from shared.task.moves import Person, ahead
from shared.task.schemas import AutomationTask
from shared.topics import RESULTS
from shared.wiring.ports import Snapshot
from tests.simulation import noise, tripping
from tests.simulation.bus import Message
from tests.simulation.ending import Owed
from tests.simulation.loop import ACTOR, Actor
from tests.simulation.moves import Moves, is_undone
from tests.simulation.people import APPROVERS
from tests.simulation.policy import Policy
from tests.simulation.provider import KEYS_LIVE_S, Effect
from tests.simulation.removal import Removal, is_tombstone
from tests.simulation.stories import words_of

if TYPE_CHECKING:
    from tests.simulation.world import Run

WITHOUT_EFFECT = frozenset({"FAILED", "REJECTED", "EXPIRED", "CANCELLED"})
OPERATIONS = {
    "refund_request": "refund",
    "cancel_order": "cancel",
    "change_address": "change_address",
    "password_reset": "change_password",
    "ticket_summary": "post_message",
}
REPEATABLE = frozenset({"password_reset", "order_status"})
KEYLESS = frozenset({"change_address", "ticket_summary"})
READ_ONLY = frozenset({"order_status"})
LEASES_END_S = 1800.0  # after this long every lease is over
PREVIEW = frozenset({"plan", "plan_at"})  # all that an executor may write of an approval and of a waiting task
NEVER_ASKED = {"outcome": "none"}
NOT_SENT = frozenset({"refused", "429", "401"})
PATIENT = frozenset({"no_connection", "provider_401", "provider_429"})  # these end no task before patience does


class Violation(Exception):
    """Raised when an invariant does not hold; `rule` is its number."""

    def __init__(self, rule: str, what: str, cause: BaseException | None = None) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule
        self.__cause__ = cause


class Witness:
    """Sees every commit, effect, message and log line of a run; `violation` is the first thing that was wrong."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.violation: Violation | None = None
        self.owed = Owed()
        self.consents: dict[str, list[tuple[str, str, dict[str, Any]]]] = defaultdict(list)  # task -> who, to what
        self.meddled: dict[str, list[Any]] = defaultdict(list)  # task -> parameters that somebody without a say wrote
        self._started: dict[tuple[str, int], dict[str, Any]] = {}  # task, generation -> the record at its start
        self._sends: Counter[tuple[str, int]] = Counter()
        self._keys: dict[str, float] = {}  # key -> when it was first sent so that it may have been applied
        self._waits: dict[tuple[str, int], float] = {}  # task, generation -> when it first waited for its provider
        self._undone: set[tuple[str, int]] = set()  # task, generation whose approval somebody took back
        self._held: dict[tuple[str, int], datetime] = {}  # task, generation -> until when it may be taken back
        self._moves = Moves(self.fail)
        self._policy = Policy(self.fail, self.truth)
        self.removal = Removal(run, self.fail)

    def fail(self, rule: str, what: str, cause: BaseException | None = None) -> None:
        """Keep the first violation; the run stops at the next occasion."""
        if self.violation is None:
            self.violation = Violation(rule, what, cause)
            self._run.note("VIOLATION {}", self.violation)
            self._run.loop.halted = True

    def truth(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return what an honest model says of a task's words."""
        return self._run.model.answers[words_of(record["source"], json.loads(record["payload"]))]

    def told(self, task: AutomationTask) -> None:
        """Remember an event that adds to a story; its words must be found somewhere in the end."""
        if words := words_of(task.source, task.raw_payload):
            self.owed.told.append((task.task_id, words))

    def seen(self, paths: Sequence[str], snapshots: list[Snapshot]) -> None:
        """Remember what an actor knows."""
        if actor := ACTOR.get(None):
            actor.saw.update(zip(paths, snapshots, strict=True))

    # --- commits

    def committed(self, path: str, before: dict[str, Any] | None, after: dict[str, Any], version: str) -> None:
        """Judge a write."""
        if noise.is_noise(path):
            return noise.written(self._run, after)
        collection, _, name = path.partition("/")
        if collection == "tasks":
            if self.removal.committed(name, before, after):
                return
            self._run.note("{}", _Told(path, before, after))
            self._task(name, before, after)
            if after["next_check_at"] is not None:
                self._run.scheduler.look_at(after["next_check_at"])
        elif collection == "approvals":
            self._run.note("commit {} status {!r} outcome {!r}", path, after.get("status"), after.get("outcome"))
            actor = ACTOR.get(None)
            if _executes(actor) and not self._asks_anew(name, before or {}, after):
                self._previewed(path, before or {}, after)
            is_person = actor is not None and actor.function == "person"
            author = Person(actor.name if actor and is_person else "switchyard@local", "firestore", is_person)
            self._run.announce(Edit(name, author, before, after))
            if after.get("outcome") is None and (before or NEVER_ASKED).get("outcome") is not None:
                self._run.asked(name)
            elif after.get("outcome") is None:
                self._run.scheduler.look_at(self._run.store.now + timedelta(minutes=2))
        elif collection == "dead_letters" and before is None:
            self._run.parked(name)
        return None

    def _asks_anew(self, task_id: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
        """Whether an executor has just sent a task back to people, which is more than a preview may write."""
        task = self._run.store.look(f"tasks/{task_id}").data or {}
        last = task["history"][-1]
        came = (last["by"], last["to"], task["generation"]) == ("execute", "AWAITING_APPROVAL", after["generation"])
        return came and before.get("generation") != after["generation"]

    def _previewed(self, path: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        if not changed <= PREVIEW:
            self.fail("I10", f"a preview wrote {', '.join(sorted(changed - PREVIEW))} of {path}")

    def _task(self, task_id: str, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        now, actor = self._run.store.now, ACTOR.get(None)
        if before is None:
            self._moves.arrows(task_id, {"history": [], "state": ""}, after)
            self._policy.born(task_id, after, actor)
            if after["state"] == "READY":
                tripping.born(self._run, task_id)
        else:
            self._moves.arrows(task_id, before, after)
            self._moves.grows(task_id, before, after)
            self._moves.owned(task_id, before, after, now, actor)
            if after["params_hash"] != before["params_hash"] and after["history"][-1]["by"] not in APPROVERS:
                self.fail("I10", f"{after['history'][-1]['by']} changed what {task_id} would do")
            if before["state"] == "AWAITING_APPROVAL" and after["state"] != "AWAITING_APPROVAL":
                self._moves.in_time(task_id, before, after, now, actor)
            if before["state"] == "AWAITING_APPROVAL" and _executes(actor) and _unplanned(before) != _unplanned(after):
                self.fail("I6", f"a preview changed {task_id}, which waits for a person")
            if _executes(actor) and self._is_start(before, after):
                self._start(task_id, after, actor)
            self._patient(task_id, before, after)
            self._held_back(task_id, before, after, actor)
        state = after["state"]
        if before is None or before["state"] != state:
            self._ended(task_id, after)
            self._run.entered(task_id, state)

    def _held_back(self, task_id: str, before: dict[str, Any], after: dict[str, Any], actor: Actor | None) -> None:
        """What somebody may still take back has not begun, and what they took back never begins."""
        slot, move, last = (task_id, before["generation"]), (before["state"], after["state"]), after["history"][-1]
        if move == ("AWAITING_APPROVAL", "READY") and after["exec"]["not_before"] is not None:
            self._held[task_id, after["generation"]] = after["exec"]["not_before"]
        if move == ("READY", "EXECUTING") and slot in self._held and actor is not None:
            seen = actor.saw.get(f"tasks/{task_id}")
            if seen is not None and ahead(self._held[slot], seen.read_time) and not before["exec"]["attempts"]:
                self.fail("I5", f"{task_id} began while its approval could be taken back")
        if after["history"] != before["history"] and is_undone(last):
            self._undone.add(slot)

    def _patient(self, task_id: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """A provider in trouble costs a task time, and nothing else; what it refused is asked anew under a new key."""
        now, code = self._run.loop.time(), (after["error"] or {}).get("code")
        move, slot = (before["state"], after["state"]), (task_id, after["generation"])
        if move == ("EXECUTING", "READY"):
            self._waits.setdefault(slot, now)
        if move[1] == "FAILED" and after["history"][-1]["by"] == "execute":
            left_s = self._waits.get(slot, now) + self._run.weather.patience_s - now
            if code in PATIENT and left_s > 1:
                self.fail("I11", f"{task_id} failed by {code} with {left_s:.0f} s of patience left")
            if code == "attempts_exhausted" and after["exec"]["attempts"] - after["exec"]["waits"] < 5:
                self.fail("I11", f"{task_id} failed because its provider asked it to wait")
        if move[1] == "FAILED" and code == "switched_off":
            self.fail("I11", f"{task_id} failed because its intent is switched off")
        if move == ("FAILED", "READY") and after["effect"]["seq"] == before["effect"]["seq"]:
            self.fail("I11", f"{task_id} is done again under the key that the provider refused")

    def _is_start(self, before: dict[str, Any], after: dict[str, Any]) -> bool:
        """Whether this commit allows the effect to begin: the claim's, or a later one where the handler reads first."""
        claims = after["exec"]["epoch"] > before["exec"]["epoch"]
        intent = self._run.fleet.registry.get(after["intent"])
        late = intent is not None and intent.starts_late
        return _is_marked(after) and claims != late

    def _start(self, task_id: str, record: dict[str, Any], actor: Actor | None) -> None:
        """The start marker is set: from now on there may be an effect."""
        assert actor is not None, "only executors start"
        self._started[task_id, record["generation"]] = record
        if (task_id, record["generation"]) in self._undone:
            self.fail("I5", f"{task_id} runs although its approval was taken back")
        approval, intent, parameters = record["approval"], record["intent"], record["parameters"]
        self._policy.started(task_id, record)
        if approval is not None and approval["decision"] == "approve":
            who = {approval["by"]} | {given["by"] for given in record["review"]["approvals"]}
            if any((name, intent, parameters) not in self.consents[task_id] for name in who):
                self.fail("I10", f"{task_id} starts with parameters that {' or '.join(sorted(who))} did not approve")
            if not who <= APPROVERS:
                self.fail("I10", f"{task_id} starts by the word of {', '.join(sorted(who))}")
            above = self._run.weather.two_people_above
            if intent == "refund_request" and above is not None and parameters["amount_minor"] > above and len(who) < 2:
                self.fail("I10", f"{task_id} starts by the word of one person")
        else:
            self._policy.allowed(task_id, record, actor)
            breaker = actor.saw.get(f"breakers/{intent}")
            is_closed = breaker is not None and not (breaker.data or {}).get("open")
            if not is_closed and not record["effect"]["applied_before_attempt"]:
                self.fail("I13", f"{task_id} starts by itself, and the breaker of {intent} was open or not looked at")
        switch = actor.saw.get(f"switches/{intent}")
        if switch is not None and switch.data is not None and not switch.data["enabled"]:
            self.fail("I5", f"{task_id} starts although {intent} is switched off")

    # --- effects

    def sent(self, actor: Actor, path: str, fate: str) -> None:
        """Judge a write on its way to a provider."""
        self._run.note("sends {}{}", path, fate and f": {fate}")
        started = (actor.task_id, actor.generation)
        now = self._record(actor.task_id)
        if started not in self._started and now and now["exec"]["epoch"] == actor.epoch and _is_marked(now):
            # Set by an earlier generation already: the commit of the start changed nothing, and may have got lost.
            self._start(actor.task_id, now, actor)
        record = self._started.get(started)
        if record is None:
            self.fail("I5", f"{actor.task_id} wrote to its provider without a start marker")
            return
        if not actor.epoch:
            self.fail("I5", f"{actor.name} wrote for {actor.task_id}, whose lease it never had")
        jumped = self._run.loop.time() - self._run.clock.jumped_at_s < LEASES_END_S  # the lease with it
        if actor.lease_until is not None and self._run.store.now >= actor.lease_until and not jumped:
            self.fail("I6", f"{actor.name} wrote for {actor.task_id} after its lease had ended")
        key = f"{actor.task_id}.{record['intent']}.{now['effect']['seq']}" if now else ""
        if record["intent"] not in KEYLESS | REPEATABLE and fate not in NOT_SENT:
            age_s = self._run.loop.time() - self._keys.setdefault(key, self._run.loop.time())
            if age_s > KEYS_LIVE_S:
                self.fail("I2", f"{actor.task_id} sends a key that its provider has forgotten")
        if record["intent"] in KEYLESS and fate not in NOT_SENT:
            self._sends[actor.task_id, actor.generation] += 1
            if self._sends[actor.task_id, actor.generation] > 1:
                self.fail("I3", f"the keyless handler of {actor.task_id} wrote twice in generation {actor.generation}")

    def applied(self, effect: Effect) -> None:
        """Judge an effect in the moment it happens."""
        task_id, generation = effect.task_id, effect.generation
        self._run.note("EFFECT {} {} for {} generation {}", effect.operation, effect.subject, task_id, generation)
        started = self._started.get((task_id, generation))
        if started is None:
            return  # `sent` has said so
        intent, parameters = started["intent"], started["parameters"]
        mine = self._of(task_id, generation)
        if len(mine) > 1 and intent not in REPEATABLE:
            self.fail("I2", f"{effect.operation} happened {len(mine)} times for {task_id} generation {generation}")
        if OPERATIONS.get(intent) != effect.operation:
            self.fail("I10", f"{intent} of {task_id} did {effect.operation}")
        asked = {k: v for k, v in parameters.items() if k in effect.values}
        subject = parameters.get("order_id", parameters.get("email", effect.subject))
        if asked != effect.values or subject != effect.subject:
            self.fail("I10", f"the effect of {task_id} has other parameters than were decided")
        record = self._record(task_id)
        if record and record["generation"] == generation and record["state"] in WITHOUT_EFFECT:
            self.fail("I7", f"{task_id} is {record['state']}, and now its effect happened")

    def _record(self, task_id: str) -> dict[str, Any] | None:
        """Return a task's record, as it was last if it is removed."""
        data = self._run.store.look(f"tasks/{task_id}").data
        return self.removal.records[task_id] if is_tombstone(data) else data

    def _of(self, task_id: str, generation: int) -> list[Effect]:
        return [e for e in self._run.provider.of[task_id] if e.generation == generation]

    def _ended(self, task_id: str, record: dict[str, Any]) -> None:
        state, intent = record["state"], record["intent"]
        if state == "SUCCEEDED":
            if not (record["result"] and record["result"]["success"]):
                self.fail("I4", f"{task_id} succeeded without a result")
            key = f"{task_id}.{intent}.{record['effect']['seq']}"  # of an effect of an earlier generation
            done = any(e.generation == record["generation"] or e.key == key for e in self._run.provider.of[task_id])
            if not done and intent not in READ_ONLY and not self._is_cancelled(record):
                self.fail("I4", f"{task_id} succeeded without an effect")
        elif state in WITHOUT_EFFECT and self._of(task_id, record["generation"]):
            self.fail("I7", f"{task_id} is {state} and had an effect")

    def _is_cancelled(self, record: dict[str, Any]) -> bool:
        """Whether another task has cancelled the order: nothing is left to do then."""
        order = self._run.provider.orders.get(record["parameters"].get("order_id", ""))
        return record["intent"] == "cancel_order" and order is not None and order.status == "cancelled"

    # --- messages, logs

    def published(self, topic: str, data: Any) -> None:
        """Remember a result."""
        if topic == RESULTS:
            said = json.loads(data)
            self.owed.results.add((said["task_id"], said["generation"], said["state"]))

    def buried(self, message: Message, letter_id: str) -> None:
        """Remember a dead letter."""
        self._run.note("message {} of {} becomes dead letter {}", message.id, message.policy.name, letter_id)
        name = sha256_hex(f"{message.policy.name}|{letter_id}".encode())
        self.owed.letters.add(f"dead_letters/{name}")

    # --- the end

    def quiet(self) -> None:
        """Judge the end: nothing is lost, nothing is stuck, everything is told.

        Raises:
            Violation: the first thing that is wrong.
        """
        for rule, what in self.owed.faults(self._run.store, self.removal.records):
            self.fail(rule, what)
        if self.violation:
            raise self.violation


class _Told(NamedTuple):
    """A commit of a task, in words."""

    path: str
    before: dict[str, Any] | None
    after: dict[str, Any]

    def __str__(self) -> str:
        after, was = self.after, self.before["state"] if self.before else "-"
        marker = ", possibly applied" if after["effect"]["possibly_applied"] else ""
        owed = f", owes {after['outbox']['topic']}" if after["outbox"] else ""
        return (
            f"commit {self.path} {was} -> {after['state']}, generation {after['generation']}, "
            f"epoch {after['exec']['epoch']}{marker}{owed}"
        )


def _executes(actor: Actor | None) -> bool:
    return actor is not None and actor.function.startswith("execute-")


def _unplanned(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record without what a preview may write."""
    return record | {"review": {k: v for k, v in record["review"].items() if k not in PREVIEW}}


def _is_marked(record: dict[str, Any]) -> bool:
    return record["state"] == "EXECUTING" and bool(record["effect"]["possibly_applied"])
