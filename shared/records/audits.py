"""Audits and their answers: drawn with the task, listed for people, answered once; what an answer proves is kept.

The answer, its label, the bet that it moves and the breakers that this opens are one commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from shared.errors import NotFound, Refused, Unprocessable
from shared.gate.confidence import Classified, certificate_of, proven, threshold_of
from shared.gate.doors import must_be_allowed
from shared.intent.declaration import Intent
from shared.records.breakers import breaker_in, breaker_path, tell_opened
from shared.records.documents import task_path, to_record, transact
from shared.records.labels import label_path
from shared.settings import Settings
from shared.task.audit import BLIND, CLAIMED, Audit, AuditVerdict, Wealth, moved
from shared.task.breaker import Breaker, opened
from shared.task.label import Judgement, label
from shared.task.moves import Person
from shared.task.schemas import UNCLASSIFIED, TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Filter, Snapshot, Store

MAX_POOL = 100  # intents whose breakers one answer may open: they have to fit into one commit


def audit_path(task_id: str) -> str:
    """Return the path of a task's audit."""
    return f"audits/{task_id}"


def audit_of(record: TaskRecord, intent: Intent, settings: Settings, draw: float) -> Audit:
    """Return the audit of a new task; `draw` has fallen into the settings' share."""
    said = record.classification
    believed = Classified(said.confidence, said.model, said.prompt_version, record.created_at)
    certificate, line = certificate_of(believed, settings), proven(intent, believed, settings)
    return Audit(
        task_id=record.task_id,
        drawn_at=record.created_at,
        intent=intent.name,
        confidence=said.confidence,
        model=said.model,
        prompt_version=said.prompt_version,
        above=threshold_of(intent, believed, settings),
        claimed=certificate.target if certificate and line else CLAIMED,
        pool=list(line.intents)[:MAX_POOL] if line else [intent.name],
        blind=draw < settings.audit_share * BLIND,
    )


async def open_audits(store: Store, limit: int) -> list[Audit]:
    """Return up to `limit` audits that nobody has answered, oldest first.

    Raises:
        StoreUnavailable: nothing is known.
    """
    where = [Filter("open", "==", True)]
    found = await store.query("audits", where=where, order_by="drawn_at", limit=limit)
    return [Audit.model_validate(s.data) for s in found]


async def answer(
    ports: Ports, task_id: str, person: Person, verdict: AuditVerdict | None, intent: str | None = None
) -> Audit:
    """Keep what a person says of a task that ran by itself, with all that follows from it.

    Of a blind audit they say the `intent`, and no verdict: that follows.

    Raises:
        NotFound, Gone: there is no such audit, or its task was removed.
        Refused: `already_answered`.
        Forbidden: they may not decide tasks of this intent, or asked for this one themselves.
        Unprocessable: the answer is not one; `field` says which.
    """
    (found,) = await ports.store.read(audit_path(task_id))
    first = _audit(found)
    breakers = [breaker_path(name) for name in first.pool]
    path, wealth, judged = task_path(task_id), f"wealth/{first.pool_name}", label_path(task_id)
    answered, newly_open = first, dict[str, Breaker]()

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        nonlocal answered
        newly_open.clear()
        audit, now = _audit(snapshots[found.path]), snapshots[found.path].read_time
        record = to_record(snapshots[path])
        must_be_allowed(ports.registry, ports.settings, record, person, audit.intent)
        if not audit.open:
            raise Refused(f"it was answered already, by {audit.answered_by}", code="already_answered")
        judgement = _judged(audit, verdict, intent, ports)
        answered = _answered(audit, judgement, person, now)
        kept = label(
            record, judgement, by=person.name, at=now, settings=ports.settings, drawn="audit", above=audit.above
        )
        writes = {found.path: answered.model_dump(), judged: kept.model_dump()}
        known = {p: breaker_in(snapshots[p]) for p in breakers}
        bets = _bets(snapshots[wealth], audit, bool(judgement.right), now, known.values())
        if bets is not None:
            writes[wealth] = bets.model_dump()
            if bets.rings:
                newly_open.update(_refuted(bets, known, now))
                writes |= {p: b.model_dump() for p, b in newly_open.items()}
        return writes

    await transact(ports.store, (found.path, path, judged, wealth, *breakers), body)
    for where, breaker in newly_open.items():
        tell_opened(where.rpartition("/")[2], breaker, function="console")
    return answered


def removed(snapshot: Snapshot) -> Document | None:
    """Return what becomes of an audit whose task is erased; None: there is none, or it was answered."""
    if not is_open(snapshot):
        return None
    return _audit(snapshot).model_copy(update={"open": False}).model_dump()


def is_open(snapshot: Snapshot) -> bool:
    """Whether somebody still has to answer: until then neither it nor its task is removed."""
    return snapshot.data is not None and _audit(snapshot).open


def _audit(snapshot: Snapshot) -> Audit:
    if snapshot.data is None:
        raise NotFound("no audit was drawn for this task", code="audit_not_found")
    return Audit.model_validate(snapshot.data)


def _judged(audit: Audit, verdict: AuditVerdict | None, intent: str | None, ports: Ports) -> Judgement:
    """Return what the answer says of the classifier."""
    if intent is not None and intent != UNCLASSIFIED and intent not in ports.registry:
        raise Unprocessable(
            f"choose {UNCLASSIFIED} or one of {', '.join(ports.registry)}", code="bad_answer", field="/intent"
        )
    if audit.blind:
        if verdict is not None or intent is None:
            why = "say which intent it is, and no verdict: what the classifier took it for is shown afterwards"
            raise Unprocessable(why, code="bad_answer", field="/intent" if intent is None else "/verdict")
        verdict = "right" if intent == audit.intent else "wrong_intent"
    if verdict is None:
        raise Unprocessable("say right, wrong_intent or wrong_parameters", code="bad_answer", field="/verdict")
    if verdict == "wrong_intent":
        if intent == audit.intent:
            raise Unprocessable("this is what it was taken for", code="bad_answer", field="/intent")
        return Judgement("wrong_intent", intent or UNCLASSIFIED, right=False)
    if intent not in (None, audit.intent):
        why = "another intent is wrong_intent"
        raise Unprocessable(why, code="bad_answer", field="/intent")
    if verdict == "right":
        return Judgement("right", audit.intent, right=True)
    return Judgement("corrected", audit.intent, right=False)


def _answered(audit: Audit, judgement: Judgement, person: Person, now: datetime) -> Audit:
    verdicts: dict[str, AuditVerdict] = {"right": "right", "corrected": "wrong_parameters"}
    return audit.model_copy(
        update={
            "open": False,
            "verdict": verdicts.get(judgement.verdict, "wrong_intent"),
            "said": judgement.intent,
            "answered_by": person.name,
            "answered_at": now,
        }
    )


def _bets(
    snapshot: Snapshot, audit: Audit, right: bool, now: datetime, breakers: Iterable[Breaker | None]
) -> Wealth | None:
    known = Wealth.model_validate(snapshot.data) if snapshot.data else None
    return moved(known, audit, right, now, [b.rearmed_at for b in breakers if b and b.rearmed_at])


def _refuted(bets: Wealth, known: Mapping[str, Breaker | None], now: datetime) -> dict[str, Breaker]:
    """Return the breakers that open because the claim about their intents does not hold."""
    bad = bets.counted - bets.right
    why = f"{bad} of {bets.counted} audits were wrong, where {bets.claimed:g} was said to be right"
    new = {p: opened(b, now, cause="audits", why=why, bad=bad, seen=bets.counted) for p, b in known.items()}
    return {p: b for p, b in new.items() if b is not known[p]}
