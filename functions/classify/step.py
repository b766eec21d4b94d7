"""One model call per task: the record is created exactly once, whatever the bus repeats."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from functions.classify.asking import NoAnswer, ask_or_say_why
from functions.classify.later import ask_later
from functions.classify.shadow import Bench, Case, shadow
from shared.errors import BadRequest, Gone, Retry, Skip
from shared.event.payload import View, content_hash, other_id, read, view, view_of
from shared.event.reading import Reading
from shared.event.requester import EMAIL, LOOKED_UP, author_of, vouched
from shared.event.vendors.slack import answer_path
from shared.gate.confidence import Classified
from shared.gate.plan import degraded, needs_own_call, plan, speaks_to_machine
from shared.gate.policy import Usage, is_enabled
from shared.model import prompt
from shared.model.question import Answer, Question
from shared.records.answers import expect_answer
from shared.records.breakers import open_breakers
from shared.records.creation import create
from shared.records.documents import task_path, to_record, tombstone_in
from shared.records.news import proven, revised, tell, tell_others
from shared.records.outbox import ask_for_preview, pay
from shared.records.parking import park
from shared.records.proof import counted
from shared.records.routing import classifier_of, routing
from shared.serving.entry import Outcome
from shared.serving.push import Delivery
from shared.task.birth import Plan
from shared.task.schemas import AutomationTask, TaskRecord
from shared.task.tombstone import Tombstone
from shared.topics import ASK
from shared.wiring.composition import Ports

OVERTAKES_S = 60.0  # how long a deletion waits for the words that it may have overtaken
WITHOUT_EFFECT = frozenset({"FAILED", "REJECTED", "EXPIRED", "CANCELLED"})


@dataclass(frozen=True, slots=True)
class Event:
    """One delivery of one event, read."""

    task: AutomationTask
    reading: Reading
    seen: View
    delivery: Delivery

    @property
    def content(self) -> str:
        """What tells two events under one id apart."""
        return content_hash(self.seen, self.task.raw_payload)


async def classify(delivery: Delivery, ports: Ports) -> Outcome:
    """Turn an `AutomationTask` message into a task document, and publish it or pause it.

    Raises:
        ModelUnavailable: the message comes again until the model budget is over, then a person gets the task.
        StoreUnavailable: the message comes again.
    """
    if delivery.attributes.get(ASK):
        return await ask_later(delivery, ports)
    try:
        task = delivery.read_as(AutomationTask, "invalid_task")
    except BadRequest as error:
        await park(ports, delivery, reason=error.code, task_id=None, outcome="parked")
        return Outcome("parked", fields={"error_code": error.code}, severity="ERROR")
    reading = read(task.source, task.raw_payload, task.metadata)
    try:
        outcome = await _seen_to(Event(task, reading, view_of(reading), delivery), ports)
    except Gone as gone:
        raise Retry("the task was removed meanwhile; the event is looked at again", code=gone.code) from None
    if task.source == "slack" and (path := answer_path(task.raw_payload)):
        await expect_answer(ports.store, outcome.fields["task_id"], path, delivery.publish_time)
    return outcome


async def _seen_to(event: Event, ports: Ports) -> Outcome:
    task, reading = event.task, event.reading
    (snapshot,) = await ports.store.read(task_path(task.task_id))
    if stone := tombstone_in(snapshot):
        return await _removed(event, stone, ports)
    if snapshot.data is not None:
        return await _known(event, to_record(snapshot), snapshot.version, ports)
    if reading.echo is not None or reading.does == "deleted":  # nothing of ours is concerned, or not yet
        age_s = (snapshot.read_time - event.delivery.publish_time).total_seconds()
        if reading.does == "deleted" and age_s < OVERTAKES_S:
            raise Retry("what it deletes may be on its way", code="not_yet")
        return Outcome("nothing_to_revise", fields={"task_id": task.task_id, "source": task.source})
    return await _first_time(event, snapshot.read_time, ports)


async def _known(event: Event, record: TaskRecord, version: str, ports: Ports) -> Outcome:
    """See to an event whose task exists: the same again, news of it, or somebody else's under its id."""
    task, reading = event.task, event.reading
    fields = {"task_id": task.task_id, "source": task.source, "intent": record.intent, "state_to": record.state}
    same_source = record.source == task.source
    try:
        if reading.echo is not None:
            after = await proven(ports, record, reading.echo)
            return Outcome("effect_proven", fields=fields | {"state_to": after.state}, severity="WARNING")
        if same_source and event.content == _content_of(record):
            return await _again(record, version, fields, ports)
        if same_source and reading.fact.revision and (reading.does == "deleted" or record.state not in WITHOUT_EFFECT):
            after = await revised(ports, record, reading)
            return Outcome("revised", fields=fields | {"state_to": after.state})
    except Skip as skip:
        return Outcome(skip.code, fields=fields)
    return await _another(event, record, ports)


