"""I9: no payload, parameter, answer, provider's word or exception text in any log line or error body, on any path."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

import functions.classify.main as classify
import functions.deadletter.main as deadletter
import functions.resume.main as resume
import functions.sweep.main as sweep
from functions.execute.main import entry
from shared.errors import ModelRefused, ModelUnavailable, StoreUnavailable
from shared.intent.outcomes import Ambiguous, NotApplied, Permanent
from shared.wiring import composition
from tests.scripted import AskingHandler, ScriptedHandler
from tests.world import World, deployed, says, ticket

SECRET = "sesame4711"
TASK = ticket(f"Please post a summary, my card is {SECRET}", email=f"{SECRET}@example.com")
ANSWER = says("ticket_summary", summary=f"card {SECRET}")


@pytest.fixture(autouse=True)
async def nothing_leaks(capsys: pytest.CaptureFixture[str]) -> AsyncIterator[None]:
    yield
    composition.install(None)
    captured = capsys.readouterr()
    assert captured.out + captured.err != "", "a path that logs nothing proves nothing"
    for text in (captured.out, captured.err):
        assert SECRET not in text
        assert base64.b64encode(SECRET.encode()).decode()[:12] not in text


async def push(module: Any, target: str, world: World, data: str | bytes, **attributes: str) -> httpx.Response:
    """Push a message at a deployed function's app."""
    composition.install(world.ports)
    app = deployed(module, target)
    raw = data if isinstance(data, bytes) else data.encode()
    message = {"messageId": "m1", "data": base64.b64encode(raw).decode(), "attributes": {SECRET: SECRET} | attributes}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://f") as http:
        answer = await http.post("/", json={"message": message, "subscription": "projects/p/subscriptions/s"})
    assert SECRET not in answer.text
    return answer


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (ANSWER, 200),
        (SECRET, 200),
        (says(SECRET), 200),
        (says("ticket_summary", summary=SECRET, **{SECRET: SECRET}), 200),
        (says("order_status", order_id=f"{SECRET} {SECRET}"), 200),
        ({"intent": "ticket_summary", "parameters": {"summary": SECRET}, "confidence": SECRET}, 200),
        (ModelRefused(SECRET, code="safety_block"), 200),
        (ModelUnavailable("busy"), 503),
        (StoreUnavailable("down"), 503),
        (ValueError(SECRET), 500),
    ],
)
async def test_classify_is_silent(answer: Any, status: int) -> None:
    assert (await push(classify, "classify", World(answer), TASK.model_dump_json())).status_code == status


@pytest.mark.parametrize(
    "data", [SECRET, json.dumps({"task_id": SECRET, "x": SECRET}), f'{{"{SECRET}"', b"\xff" + SECRET.encode()]
)
async def test_poison_is_parked_in_silence(data: str | bytes) -> None:
    assert (await push(classify, "classify", World(), data)).status_code == 200
    assert (
        await push(deadletter, "deadletter", World(), data, CloudPubSubDeadLetterSourceSubscription="tasks")
    ).is_success


async def test_conflict_of_payloads_is_reported_in_silence() -> None:
    world = World(ANSWER)
    await world.classify(ticket("something else"))
    await push(classify, "classify", world, TASK.model_dump_json())


@pytest.mark.parametrize(
    "end",
    [
        SECRET,
        Permanent(f"no {SECRET}", code="no"),
        NotApplied(f"not yet {SECRET}"),
        NotApplied(f"not yet {SECRET}", retry_after_s=500),
        Ambiguous(f"who knows {SECRET}"),
        KeyError(SECRET),
        ExceptionGroup(SECRET, [ValueError(SECRET)]),
    ],
)
@pytest.mark.parametrize("verdict", ["applied", KeyError(SECRET)])
async def test_execute_is_silent(end: Any, verdict: Any) -> None:
    world = World(ANSWER)
    await world.classify(TASK)
    handler = AskingHandler(end, verdicts=[verdict])

    async def noisy(params: Any, ctx: Any) -> Any:
        ctx.log(f"posting {params.summary}", payload=params.summary, outcome=f"said {params.summary}")
        ctx.log("posting", task_id=f"x {SECRET}", email=SECRET)
        return await handler.handle(params, ctx)

    from shared.errors import Retry
    from shared.serving.entry import Outcome, log_outcome, started

    for _ in range(3):
        try:
            outcome: Outcome = await world.execute("t1", _Module(noisy, handler.reconcile))
            log_outcome("execute-ticket-summary", outcome, started())
        except Retry as error:
            print(error.message, error.code)  # goes into the answer


class _Module:
    def __init__(self, handle: Any, reconcile: Any) -> None:
        self.handle, self.reconcile = handle, reconcile


async def test_executor_that_meets_a_broken_document_is_silent() -> None:
    world = World(ANSWER)
    await world.classify(TASK)
    world.store.put("tasks/t1", state=SECRET)
    composition.install(world.ports)
    serve = entry("ticket_summary")
    from starlette.applications import Starlette
    from starlette.routing import Route

    app = Starlette(routes=[Route("/", serve, methods=["POST"])])
    pointer = base64.b64encode(b'{"task_id":"t1","generation":1,"schema_version":1}').decode()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://f") as http:
        answer = await http.post("/", json={"message": {"messageId": "m", "data": pointer}})
    assert (answer.status_code, SECRET in answer.text) == (500, False)


@pytest.mark.parametrize(
    "edit",
    [
        {"status": "approved"},
        {"status": SECRET},
        {"status": "approved", "parameters": {"summary": 7, SECRET: SECRET}},
        {"status": "approved", "intent": SECRET},
        {"status": "rejected", "comment": SECRET},
    ],
)
async def test_resume_is_silent(edit: dict[str, Any]) -> None:
    from google.events.cloud.firestore_v1 import DocumentEventData

    world = World(ANSWER | {"confidence": 0.1})
    await world.classify(TASK)
    await world.edit("t1", **edit)
    composition.install(world.ports)
    app = deployed(resume, "resume")
    headers = {"ce-document": "approvals/t1", "ce-authid": "kay@example.com", "content-type": "application/protobuf"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://f") as http:
        answer = await http.post("/", content=DocumentEventData.serialize(DocumentEventData()), headers=headers)
    assert (answer.status_code, SECRET in answer.text) == (200, False)


async def test_sweep_is_silent() -> None:
    world = World(ANSWER | {"confidence": 0.1})
    await world.classify(TASK)
    await world.classify(ticket(SECRET, task_id="t2"))
    world.store.put("tasks/t2", intent=7, payload=SECRET)
    world.pass_time(hours=71)
    composition.install(world.ports)
    app = deployed(sweep, "sweep")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://f") as http:
        answer = await http.post("/")
    assert answer.json() == {"reminded": 1, "unreadable": 1}


async def test_failing_publish_is_silent() -> None:
    world = World(ANSWER)
    world.publisher.broken = True
    await push(classify, "classify", world, TASK.model_dump_json())
    await world.execute("t1", ScriptedHandler(SECRET))
