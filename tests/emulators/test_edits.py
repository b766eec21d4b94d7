"""Approvals edited field by field on Google's emulator, as the Firestore console does, and the events of the edits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from google.cloud.firestore import AsyncClient, GeoPoint

from functions.notify.step import notify
from functions.resume.step import read_event, resume
from infra.emulators.approvals import AUTHOR, ApprovalWatcher
from shared.serving.entry import Outcome
from shared.settings import Webhook
from shared.wiring.adapters.firestore import FirestoreStore
from shared.wiring.ports import ABSENT, Write
from tests.chat import serving
from tests.contract.document_events_contract import APPROVAL
from tests.scripted import ScriptedHandler
from tests.world import REFUND, World

WAIT_S = 20


class Planner(ScriptedHandler):
    """Says what would happen."""

    async def plan(self, params: Any, ctx: Any) -> str:
        return f"Refund {params.amount_minor}"


class Console:
    """A person in the database's console, and what Eventarc makes of it."""

    def __init__(self, project: str, world: World) -> None:
        self.world = world
        self._client = AsyncClient(project=project)
        self._events: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self._project = project
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        async with aclosing(ApprovalWatcher(self._project).events()) as events:
            async for event in events:
                await self._events.put(event)

    async def sets(self, fields: dict[str, Any]) -> None:
        """Change fields by their paths, and nothing else of the document."""
        await self._client.document("approvals/t1").update(fields, timeout=WAIT_S)

    async def event(self) -> Outcome:
        """Hand the next event of the approval to the step."""
        async with asyncio.timeout(WAIT_S):
            headers, body = await self._events.get()
            while headers["ce-document"] != "approvals/t1":
                headers, body = await self._events.get()
        assert headers["ce-authid"] == AUTHOR
        return await resume(read_event(headers | {"ce-authid": "kay@example.com"}, body), self.world.ports)

    async def close(self) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        await self._client._firestore_api.transport.close()


@pytest.fixture
async def console(project: str) -> AsyncIterator[Console]:
    """Return the console of a database in which a refund waits."""
    world: Any = World(REFUND[1])
    world.store = world.ports.store = FirestoreStore(project)
    await world.store.commit(Write("approvals/first", APPROVAL, ABSENT))
    console = Console(project, world)
    async with asyncio.timeout(WAIT_S):  # the listener is up once it has told of what was there before it
        await console._events.get()
    await world.classify(REFUND[0])
    assert (await console.event()).code == "nothing_to_do"
    yield console
    await console.close()
    await world.store.close()


@pytest.mark.parametrize(("status", "state"), [("approved", "READY"), ("rejected", "REJECTED")])
async def test_status_set_in_the_console_decides_with_the_author_of_the_event(
    console: Console, status: str, state: str
) -> None:
    await console.sets({"status": status, "comment": "seen"})
    assert (await console.event()).code == "decided"
    record, approval = await console.world.record("t1"), await console.world.approval("t1")
    assert record.approval is not None
    assert (record.state, record.approval.by, record.approval.channel) == (state, "kay@example.com", "firestore")
    assert (approval["decided_by"], approval["outcome"], approval["comment"]) == ("kay@example.com", state, "seen")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": "yes"}, "bad_status"),
        ({"status": GeoPoint(1, 2)}, "bad_status"),
        ({"status": "approved", "parameters.amount_minor": "ten"}, "parameters_invalid"),
        ({"status": "approved", "parameters.amount_minor": 10.0}, "parameters_invalid"),
        ({"status": "approved", "parameters": b"\xff"}, "bad_edit"),
        ({"status": "approved", "intent": {"a": 1}}, "bad_edit"),
        ({"status": "approved", "params_hash": "0"}, "params_changed"),
        ({"status": "approved", "requester_email": GeoPoint(1, 2)}, "bad_requester"),
        ({"status": "approved", "reasons": [], "confidence": 1.0}, "immutable_field"),
        ({"status": "rejected", "decided_by": "ceo@example.com"}, "immutable_field"),
        ({"status": "approved", "plan": "Refund nothing"}, "immutable_field"),
    ],
)
async def test_edit_that_does_not_hold_is_answered_where_it_was_made(
    console: Console, fields: dict[str, Any], code: str
) -> None:
    shown = await console.world.approval("t1")
    await console.sets(fields)
    assert (await console.event()).fields["error_code"] == code
    approval = await console.world.approval("t1")
    audit = {"error", "refusals"}
    assert approval["error"].startswith(f"{code}: ")
    assert [(r["by"], r["code"]) for r in approval["refusals"]] == [("kay@example.com", code)]
    assert {k: v for k, v in approval.items() if k not in audit} == {k: v for k, v in shown.items() if k not in audit}
    assert (await console.world.record("t1")).state == "AWAITING_APPROVAL"
    assert (await console.event()).code == "nothing_to_do"  # of our own writing
    await console.sets({"status": "approved"})
    assert (await console.event()).code == "decided"


async def test_edit_is_asked_anew_and_gets_a_plan_of_its_own(console: Console) -> None:
    await console.sets({"parameters.amount_minor": 1000})
    assert (await console.event()).code == "edited"
    assert (await console.event()).code == "nothing_to_do"  # of our own writing
    assert (await console.world.execute("t1", Planner())).code == "previewed"
    assert (await console.event()).code == "nothing_to_do"
    approval = await console.world.approval("t1")
    assert (approval["parameters"]["amount_minor"], approval["plan"]) == (1000, "Refund 1000")
    assert (approval["edited_by"], approval["generation"]) == ("kay@example.com", 2)
    await console.sets({"status": "approved"})
    assert (await console.event()).code == "decided"
    record, approval = await console.world.record("t1"), await console.world.approval("t1")
    assert (record.generation, record.parameters["amount_minor"], approval["plan"]) == (2, 1000, "Refund 1000")


@pytest.mark.parametrize("odd", [GeoPoint(1, 2), b"\x00"], ids=["place", "bytes"])
async def test_preview_changes_nothing_of_a_document_with_types_that_we_do_not_write(
    console: Console, odd: Any
) -> None:
    await console.sets({"note": odd})
    before = await console.world.approval("t1")
    assert (await console.world.execute("t1", Planner())).code == "preview_lost"
    assert await console.world.approval("t1") == before


async def test_people_are_told_from_the_real_database(console: Console) -> None:
    async with serving() as chat:
        console.world.set(notify_webhook=Webhook("slack", f"{chat.url}/services/main"))
        ends = [(await notify(console.world.ports)).body for _ in range(2)]
        assert ends == [{"main": "told"}, {"main": "nothing_new"}]
        assert chat.said == "Switchyard: 1 task waits for a decision"