async def _removed(event: Event, stone: Tombstone, ports: Ports) -> Outcome:
    """See to an event whose task ended and was removed: a replay and news of it change nothing any more."""
    task, reading = event.task, event.reading
    fields = {"task_id": task.task_id, "source": task.source, "intent": stone.intent, "state_to": stone.state}
    same_source = stone.source == task.source
    if same_source and event.content == stone.content_sha256:
        return Outcome("already_done", fields=fields | {"error_code": Gone.code})
    is_news = reading.fact.revision and (reading.does == "deleted" or stone.state not in WITHOUT_EFFECT)
    if reading.echo is not None or (same_source and is_news):
        return Outcome(Gone.code, fields=fields)
    return await _another(event, stone, ports)


async def _again(record: TaskRecord, version: str, fields: dict[str, Any], ports: Ports) -> Outcome:
    """Never ask the model again: publish what the first delivery still owes, and acknowledge."""
    if record.state != "READY" or record.exec.attempts == 0:  # a retry waits for its own time
        await pay(ports, record, version)
    return Outcome("duplicate", fields=fields)


async def _another(event: Event, first: TaskRecord | Tombstone, ports: Ports) -> Outcome:
    """Give words that came under a known id a task of their own, which a person sees: nothing accepted is lost."""
    source, edited = event.task.source, first.source == event.task.source and bool(event.reading.fact.revision)
    other = other_id(source, event.task.task_id, event.reading, event.content)
    (snapshot,) = await ports.store.read(task_path(other))
    if stone := tombstone_in(snapshot):
        fields = {"task_id": stone.task_id, "source": source, "error_code": Gone.code}
        return Outcome("already_done", fields=fields)
    if snapshot.data is not None:
        record = to_record(snapshot)
        return await _again(record, snapshot.version, {"task_id": record.task_id, "source": source}, ports)
    what = "reworded: the words of task" if edited else "id_reused: the id is known from task"
    renamed = replace(event, task=event.task.model_copy(update={"task_id": other}))
    outcome = await _first_time(renamed, snapshot.read_time, ports, doubt=f"{what} {first.task_id}")
    if not edited:
        with contextlib.suppress(Skip, Gone):
            await tell(ports, first.task_id, kind="id_reused", about=other)
    return outcome


def _content_of(record: TaskRecord) -> str:
    payload = record.raw_payload
    return content_hash(view(record.source, payload, record.metadata), payload)


