"""What a person may write into `approvals/{task_id}`, and the CloudEvent that tells of it: through resume and sweep."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1._helpers import decode_dict, encode_dict
from google.cloud.firestore_v1.types import Document as FirestoreDocument
from google.events.cloud.firestore_v1 import DocumentEventData

import functions.resume.main as resume
import functions.sweep.main as sweep
from infra.document_event import approval_event
from shared.task.schemas import TaskRecord
from tests.fuzz import hostile, mutations
from tests.fuzz.case import CANARY, Answer, Broken, Case
from tests.fuzz.scenery import Scenery
from tests.fuzz.store import unfit
from tests.fuzz.wire import Wire
from tests.world import World, deployed

RESUME, SWEEP = deployed(resume, "resume"), deployed(sweep, "sweep")
AUTHOR = "ops@example.com"
OTHER = "intern@example.com"  # who may write into the document, and may not decide
APPROVERS = {"*": frozenset({AUTHOR})}
TASKS = ("paused", "unclear", "rejected", "done")
SET = ("intent", "parameters", "requester_email")
FREE = frozenset({"status", "comment", *SET})
# Types of Firestore's that have no JSON: as a member of this name.
STRANGE: dict[str, Any] = {
    "bytes": b"\x00\xff",
    "point": GeoPoint(1.0, 2.0),
    "time": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    "nan": float("nan"),
    "infinity": float("inf"),
}


class Approvals:
    """Scenes: `<way> <task>`. The body is the edit as JSON; `{"$": "bytes"}` is one of STRANGE.

    `resume`: an approver makes the edit, and its event comes. `sweep`: it never comes. `beside` and `behind`: somebody
    who may not decide makes the edit, an approver approves after it, and the events come in this or the other order.
    """

    name = "approvals"
    share = 12

    def __init__(self, scenery: Scenery) -> None:
        self._scenery = scenery

    def seeds(self) -> Sequence[Case]:
        return [
            Case(self.name, f"{way} {task}", json.dumps(edit).encode(), "POST", "/", "", ())
            for way in ("resume", "sweep", "beside", "behind")
            for task in TASKS
            for edit in (
                {"status": "approved"},
                {"status": "rejected", "comment": CANARY},
                {"status": "approved", "outcome": None, "error": None, "approved": {"$": "bytes"}},
                {"status": "approved", "parameters": {"order_id": "#10021", "amount_minor": 100, "currency": "USD"}},
                {"status": "approved", "intent": "order_status", "parameters": {"order_id": "#10021"}},
                {"parameters": {"order_id": "#10021", "amount_minor": 100, "currency": "USD"}},
                {"intent": "order_status", "parameters": {"order_id": "#10021"}, "plan": CANARY},
                {"status": "approved", "requester_email": "lee@example.com", "comment": CANARY},
            )
        ]

    def mutate(self, rng: random.Random, case: Case, other: Case) -> Case:
        if rng.random() < 0.1:
            return case.but(scene=other.scene)
        if rng.random() < 0.1 and mutations.read(case.body) is not None:
            strange = json.dumps({rng.choice(hostile.KEYS[:40]): {"$": rng.choice([*STRANGE])}})
            return case.but(body=b",".join((case.body.rstrip()[:-1], strange[1:].encode())))
        return case.but(body=mutations.json_body(rng, case.body, other.body))

    async def run(self, case: Case, wire: Wire) -> Sequence[Answer]:
        way, _, task_id = case.scene.partition(" ")
        edit = _document(case.body)
        if edit is None:
            return []
        world = self._scenery.world(approvers=APPROVERS)
        before, held = await world.record(task_id), world.store.documents.get(f"approvals/{task_id}")
        shown = held and held[0]
        edited = (shown or {}) | edit
        events = [_write(world, task_id, shown, edited, AUTHOR if way in ("resume", "sweep") else OTHER)]
        if way in ("beside", "behind"):
            events.append(_write(world, task_id, edited, edited | {"status": "approved"}, AUTHOR))
        if way == "behind":
            events.reverse()
        if way == "sweep":
            answers = [await self._sweep(world, wire)]
        else:
            answers = [await wire.call(RESUME, event) for event in events]
        for ran, parameters in await self._scenery.run_what_may_run(world):
            if way == "sweep":
                raise Broken("ran though nobody knows who decided", ran.task_id)
            ran_on = shown or {}
            _must_be_decided(before, shown, edited if way == "resume" else shown, ran, parameters)
            if way != "resume" and any(edited.get(n) != ran_on.get(n) for n in SET):
                raise Broken("ran on top of what somebody else wrote", ran.task_id)
        return answers

    async def _sweep(self, world: World, wire: Wire) -> Answer:
        world.pass_time(minutes=3)
        return await wire.call(SWEEP, Case(self.name, "", headers=(("host", "f"),)))


class Events:
    """The CloudEvent itself, about an approval that was given. Scene: none."""

    name = "events"
    share = 6

    def __init__(self, scenery: Scenery) -> None:
        self._scenery = scenery

    def seeds(self) -> Sequence[Case]:
        version = "2026-01-05T09:00:00.000001Z"
        shown = self._scenery.documents["approvals/paused"][0]
        writes: list[dict[str, Any] | None] = [shown | {"status": "approved", "comment": CANARY}, {"a": CANARY}, None]
        events = [
            approval_event("p", task_id, after, version, AUTHOR, before)
            for task_id in ("paused", "nobody")
            for before in (shown, None)
            for after in writes
        ]
        return [Case(self.name, "", body, headers=(*headers.items(), ("host", "f"))) for headers, body in events]

    def mutate(self, rng: random.Random, case: Case, other: Case) -> Case:
        if rng.random() < 0.4:
            return mutations.envelope(rng, case)
        return case.but(body=mutations.raw_bytes(rng, case.body, other.body))

    async def run(self, case: Case, wire: Wire) -> Sequence[Answer]:
        world = self._scenery.world()
        await world.edit("paused", status="approved")
        answer = await wire.call(RESUME, case)
        authors = [value for name, value in case.headers if name.lower() == "ce-authid"]
        for ran, parameters in await self._scenery.run_what_may_run(world):
            if ran.task_id != "paused" or ran.approval is None or ran.approval.by not in authors:
                raise Broken("ran without a decision", ran.task_id)
            told = DocumentEventData.pb(DocumentEventData.deserialize(case.body)).value.SerializeToString()
            fields = FirestoreDocument.pb(FirestoreDocument.deserialize(told)).fields
            # Google's decoder refuses a kind of value that it does not know, wherever it stands in the document.
            compared = {name: fields[name] for name in ("status", "parameters") if name in fields}
            written: Any = decode_dict(compared, None)
            if written.get("status") != "approved" or _set(written.get("parameters", {})) != _set(parameters):
                raise Broken("ran what no event tells of", ran.task_id)
        return [answer]


def _write(world: World, task_id: str, before: Any, after: dict[str, Any], author: str) -> Case:
    """Write an approval document, with any of Firestore's types, and return the event that tells of it."""
    world.store.write(f"approvals/{task_id}", after)
    version = world.store.documents[f"approvals/{task_id}"][1]
    headers, body = approval_event("p", task_id, {}, version, author, None if before is None else {})
    event = DocumentEventData.pb(DocumentEventData.deserialize(body))
    for value, fields in ((event.old_value, before), (event.value, after)):
        if fields is not None:  # the same message by another name
            value.MergeFromString(FirestoreDocument.serialize(FirestoreDocument(fields=encode_dict(fields))))
    return Case(Approvals.name, "", event.SerializeToString(), headers=(*headers.items(), ("host", "f")))


