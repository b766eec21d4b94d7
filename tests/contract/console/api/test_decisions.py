"""Decisions: approve, reject, edit, and those that do not hold."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.task.schemas import AutomationTask
from tests.contract.console.api.calls import CHEAPER, code, decision, serve, shown
from tests.world import ORDER_STATUS, paused, says, ticket


async def test_decision_through_the_command_line_names_its_channel(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    http.headers["x-switchyard-client"] = "cli"
    await decision(http, world)
    record = await world.record("t1")
    assert record.approval is not None
    assert record.approval.channel == "cli"


@pytest.mark.parametrize(("said", "state"), [("approve", "READY"), ("reject", "REJECTED")])
async def test_decision_answers_with_the_record_and_names_who_decided(
    http: httpx.AsyncClient, said: str, state: str
) -> None:
    world = serve(await paused())
    answer = await decision(http, world, decision=said, comment="ok")
    assert (answer.status_code, answer.json()["state"]) == (200, state)
    record = await world.record("t1")
    assert record.approval is not None
    assert (record.approval.by, record.approval.channel, record.approval.comment) == (
        "developer@localhost",
        "console",
        "ok",
    )


async def test_edited_decision_is_a_new_generation(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    answer = (await decision(http, world, parameters=CHEAPER)).json()
    assert (answer["state"], answer["generation"], answer["parameters"]) == ("READY", 2, CHEAPER)


async def test_edit_asks_anew_and_is_decided_as_it_is_then(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    before = await shown(world)
    edited = (await decision(http, world, decision="edit", parameters=CHEAPER)).json()
    assert (edited["state"], edited["generation"], edited["parameters"]) == ("AWAITING_APPROVAL", 2, CHEAPER)
    assert (edited["review"]["edited_by"], edited["approval"]) == ("developer@localhost", None)
    stale = await decision(http, world, **before)
    assert (stale.status_code, code(stale)) == (409, "params_changed")
    approved = (await decision(http, world)).json()
    assert (approved["state"], approved["parameters"]) == ("READY", CHEAPER)


async def test_edit_that_does_not_hold_yet_is_kept_as_a_draft(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    draft = {"order_id": "#10021", "amount_minor": 100}
    edited = (await decision(http, world, decision="edit", parameters=draft)).json()
    assert (edited["state"], edited["parameters"], edited["review"]["draft"]) == ("AWAITING_APPROVAL", {}, draft)
    assert (await world.approval("t1"))["parameters"] == draft
    refused = await decision(http, world)
    assert (refused.status_code, code(refused)) == (422, "parameters_invalid")


async def test_decided_expired_or_changed_is_a_conflict(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    assert code(await decision(http, world, params_hash="0" * 64)) == "params_changed"
    await decision(http, world)
    again = await decision(http, world)
    assert (again.status_code, code(again)) == (409, "not_waiting")
    world = serve(await paused())
    world.pass_time(hours=72)
    late = await decision(http, world)
    assert (late.status_code, code(late)) == (409, "expired")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"decision": "approve"}, "invalid_body"),
        ({"decision": "yes"}, "invalid_body"),
        ({"decision": None}, "invalid_body"),
        ({"params_hash": 7}, "invalid_body"),
        ({"generation": 0}, "invalid_body"),
        ({"generation": "1"}, "invalid_body"),
        ({"generation": None}, "invalid_body"),
        ({"params_hash": None}, "invalid_body"),
        ({"params_hash": "0" * 65}, "invalid_body"),
        ({"by": "ceo@example.com"}, "invalid_body"),
        ({"comment": "x" * 1001}, "invalid_body"),
        ({"parameters": []}, "invalid_body"),
        ({"parameters": {}}, "parameters_invalid"),
        ({"parameters": {"order_id": "#1", "amount_minor": 0, "currency": "USD"}}, "parameters_invalid"),
        ({"intent": "give_money"}, "unprocessable"),
    ],
)
async def test_decision_that_does_not_hold_is_unprocessable(
    http: httpx.AsyncClient, body: dict[str, Any], expected: str
) -> None:
    world = serve(await paused())
    whole = {"decision": "approve"} | await shown(world) | body
    if body == {"decision": "approve"}:
        whole = body
    answer = await http.post("/api/approvals/t1", json=whole)
    assert (answer.status_code, code(answer)) == (422, expected)
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_unclassified_task_is_given_an_intent(http: httpx.AsyncClient) -> None:
    world = serve(await paused((ticket("Where is #47384?"), says("out_of_scope"))))
    assert (await decision(http, world)).json()["error"]["field"] == "/intent"
    answer = await decision(http, world, intent="order_status", parameters={"order_id": "#47384"})
    assert (answer.status_code, answer.json()["intent"]) == (200, "order_status")


async def test_decision_may_say_whose_request_it_is(http: httpx.AsyncClient) -> None:
    nobody = AutomationTask(task_id="t1", source="slack", raw_payload={"event": {"text": "Where is my order #47384?"}})
    world = serve(await paused((nobody, ORDER_STATUS[1])))
    refused = await decision(http, world)
    assert (refused.status_code, code(refused)) == (422, "requester_unknown")
    assert refused.json()["error"]["field"] == "/requester_email"
    done = await decision(http, world, requester_email="kim@example.com")
    assert done.json()["requester"] == {
        "email": "kim@example.com",
        "id": "",
        "name": "",
        "vouched_by": "developer@localhost",
        "key": "",
    }
    assert (await world.record("t1")).state == "READY"


@pytest.mark.parametrize("cause", [None, "wrong_intent", "not_wanted", "duplicate", "other"])
async def test_rejection_says_what_it_says_of_the_suggestion(http: httpx.AsyncClient, cause: str | None) -> None:
    world = serve(await paused())
    answer = await decision(http, world, decision="reject", **({"cause": cause} if cause else {}))
    assert answer.json()["approval"]["cause"] == (cause or "other")
    label = await world.label()
    assert label is not None
    assert label.verdict == (cause or "other")


@pytest.mark.parametrize("body", [{"decision": "reject", "cause": "fraud"}, {"decision": "approve", "cause": "other"}])
async def test_cause_that_is_none_of_ours_or_of_no_rejection_is_refused(
    http: httpx.AsyncClient, body: dict[str, str]
) -> None:
    world = serve(await paused())
    answer = await decision(http, world, **body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "/cause")
    assert ((await world.record("t1")).state, await world.label()) == ("AWAITING_APPROVAL", None)


async def test_approval_that_is_held_is_undone(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    held = (await decision(http, world, undoable=True)).json()
    assert (held["state"], bool(held["exec"]["not_before"])) == ("READY", True)
    undone = await http.post("/api/tasks/t1/undo", json=await shown(world))
    assert (undone.status_code, undone.json()["state"]) == (200, "AWAITING_APPROVAL")
    again = await http.post("/api/tasks/t1/undo", json=await shown(world))
    assert (again.status_code, code(again)) == (409, "already_begun")
    assert "waits for a decision" in again.json()["error"]["message"]
    at_once = (await decision(http, world)).json()
    assert at_once["exec"]["not_before"] is None
