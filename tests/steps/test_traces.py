"""A task's way as spans: each part of the one before, a wait as a link, and nothing of what anybody wrote."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

import functions.classify.main as classify
import functions.deadletter.main as deadletter
import functions.execute.main as execute
import functions.intake.main as intake
from functions.resume.step import resume
from shared import tracing
from shared.canonical import sha256_hex
from shared.intent.outcomes import NotApplied
from shared.records.documents import task_path
from shared.records.edits import Edit
from shared.records.letters import redrive_letter
from shared.records.parking import park
from shared.serving.push import delivered
from shared.task.moves import Person
from shared.wiring import composition
from tests.scripted import ScriptedHandler
from tests.spans import Kept, traced
from tests.world import ORDER_STATUS, REFUND, World, deployed, ticket

TRACE, SOURCE = "ab" * 16, "cd" * 8
APPS = {"intake": deployed(intake, "intake"), "classify": deployed(classify, "classify")}
APPS |= {"deadletter": deployed(deadletter, "deadletter"), "execute": deployed(execute, "execute")}


@pytest.fixture
async def kept() -> AsyncIterator[Kept]:
    with traced() as kept:
        yield kept
    composition.install(None)


class Served:
    """A world behind the functions' own entry points."""

    def __init__(self, case: Any, handler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.task = case[0]
        self.world = World(case[1], automatic={"refund_request": 5000})
        composition.install(self.world.ports)
        monkeypatch.setenv("INTENT", case[1]["intent"])
        monkeypatch.setattr(execute, "load_handler", lambda name: handler)

    async def accept(self, **headers: str) -> None:
        body = self.task.model_dump(mode="json")
        assert (await self._post("intake", body, headers)).status_code == 202

    async def deliver(self, function: str, message: int = -1, attempt: int = 1) -> int:
        """Push a message that was published to a function; return the status."""
        _, data, attributes = self.world.publisher.messages[message]
        pushed = {
            "messageId": f"m{message % len(self.world.publisher.messages)}",
            "data": base64.b64encode(data).decode(),
            "attributes": attributes,
            "publishTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        envelope = {"message": pushed, "subscription": "projects/p/subscriptions/s", "deliveryAttempt": attempt}
        return (await self._post(function, envelope, {})).status_code

    async def _post(self, function: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(APPS[function]), base_url="http://127.0.0.1"
        ) as http:
            return await http.post("/", json=body, headers=headers)


async def test_a_task_is_one_trace_from_its_source_to_its_result(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(ORDER_STATUS, ScriptedHandler("Sent on Monday"), monkeypatch)
    await served.accept(traceparent=f"00-{TRACE}-{SOURCE}-01")
    await served.deliver("classify")
    await served.deliver("execute")
    assert kept.tree() == {
        ("", "intake"),
        ("intake", "publish tasks"),
        ("publish tasks", "classify"),
        ("classify", "commit"),
        ("classify", "publish intent-order-status"),
        ("publish intent-order-status", "execute-order-status"),
        ("execute-order-status", "commit"),
        ("execute-order-status", "handle order_status"),
        ("execute-order-status", "publish results"),
    }
    spans = kept.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in spans} == {TRACE}
    assert f"{kept.one('intake').parent.span_id:016x}" == SOURCE  # type: ignore[union-attr]
    record = await served.world.record("t1")
    assert (record.state, record.trace_id) == ("SUCCEEDED", TRACE)
    said = kept.one("execute-order-status").attributes or {}
    assert (said["switchyard.task.id"], said["switchyard.task.state"]) == ("t1", "SUCCEEDED")
    commits = [dict(span.attributes or {}) for span in spans if span.name == "commit"]
    assert {commit["switchyard.task.id"] for commit in commits} == {"t1"}


async def test_messages_carry_their_span_as_googles_library_reads_it(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served(ORDER_STATUS, ScriptedHandler("Sent"), monkeypatch)
    await served.accept(**{"x-cloud-trace-context": f"{TRACE}/{int(SOURCE, 16)};o=1"})
    (_, _, attributes), publish = served.world.publisher.messages[0], kept.one("publish tasks").context
    assert attributes["googclient_traceparent"] == f"00-{TRACE}-{publish.span_id:016x}-01"
    assert attributes["trace_id"] == TRACE


async def test_a_source_without_a_trace_gets_the_one_that_is_traced(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served(ORDER_STATUS, ScriptedHandler("Sent"), monkeypatch)
    await served.accept()
    attributes = served.world.publisher.messages[0][2]
    assert attributes["trace_id"] == f"{kept.one('intake').context.trace_id:032x}"


async def test_each_delivery_is_a_span_of_its_own_below_the_same_message(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = Served(ORDER_STATUS, ScriptedHandler(NotApplied(code="busy", retry_after_s=5), "Sent"), monkeypatch)
    await served.accept()
    await served.deliver("classify")
    assert await served.deliver("execute", attempt=1) == 503
    served.world.pass_time(seconds=6)
    assert await served.deliver("execute", attempt=5) == 200  # three of them never reached the function
    tries = [span for span in kept.get_finished_spans() if span.name == "execute-order-status"]
    attempt = "messaging.gcp_pubsub.message.delivery_attempt"
    assert [dict(span.attributes or {})[attempt] for span in tries] == [1, 5]
    assert dict(tries[1].attributes or {})["switchyard.task.attempts"] == 2
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    (line,) = (line for line in lines if line["message"] == "succeeded")
    assert (line["attempt"], line["attempts"]) == (5, 2)
    assert [span.status.status_code.name for span in tries] == ["ERROR", "UNSET"]
    assert {span.parent.span_id for span in tries if span.parent} == {
        kept.one("publish intent-order-status").context.span_id
    }


async def test_a_decision_is_a_trace_of_its_own_that_links_to_the_pause(kept: Kept) -> None:
    world = World(REFUND[1])
    with tracing.entered("classify", "", kind="consumer"):
        await world.classify(REFUND[0])
    paused = kept.one("classify").context
    with tracing.entered("console", "", kind="server"):
        await world.decide("t1")
    decided = kept.one("console")
    assert decided.context.trace_id != paused.trace_id
    assert [(link.context.trace_id, link.context.span_id) for link in decided.links] == [
        (paused.trace_id, paused.span_id)
    ]
    *_, (topic, _, attributes) = world.publisher.messages
    assert topic == "intent-refund-request"
    assert tracing.trace_id_of(attributes["googclient_traceparent"]) == f"{decided.context.trace_id:032x}"
    longest_s = max((span.end_time - span.start_time) / 1e9 for span in kept.get_finished_spans())  # type: ignore[operator]
    assert longest_s < 60, "the wait is no span"


async def test_what_a_person_edits_in_the_database_goes_on_from_the_pause_and_our_own_writes_do_not(kept: Kept) -> None:
    world = World(REFUND[1])
    with tracing.entered("classify", "", kind="consumer"):
        await world.classify(REFUND[0])
    program = Person("run-classify@p.iam.gserviceaccount.com", "firestore", is_person=False)
    await resume(Edit("t1", program, None, await world.approval("t1")), world.ports)
    assert [span.name for span in kept.get_finished_spans()] == ["commit", "publish intent-refund-request", "classify"]
    echo = Edit("t1", Person("firestore-emulator@localhost", "firestore"), None, await world.approval("t1"))
    assert (await resume(echo, world.ports)).code == "nothing_to_do"  # an emulator says so of our own writes
    await world.edit("t1", status="approved")
    await world.resume("t1")
    (link,) = kept.one("resume").links
    assert link.context.span_id == kept.one("classify").context.span_id


async def test_what_the_sweep_owes_is_told_of_the_task_and_goes_on_from_it(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served(ORDER_STATUS, ScriptedHandler("Sent"), monkeypatch)
    await served.accept()
    await served.deliver("classify")
    served.world.pass_time(seconds=60)
    assert await served.world.sweep() == {"published": 1}
    swept = kept.one("sweep")
    assert dict(swept.attributes or {})["switchyard.task.id"] == "t1"
    assert [link.context.span_id for link in swept.links] == [kept.one("classify").context.span_id]


async def test_what_comes_of_a_redriven_letter_goes_on_from_the_message_that_it_was(kept: Kept) -> None:
    world, parent = World(ORDER_STATUS[1]), f"00-{TRACE}-{SOURCE}-01"
    at, attributes = world.store.now, {"googclient_traceparent": parent}
    await park(world.ports, delivered("m1", b"{", attributes, at, "tasks", 1), reason="r", task_id=None, outcome="o")
    letter_id = sha256_hex(b"tasks|m1")
    world.pass_time(days=20)
    with tracing.entered("console", "", kind="server"):
        await redrive_letter(world.ports, letter_id, Person("dev@localhost", "console"), reason="mended")
    console = kept.one("console")
    assert [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in console.links] == [
        (TRACE, SOURCE)
    ]
    assert tracing.trace_id_of(world.publisher.messages[-1][2]["googclient_traceparent"]) == (
        f"{console.context.trace_id:032x}"
    )


async def test_a_message_of_before_there_were_traces_is_read_as_ever(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served(ORDER_STATUS, ScriptedHandler("Sent"), monkeypatch)
    data = served.task.model_dump_json().encode()
    served.world.publisher.messages.append(("tasks", data, {"schema_version": "1", "trace_id": TRACE}))
    await served.deliver("classify")
    assert (await served.world.record("t1")).trace_id == TRACE
    assert kept.one("classify").parent is None


SECRETS = ("sesame", "kim@example.com", "#47384", "Baker", "4111111111111111")


async def test_no_span_holds_a_word_of_what_people_wrote(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = ticket(
        "sesame: send #47384 to Baker, 4111111111111111", email="kim@example.com", metadata={"a": "sesame"}
    )
    broken = ScriptedHandler(RuntimeError("sesame kim@example.com"), "sesame for kim@example.com")
    served = Served((hostile, ORDER_STATUS[1]), broken, monkeypatch)
    await served.accept(traceparent=f"00-{TRACE}-{SOURCE}-01", tracestate="who=sesame", baggage="who=kim@example.com")
    await served.deliver("classify")
    await served.deliver("execute")
    served.world.publisher.messages.append(("tasks", b'{"sesame": ', {"kim@example.com": "sesame"}))
    await served.deliver("classify")
    await served.deliver("deadletter")
    served.world.pass_time(days=1)
    await served.world.sweep()
    text = kept.text()
    assert served.world.store.all("dead_letters")
    assert json.dumps((await served.world.store.read(task_path("t1")))[0].data, default=str).count("sesame")
    assert len(kept.get_finished_spans()) > 12
    assert [word for word in SECRETS if word in text] == []