async def _first_time(event: Event, now: datetime, ports: Ports, *, doubt: str = "") -> Outcome:
    task, reading, settings, registry = event.task, event.reading, ports.settings, ports.registry
    breakers = {name: breaker.why for name, breaker in (await open_breakers(ports)).items()}
    seen = await _with_requester(event.seen, task.source, reading, ports)
    routed = await routing(ports)
    built = prompt.build(task, seen, registry, disabled=settings.disabled_intents, rules=routed.rules)
    question = replace(built, alone=speaks_to_machine(seen))

    def decided(said: Answer, usage: Usage, at: datetime, draw: float, proofs: int = 0) -> Plan:
        return plan(
            task,
            seen,
            said,
            said.prompt_version,
            registry,
            settings,
            usage,
            at,
            draw=draw,
            doubt=doubt,
            counted=proofs,
            breakers=breakers,
        )

    async def needs_own(said: Answer) -> bool:
        planned = decided(said, Usage(), now, draw=1.0)
        return needs_own_call(planned, seen, registry) or await _reads_otherwise(planned, question, ports)

    began = _seconds()
    told: Answer | NoAnswer = NoAnswer("no_words")
    if reading.has_words:
        is_last = (now - event.delivery.publish_time).total_seconds() >= settings.model_budget_s
        told = await ask_or_say_why(replace(question, is_last=is_last), classifier_of(routed, ports), needs_own)
    answer = told if isinstance(told, Answer) else None
    now += timedelta(seconds=_seconds() - began)
    proofs = await counted(ports, Classified(0.0, answer.model, answer.prompt_version, now)) if answer else 0
    draw = ports.random.random()  # once: whichever delivery creates the record has drawn for all of them
    look_again = ports.random.random() if settings.audit_share else 1.0
    audit_draw = look_again if look_again < settings.audit_share else None

    def decide(usage: Usage, at: datetime) -> Plan:
        if isinstance(told, NoAnswer):
            return degraded(told.code, settings, at, tokens_used=told.tokens_used, doubt=doubt)
        return decided(told, usage, at, draw, proofs)

    created = await create(
        ports,
        task,
        seen,
        decide,
        texts=question.view.texts,
        now=now,
        trace_id=event.delivery.trace_id,
        audit_draw=audit_draw,
    )
    record = created.record
    if not created.is_new:  # another delivery came first: of the same, or of something else under this id
        return await _known(event, record, created.version, ports)
    await pay(ports, record, created.version)
    await ask_for_preview(ports, record)
    await tell_others(ports, created.like, record.task_id)
    if routed.shadow and answer and ports.random.random() < routed.shadow[1].share:
        bench = Bench(ports.store, registry, settings)
        await shadow(Case(task, seen, answer, answer.prompt_version, doubt), *routed.shadow, bench, record.created_at)
    said = record.classification
    fields = {
        "task_id": task.task_id,
        "source": task.source,
        "intent": record.intent,
        "state_to": record.state,
        "error_code": told.code if isinstance(told, NoAnswer) else "",
        "reasons": "+".join(reason.partition(":")[0] for reason in record.decision.reasons),
        "confidence": said.confidence,
        "model": said.model,
        "prompt_version": said.prompt_version,
        "tokens_used": said.tokens_used,
        "latency_ms": said.latency_ms,
    }
    return Outcome("classified", fields=fields)


async def _reads_otherwise(plan: Plan, question: Question, ports: Ports) -> bool:
    """Whether the local classifier, which reads this ticket alone, names another intent than what would run."""
    if plan.decision.route != "execute":
        return False
    await ports.local.learn()
    return ports.local.judge(question.view, [plan.intent])[0] != plan.intent


async def _with_requester(seen: View, source: str, reading: Reading, ports: Ports) -> View:
    """Look the author's address up where the event has none and an intent of this source needs it.

    Before the model is asked: a parameter may be this very field.
    """
    is_needed = any(EMAIL in i.needs and is_enabled(i, source, ports.settings) for i in ports.registry.values())
    author = author_of(source, reading)
    if author is None or author.email or not seen.texts or not is_needed:
        return seen
    email = await ports.people.email_of(author)
    if email is None:
        return seen
    known = vouched(seen.fields["requester"], email, LOOKED_UP + source)
    return replace(seen, fields={**seen.fields, "requester": known})


def _seconds() -> float:
    return asyncio.get_running_loop().time()