def _document(body: bytes) -> dict[str, Any] | None:
    """Return the edit in a body, or None if Firestore could not hold it."""

    def stored(members: dict[str, Any]) -> Any:
        if "$" in members:
            return STRANGE.get(str(members["$"]), members["$"])
        return members

    try:
        edit = json.loads(body, object_hook=stored, parse_int=lambda digits: int(digits[-18:]))
        json.dumps(edit, default=str, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return edit if isinstance(edit, dict) and len(body) <= 500_000 and not unfit(edit) else None


def _must_be_decided(before: TaskRecord, shown: Any, written: Any, ran: TaskRecord, parameters: dict[str, Any]) -> None:
    """Raise Broken unless the approver saw exactly what ran, or set it in the very write that approved it."""
    if before.state != "AWAITING_APPROVAL" or shown is None:
        raise Broken("ran without a decision", ran.task_id)
    if ran.approval is None or (ran.approval.decision, ran.approval.by) != ("approve", AUTHOR):
        raise Broken("ran without a decision", ran.task_id)
    if written is not shown and (shown.get("status"), written.get("status")) != ("pending", "approved"):
        raise Broken("ran without a decision", ran.task_id)
    if odd := [n for n in shown.keys() - FREE if written.get(n) != shown[n]]:
        raise Broken("ran beside a forged document", ", ".join(odd))
    if ran.intent != written.get("intent"):
        raise Broken("ran another intent than was approved", ran.intent)
    wanted = written.get("parameters")
    if not isinstance(wanted, dict) or _set(wanted) != _set(parameters):
        raise Broken("ran with other parameters than were approved", ran.intent)


def _set(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}
