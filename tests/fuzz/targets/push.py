"""Push envelopes of every function behind a subscription; the handler behind `execute` only counts its calls."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import functions.classify.main as classify
import functions.deadletter.main as deadletter
import functions.intake.main as intake
from functions.deadletter.step import SOURCE_ATTRIBUTE
from functions.execute.step import execute
from shared.serving.entry import serve_push
from shared.task.schemas import AutomationTask
from shared.topics import EVENTS, TASKS, TASKS_EXPRESS
from shared.wiring.composition import ports
from tests.fuzz import mutations
from tests.fuzz.case import CANARY, Answer, Broken, Case
from tests.fuzz.scenery import HEADERS, WEBHOOKS, Scenery
from tests.fuzz.wire import Wire
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, World, deployed, ticket

TASK = ticket(f"Where is my order #47384? {CANARY}", task_id="new", metadata={"team": "eu"}).model_dump_json()
SUBSCRIPTIONS = (EVENTS, TASKS, TASKS_EXPRESS, "intent-order-status", "intent-refund-request", "", CANARY)


class Push:
    """Scene: none; the function is the target."""

    share = 9

    def __init__(self, function: str, app: Any, scenery: Scenery, *data: str, expected_503: frozenset[str]) -> None:
        self.name = f"push-{function}"
        self._app, self._scenery, self._data, self._expected_503 = app, scenery, data, expected_503

    def seeds(self) -> Sequence[Case]:
        attributes: dict[str, str] = {"trace_id": "0" * 32, "source": "helpdesk", "schema_version": "1"}
        many = self.name == "push-deadletter"
        return [
            Case(
                self.name,
                "",
                envelope(data, attributes | ({SOURCE_ATTRIBUTE: source} if many else {})),
                headers=HEADERS,
            )
            for data in self._data
            for source in (SUBSCRIPTIONS if many else ("",))
        ]

    def mutate(self, rng: random.Random, case: Case, other: Case) -> Case:
        match rng.randrange(10):
            case 0:
                return mutations.envelope(rng, case)
            case 1 | 2 | 3:
                return case.but(body=mutations.json_body(rng, case.body, other.body))
        return case.but(body=mutations.base64_member(rng, case.body, other.body))

    async def run(self, case: Case, wire: Wire) -> Sequence[Answer]:
        world = self._scenery.world(ORDER_STATUS[1])
        answer = await wire.call(self._app, case, expected_503=self._expected_503)
        self._check(case, answer, world)
        return [answer]

    def _check(self, case: Case, answer: Answer, world: World) -> None:
        changed = self._scenery.changed(world)
        if answer.status >= 400 and (changed or world.publisher.messages):
            raise Broken("refused changes nothing", str(changed))


class Execute(Push):
    """Counts what a pointer makes run: only a task that is READY, in its generation, once."""

    def __init__(self, scenery: Scenery) -> None:
        self._handler = ScriptedHandler("done")
        ready = '{"task_id":"ready","generation":1,"schema_version":1}'
        data = [ready.replace("ready", name) for name in ("ready", "paused", "done", "failed", "unknown", "nobody")]
        busy = frozenset({"lease_held_by_this_message"})
        super().__init__(
            "execute", Starlette(routes=[Route("/", self._serve, methods=["POST"])]), scenery, *data, expected_503=busy
        )

    async def run(self, case: Case, wire: Wire) -> Sequence[Answer]:
        self._handler.calls.clear()
        answers = [*(await super().run(case, wire))]
        answers.append(await wire.call(self._app, case, expected_503=self._expected_503))
        pointed = [json.loads(base64.b64decode(json.loads(case.body)["message"]["data"])) for _ in self._handler.calls]
        if len(pointed) > 1 or any((p["task_id"], p["generation"]) != ("ready", 1) for p in pointed):
            raise Broken("effect without its task", str(pointed)[:200])
        return answers

    async def _serve(self, request: Request) -> Response:
        return await serve_push(
            "execute-order-status",
            request,
            lambda delivery: execute(delivery, ports(), ports().registry["order_status"], self._handler),
        )


def envelope(data: str, attributes: dict[str, str]) -> bytes:
    """Return the body of a push request as Pub/Sub sends it."""
    message = {
        "data": base64.b64encode(data.encode()).decode(),
        "attributes": attributes,
        "messageId": "70",
        "message_id": "70",
        "publishTime": "2026-01-05T09:00:00.123456789Z",
        "publish_time": "2026-01-05T09:00:00.123Z",
    }
    subscription = "projects/p/subscriptions/tasks"
    return json.dumps({"message": message, "subscription": subscription, "deliveryAttempt": 2}).encode()


def push_targets(scenery: Scenery) -> list[Push]:
    """Return one target per function behind a push subscription."""
    none: frozenset[str] = frozenset()
    pointer = '{"task_id":"ready","generation":1,"schema_version":1}'
    other = TASK.replace('"new"', '"paused"')
    vendors = [_vendors_task(file) for file in sorted(WEBHOOKS.glob("*.json"))]
    return [
        Push("intake-events", deployed(intake, "intake_events"), scenery, TASK, expected_503=none),
        Push("classify", deployed(classify, "classify"), scenery, TASK, other, *vendors, expected_503=none),
        Push(
            "deadletter", deployed(deadletter, "deadletter"), scenery, TASK, other, pointer, *vendors, expected_503=none
        ),
        Execute(scenery),
    ]


def _vendors_task(file: Path) -> str:
    """Return the task that a recorded webhook becomes, so that every reader of payloads is reached."""
    payload = json.loads(file.read_bytes()) | {"note": CANARY}
    source = file.name.partition("_")[0]
    task = AutomationTask(task_id=file.stem, source=source, raw_payload=payload, metadata={"team": "eu"})
    return task.model_dump_json()
