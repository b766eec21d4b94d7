"""What was accepted, what the records say and what the provider's ledger holds, in; every contradiction, out. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from infra.sandbox.ledger import Entry
from shared.intent.registry import Registry
from shared.task.schemas import TERMINAL, UNCLASSIFIED, ResultMessage, TaskRecord

READ_ONLY = frozenset({"order_status"})  # leaves nothing in a ledger
OPERATIONS = {
    "refund_request": "refund",
    "cancel_order": "cancel",
    "change_address": "change_address",
    "password_reset": "change_password",
    "ticket_summary": "post_message",
}
AT_REST = TERMINAL | {"AWAITING_APPROVAL", "UNKNOWN"}
DECIDED = {"approved": "approve", "rejected": "reject"}
_NUMBER = re.compile(r"\b\d{5}\b")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything there is to compare. `events` and `accepted` are by event number, `records` and `told` by task id.

    `accepted` holds the ids that an event was accepted as, `told` the decisions that the console confirmed,
    `open_edits` the tasks whose approval holds a decision not taken, `besides` contradictions found elsewhere.
    """

    events: Mapping[int, str]  # the intent that the event plainly asks for, or ""
    accepted: Mapping[int, set[str]]
    records: Mapping[str, TaskRecord]
    ledger: Sequence[Entry]
    results: Sequence[ResultMessage]
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)
    open_edits: Sequence[str] = ()
    besides: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One contradiction: `kind` is `lost`, `doubled`, ...; `task` is a task id or an event."""

    kind: str
    task: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.task}: {self.what}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A task in UNKNOWN: why, and what the ledger says of it. `explained` is empty where nothing justifies it."""

    task: str
    intent: str
    why: str
    explained: str
    applied: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problems` is empty if all holds."""

    problems: Sequence[Problem]
    states: Counter[str]
    unknowns: Sequence[Unknown]
    repeats: int  # effects of handlers that say that repeating changes nothing

    def count(self, kind: str) -> int:
        """Return how many problems are of this kind."""
        return sum(problem.kind == kind for problem in self.problems)


def judge(evidence: Evidence, registry: Registry) -> Verdict:
    """Compare everything with everything."""
    by_number = {number: ids for number, ids in evidence.accepted.items() if ids}
    effects = _by_task(evidence, by_number)
    problems = [*_acceptance(evidence, by_number), *(Problem("besides", "run", what) for what in evidence.besides)]
    problems += [Problem("unattributed", "ledger", str(e)) for e in effects.pop("", [])]
    unknowns = []
    for task_id, record in evidence.records.items():
        applied = effects.get(task_id, [])
        problems += [*_of_state(record, applied, registry), *_of_parameters(record, applied)]
        problems += [*_of_people(record, applied, evidence.told.get(task_id, ())), *_of_results(record, evidence)]
        if record.state == "UNKNOWN":
            unknowns.append(unknown := _unknown(record, applied, registry))
            if not unknown.explained:
                problems.append(Problem("unexplained", task_id, f"UNKNOWN {record.intent}: {unknown.why}"))
    problems += [
        Problem("unheard", task_id, "a decision in its approval was not taken") for task_id in evidence.open_edits
    ]
    natural = {name for name, intent in registry.items() if intent.idempotency.kind == "natural"}
    repeats = sum(
        len(found) - 1 for task_id, found in effects.items() if found and _intent(evidence, task_id) in natural
    )
    return Verdict(problems, Counter(r.state for r in evidence.records.values()), unknowns, repeats)


def _intent(evidence: Evidence, task_id: str) -> str:
    return evidence.records[task_id].intent if task_id in evidence.records else ""


def _by_task(evidence: Evidence, accepted: Mapping[int, set[str]]) -> dict[str, list[Entry]]:
    """Return the effects of each task by the event's number in them; those of no event under ""."""
    effects: dict[str, list[Entry]] = {}
    for entry in evidence.ledger:
        numbers = {int(n) for n in _NUMBER.findall(f"{entry.subject} {entry.detail or ''}")} & accepted.keys()
        task_id = min(accepted[numbers.pop()]) if len(numbers) == 1 else ""
        effects.setdefault(task_id, []).append(entry)
    return effects


def _acceptance(evidence: Evidence, accepted: Mapping[int, set[str]]) -> Iterator[Problem]:
    for number, asked in evidence.events.items():
        ids = accepted.get(number, set())
        name = f"event {number}"
        if not ids:
            yield Problem("refused", name, "was never accepted")
        if len(ids) > 1:
            yield Problem("split", name, f"became {len(ids)} tasks")
        for task_id in ids:
            record = evidence.records.get(task_id)
            if record is None:
                yield Problem("lost", task_id, f"{name} was accepted and has no record")
            elif record.intent not in (asked, UNCLASSIFIED) or str(number) not in record.payload:
                yield Problem(
                    "swapped", task_id, f"{name} asks for {asked or 'nothing'}, its record is {record.intent}"
                )
    known = set().union(*accepted.values()) if accepted else set()
    for task_id in evidence.records.keys() - known:
        yield Problem("invented", task_id, "has a record, and no event was accepted for it")


def _of_state(record: TaskRecord, applied: Sequence[Entry], registry: Registry) -> Iterator[Problem]:
    task_id, state = record.task_id, record.state
    if state not in AT_REST or (record.outbox is not None and state in TERMINAL):
        owes = f" and owes {record.outbox.topic}" if record.outbox else ""
        yield Problem("restless", task_id, f"{state}{owes}")
    intent = registry.get(record.intent)
    natural = intent is not None and intent.idempotency.kind == "natural"
    if len(applied) > 1 and not natural:
        yield Problem("doubled", task_id, f"{len(applied)} effects of {record.intent}, {state}")
    if state == "SUCCEEDED" and record.intent not in READ_ONLY and not applied:
        yield Problem("hollow", task_id, f"{record.intent} SUCCEEDED without an effect")
    if state not in ("SUCCEEDED", "UNKNOWN", "EXECUTING") and applied:
        yield Problem("denied", task_id, f"{state}, and its effect was applied")


def _of_parameters(record: TaskRecord, applied: Sequence[Entry]) -> Iterator[Problem]:
    for entry in applied:
        if entry.operation != OPERATIONS.get(record.intent):
            yield Problem("changed", record.task_id, f"{entry.operation} was done for {record.intent}")
        elif _asked(record, entry) != (entry.subject, entry.amount_minor, entry.detail):
            yield Problem("changed", record.task_id, f"{entry.operation} was done with other parameters")
        if entry.idempotency_key not in (None, record.effect_key):
            yield Problem("changed", record.task_id, f"the key was {entry.idempotency_key}")


def _asked(record: TaskRecord, entry: Entry) -> tuple[str, int | None, str | None]:
    """Return subject, amount and detail of the effect that the record's parameters mean."""
    parameters = record.parameters
    order_id = str(parameters.get("order_id", "")).lstrip("#")
    match record.intent:
        case "refund_request":
            return order_id, parameters["amount_minor"], parameters["currency"].lower()
        case "change_address":
            return order_id, None, parameters["new_address"]
        case "password_reset":
            return parameters["email"], None, None
        case "ticket_summary":
            return entry.subject, None, escape(parameters["summary"], quote=False)
    return order_id, None, None


def _of_people(record: TaskRecord, applied: Sequence[Entry], told: Sequence[str]) -> Iterator[Problem]:
    decision = record.approval.decision if record.approval else None
    if applied and record.decision.route != "execute" and decision != "approve":
        yield Problem("unapproved", record.task_id, f"an effect of {record.intent} that nobody approved")
    if any(answer != decision for answer in told) or len(told) > 1:
        yield Problem(
            "overruled", record.task_id, f"the console confirmed {', '.join(told)}; the record says {decision}"
        )


def _of_results(record: TaskRecord, evidence: Evidence) -> Iterator[Problem]:
    said = {(m.task_id, m.generation, m.state) for m in evidence.results}
    if record.state in TERMINAL and (record.task_id, record.generation, record.state) not in said:
        yield Problem("silent", record.task_id, f"its result {record.state} was never published")


def _unknown(record: TaskRecord, applied: Sequence[Entry], registry: Registry) -> Unknown:
    return Unknown(record.task_id, record.intent, record.history[-1].why, _reason(record, registry), bool(applied))


def _reason(record: TaskRecord, registry: Registry) -> str:
    """Return why this task may be UNKNOWN, or nothing."""
    intent = registry[record.intent]
    if not record.effect.possibly_applied:
        return ""
    if intent.idempotency.kind == "none":
        return "the provider takes no key"
    if record.exec.attempts - record.exec.waits >= intent.limits.max_attempts:
        return f"{record.exec.attempts} attempts"
    why = record.history[-1].why
    if why.startswith("provider_4") and record.effect.applied_before_attempt:
        return "refused, after an attempt that may have worked"
    return "dead-lettered" if why == "dead_lettered" else ""
