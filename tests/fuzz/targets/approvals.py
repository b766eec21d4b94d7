"""What a person may write into `approvals/{task_id}`, and the CloudEvent that tells of it: through resume and sweep."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore_v1 import GeoPoint

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
TASKS = ("paused", "unclear", "rejected", "done")
# Types of Firestore's that have no JSON: as a member of this name.
STRANGE: dict[str, Any] = {
    "bytes": b"\x00\xff",
    "point": GeoPoint(1.0, 2.0),
    "time": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    "nan": float("nan"),
    "infinity": float("inf"),
}


class Approvals:
    """Scenes: `resume <task>` and `sweep <task>`. The body is the edit as JSON; `{"$": "bytes"}` is one of STRANGE."""

    name = "approvals"
    share = 12

    def __init__(self, scenery: Scenery) -> None:
        self._scenery = scenery

    def seeds(self) -> Sequence[Case]:
        return [
            Case(self.name, f"{way} {task}", json.dumps(edit).encode(), "POST", "/", "", ())
            for way in ("resume", "sweep")
            for task in TASKS
            for edit in (
                {"status": "approved"},
                {"status": "rejected", "comment": CANARY},
                {"status": "approved", "outcome": None, "error": None, "approved": {"$": "bytes"}},
                {"status": "approved", "parameters": {"order_id": "#10021", "amount_minor": 100, "currency": "USD"}},
                {"status": "approved", "intent": "order_status", "parameters": {"order_id": "#10021"}},
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
        world = self._scenery.world()
        before, shown = await world.record(task_id), world.store.documents.get(f"approvals/{task_id}")
        document = (shown[0] if shown else {}) | edit
        world.store.write(f"approvals/{task_id}", document)  # with any of Firestore's types
        answers = [await (self._resume(world, task_id, wire) if way == "resume" else self._sweep(world, wire))]
        for ran, parameters in await self._scenery.run_what_may_run(world):
            _must_be_decided(before, document, ran, parameters)
        return answers

    async def _resume(self, world: World, task_id: str, wire: Wire) -> Answer:
        version = world.store.documents[f"approvals/{task_id}"][1]
        headers, body = approval_event("p", task_id, {}, version, AUTHOR)
        return await wire.call(RESUME, Case(self.name, "", body, headers=(*headers.items(), ("host", "f"))))

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
        events = [
            approval_event("p", t, d, version, AUTHOR) for t in ("paused", "nobody") for d in ({"a": CANARY}, None)
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
        for ran, _ in await self._scenery.run_what_may_run(world):
            if ran.task_id != "paused" or ran.approval is None:
                raise Broken("ran without a decision", ran.task_id)
        return [answer]


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


def _must_be_decided(before: TaskRecord, document: dict[str, Any], ran: TaskRecord, parameters: dict[str, Any]) -> None:
    """Raise Broken unless a person approved exactly what ran, in this document."""
    approved = document.get("status") == "approved" and document.get("outcome") is None
    if before.state != "AWAITING_APPROVAL" or not approved or document.get("params_hash") != before.params_hash:
        raise Broken("ran without a decision", ran.task_id)
    if ran.approval is None or ran.approval.decision != "approve" or ran.intent != document.get("intent"):
        raise Broken("ran another intent than was approved", ran.intent)
    wanted = document.get("parameters")
    if not isinstance(wanted, dict) or _set(wanted) != _set(parameters):
        raise Broken("ran with other parameters than were approved", ran.intent)


def _set(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}
