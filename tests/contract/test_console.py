"""The console's JSON API through the app that is deployed: look, decide, repair; GET shows, only POST changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

import functions.console.main as console
from functions.console import identity
from functions.console.search import COUNT_UP_TO
from shared.errors import StoreUnavailable
from shared.event.tally import Kind
from shared.intent.outcomes import Ambiguous, Permanent
from shared.intent.registry import discover
from shared.records.ignored import add, told
from shared.records.tombstones import entomb
from shared.task.schemas import AutomationTask
from shared.wiring import composition
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, SUMMARY, World, deployed, paused, says, started, ticket

APP = deployed(console, "console")
CHEAPER = {"order_id": "#10021", "amount_minor": 100, "currency": "USD"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(APP)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
    composition.install(None)


def serve(world: World) -> World:
    composition.install(world.ports)
    return world


async def shown(world: World, task_id: str = "t1") -> dict[str, Any]:
    """What somebody sees of a task now, as every door asks for it."""
    record = await world.record(task_id)
    return {"generation": record.generation, "params_hash": record.params_hash}


async def decision(http: httpx.AsyncClient, world: World, **body: Any) -> httpx.Response:
    return await http.post("/api/approvals/t1", json={"decision": "approve"} | await shown(world) | body)


async def repair(http: httpx.AsyncClient, world: World, action: str, **body: Any) -> httpx.Response:
    return await http.post(f"/api/tasks/t1/{action}", json={"reason": "looked"} | await shown(world) | body)


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


# --- look


async def test_task_is_shown_as_it_stands_in_the_store(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    answer = await http.get("/api/tasks/t1")
    assert answer.status_code == 200
    assert answer.json() == (await world.record("t1")).model_dump(mode="json")


async def test_removed_task_is_gone_and_says_when_it_ended(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    await world.decide("t1", "reject")
    look = await shown(world)
    await entomb(world.ports, "t1")
    answer = await http.get("/api/tasks/t1")
    assert (answer.status_code, code(answer)) == (410, "task_removed")
    assert answer.json()["error"]["message"].startswith("the task ended REJECTED on 2026-01-05")
    assert (await http.get("/api/tasks")).json()["tasks"] == []
    for action in ("redrive", "cancel", "settle"):
        body = look | {"reason": "again", "verdict": "applied"}
        assert code(await http.post(f"/api/tasks/t1/{action}", json=body)) == "task_removed"
    assert code(await http.post("/api/approvals/t1", json=look | {"decision": "approve"})) == "task_removed"


@pytest.mark.parametrize("path", ["/api/tasks/t9", "/api/nothing", "/nowhere", "/api/tasks/..%2Ft1", "/api/tasks/a/b"])
async def test_what_is_not_there_is_not_found(http: httpx.AsyncClient, path: str) -> None:
    serve(World())
    assert (await http.get(path)).status_code == 404


async def test_tasks_are_listed_newest_first_by_state_and_intent_in_pages(http: httpx.AsyncClient) -> None:
    world = serve(World(ORDER_STATUS[1]))
    for n in range(5):
        await world.classify(ticket("Where is my order #47384?", task_id=f"t{n}"))
        world.pass_time(seconds=1)
    world.model.answers = [REFUND[1]]
    await world.classify(ticket(REFUND[0].raw_payload["text"], task_id="r1"))

    async def ids(**query: Any) -> list[str]:
        return [t["task_id"] for t in (await http.get("/api/tasks", params=query)).json()["tasks"]]

    assert await ids() == ["r1", "t4", "t3", "t2", "t1", "t0"]
    assert await ids(state="AWAITING_APPROVAL") == ["r1"]
    assert await ids(intent="order_status", limit=2) == ["t4", "t3"]
    found, token = [], None
    for _ in range(4):
        page = (await http.get("/api/tasks", params={"limit": 2} | ({"page_token": token} if token else {}))).json()
        found += [t["task_id"] for t in page["tasks"]]
        token = page["next_page_token"]
        if token is None:
            break
    assert found == await ids()


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1e3",
        "limit=0001999999",
        "limit=%D9%A5",
        "state=DONE",
        "page_token=x",
        "page_token=",
        "page_token=bm90IG91cnM",
        "page_token=%00%ff",
        "page_token=MjAyNi0wMS0wNVQwOTowMDowMHx0YXNrcy90MQ==",
        "page_token=MjAyNi0wMS0wNVQwOTowMDowMCswMDowMHx0YXNrcy9hL2I=",
        "page_token=MjAyNi0wMS0wNVQwOTowMDowMCswMDowMHx0YXNrcy9hL3JlZHJpdmU=",
    ],
)
async def test_query_that_cannot_be_answered_is_refused(http: httpx.AsyncClient, query: str) -> None:
    serve(World())
    answer = await http.get(f"/api/tasks?{query}")
    assert (answer.status_code, code(answer)) == (400, "bad_query")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/approvals/t1"),
        ("GET", "/api/tasks/t1/redrive"),
        ("GET", "/api/tasks/t1/cancel"),
        ("GET", "/api/tasks/t1/settle"),
        ("POST", "/api/tasks/t1"),
        ("POST", "/api/tasks"),
        ("DELETE", "/api/tasks/t1"),
        ("PUT", "/api/approvals/t1"),
    ],
)
async def test_only_post_changes_and_only_get_shows(http: httpx.AsyncClient, method: str, path: str) -> None:
    world = serve(await paused())
    before = await world.record("t1")
    assert (await http.request(method, path)).status_code == 405
    assert await world.record("t1") == before


async def test_health_is_told() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://x") as http:
        serve(World())
        assert (await http.get("/healthz")).json() == {"status": "ok"}
    composition.install(None)


async def test_ignored_events_are_counted_by_day_source_kind_and_reason(http: httpx.AsyncClient) -> None:
    world, today = serve(World()), datetime.now(UTC).date()
    for days_ago, count in enumerate((3, 5)):
        day = (today - timedelta(days=days_ago)).isoformat()
        await add(world.store, told({Kind(day, "github", "issues.labeled", "no_words"): count}), f"m{days_ago}")
    days = (await http.get("/api/ignored")).json()["days"]
    same = {"source": "github", "kind": "issues.labeled", "reason": "no_words"}
    assert [day["counts"] for day in days] == [[same | {"count": 3}], [same | {"count": 5}], [], [], [], [], []]
    assert (days[0]["day"], (await http.post("/api/ignored")).status_code) == (today.isoformat(), 405)


async def letter(world: World, name: str, **fields: Any) -> str:
    """Park a dead letter of the topic of tasks, and return its id."""
    letter_id = world.bury(name, **({"outcome": "undecodable"} | fields))
    world.pass_time(seconds=1)
    return letter_id


async def test_tasks_are_found_by_source_and_time_in_both_orders(http: httpx.AsyncClient) -> None:
    world = serve(World(ORDER_STATUS[1]))
    for n in range(3):
        await world.classify(ticket("Where is my order #47384?", task_id=f"t{n}"))
        world.pass_time(hours=1)

    async def ids(**query: Any) -> list[str]:
        return [t["task_id"] for t in (await http.get("/api/tasks", params=query)).json()["tasks"]]

    assert await ids(order="oldest") == ["t0", "t1", "t2"]
    assert await ids(source="helpdesk", since="2026-01-05T09:30") == ["t2", "t1"]
    assert await ids(until="2026-01-05T09:30:00+00:00") == ["t0"]
    assert await ids(source="zendesk") == []
    assert await ids(since="2026-01-05", until="2026-01-05") == ["t2", "t1", "t0"]
    assert await ids(until="2026-01-04") == []
    for wrong in ({"order": "best"}, {"since": "soon"}, {"source": "a b"}, {"until": "2026-13-01"}):
        answer = await http.get("/api/tasks", params=wrong)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, *wrong)


async def test_dead_letters_are_listed_without_bytes_shown_with_them_and_seen_to(http: httpx.AsyncClient) -> None:
    world = serve(World())
    first, second = await letter(world, "first"), await letter(world, "second")
    listed = (await http.get("/api/dead-letters", params={"open": "true"})).json()["dead_letters"]
    assert [x["letter_id"] for x in listed] == [second, first]
    assert all("data" not in x for x in listed)
    assert (await http.get(f"/api/dead-letters/{first}")).json()["data"] == "e30="
    assert (await http.get("/api/counts")).json()["dead_letters"] == 2
    path = f"/api/dead-letters/{first}/redrive"
    assert (await http.post(path, json={"reason": "mended"})).json() == {"letter_id": first, "state": "sent"}
    assert code(await http.post(path, json={"reason": "mended"})) == "already_redriven"
    assert (await http.post(f"/api/dead-letters/{second}/close", json={"reason": "a test"})).json()["state"] == "closed"
    assert world.publisher.on("tasks") == [{}]
    assert (await http.get("/api/dead-letters", params={"open": "true"})).json()["dead_letters"] == []
    assert (await http.get(f"/api/dead-letters/{'0' * 64}")).status_code == 404
    assert (await http.post(f"/api/dead-letters/{first}/close", json={})).status_code == 422


async def test_verdict_about_a_letter_is_of_the_run_that_was_looked_at(http: httpx.AsyncClient) -> None:
    world = serve(await started(SUMMARY))
    await world.execute("t1", ScriptedHandler(Ambiguous()))
    path = f"/api/dead-letters/{await letter(world, 'unsure', task_id='t1')}/redrive"
    world.pass_time(minutes=1)
    body, task = {"reason": "looked", "verdict": "not_applied"}, await shown(world)
    blind = await http.post(path, json=body)
    assert (blind.status_code, blind.json()["error"]["field"]) == (422, "/generation")
    assert code(await http.post(path, json={"reason": "unsure", "task": task})) == "verdict_needed"
    assert code(await http.post(path, json=body | {"task": task | {"generation": 2}})) == "generation_changed"
    assert code(await http.post(path, json=body | {"task": task | {"params_hash": "0" * 64}})) == "params_changed"
    assert (await world.record("t1")).state == "UNKNOWN"
    assert (await http.post(path, json=body | {"task": task})).json()["state"] == "READY"


async def test_letter_of_no_task_is_of_none_whatever_tasks_are_called(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "DEVELOPER", "kim@example.com")
    task, answer = REFUND
    world = serve(World(answer))
    await world.classify(task.model_copy(update={"task_id": "none"}))
    path = f"/api/dead-letters/{await letter(world, 'lost')}/close"
    assert (await http.post(path, json={"reason": "a test"})).json()["state"] == "closed"


async def test_letter_is_closed_by_whoever_saw_its_task_as_it_is(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    path, before = f"/api/dead-letters/{await letter(world, 'old', task_id='t1')}/close", await shown(world)
    await world.decide("t1", parameters=CHEAPER)
    assert code(await http.post(path, json={"reason": "seen to", "task": before})) == "params_changed"
    assert world.store.all("dead_letters")[0]["redriven_at"] is None
    seen = await http.post(path, json={"reason": "seen to", "task": await shown(world)})
    assert seen.json()["state"] == "closed"


async def test_letters_are_seen_to_by_approvers_only(http: httpx.AsyncClient) -> None:
    world = serve(await paused(approvers={"*": frozenset({"lead@example.com"})}))
    for name, task_id in (("lost", None), ("known", "t1")):
        path = f"/api/dead-letters/{await letter(world, name, task_id=task_id)}"
        for action in ("redrive", "close") if task_id is None else ("close",):
            assert code(await http.post(f"{path}/{action}", json={"reason": "x"})) == "not_an_approver"
    assert {d["redriven_at"] for d in world.store.all("dead_letters")} == {None}


async def test_post_of_another_site_or_with_a_query_does_nothing(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    body = {"decision": "approve"} | await shown(world)
    foreign = await http.post("/api/approvals/t1", json=body, headers={"origin": "https://evil.example"})
    assert (foreign.status_code, code(foreign)) == (403, "cross_site")
    assert code(await http.post("/api/approvals/t1?dry_run=true", json=body)) == "bad_query"
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_policy_of_today_is_told_with_the_callers_identity(http: httpx.AsyncClient) -> None:
    serve(World(automatic={"refund_request": 5000}, approvers={"*": frozenset({"lead@example.com"})}))
    told = (await http.get("/api/policy")).json()
    intents = told.pop("intents")
    assert told == {
        "you": "developer@localhost",
        "confidence_threshold": 0.8,
        "automatic": {"refund_request": {"USD": 5000}},
        "disabled_intents": [],
        "switches": {},
        "approvers": {"*": ["lead@example.com"]},
    }
    assert intents["refund_request"] == {"risk": "money", "per_day": 3, "sources": None, "switched_off": False}
    assert intents.keys() == discover().keys()


async def test_policy_tells_which_switches_are_off(http: httpx.AsyncClient) -> None:
    world = serve(World())
    world.store.put("switches/cancel_order", enabled=False)
    world.store.put("switches/order_status", enabled=True)
    intents = (await http.get("/api/policy")).json()["intents"]
    assert [name for name, told in intents.items() if told["switched_off"]] == ["cancel_order"]


async def test_decision_through_the_command_line_names_its_channel(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    http.headers["x-switchyard-client"] = "cli"
    await decision(http, world)
    record = await world.record("t1")
    assert record.approval is not None
    assert record.approval.channel == "cli"


# --- decide


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


async def test_own_request_is_decided_by_somebody_else(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "DEVELOPER", "Kim+work@Example.com")
    world = serve(await paused())
    for said in ("approve", "reject", "edit"):
        answer = await decision(http, world, decision=said, parameters=CHEAPER)
        assert (answer.status_code, code(answer)) == (403, "own_request")
    assert code(await repair(http, world, "cancel")) == "own_request"
    await world.decide("t1", "reject")
    assert code(await repair(http, world, "redrive")) == "own_request"
    assert (await world.record("t1")).state == "REJECTED"


async def test_nobody_names_themselves_as_the_requester_of_what_they_approve(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "DEVELOPER", "kim@example.com")
    nobody = AutomationTask(task_id="t1", source="slack", raw_payload={"event": {"text": "Where is my order #47384?"}})
    world = serve(await paused((nobody, ORDER_STATUS[1])))
    answer = await decision(http, world, requester_email="Kim@EXAMPLE.com")
    assert (answer.status_code, code(answer)) == (403, "own_request")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


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


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b'{"decision":"approve"}', "text/plain", 415),
        (b"decision=approve", "application/x-www-form-urlencoded", 415),
        (b"{}", "", 415),
        (b"not json", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"a":1,"a":2}', "application/json", 400),
        (b'{"a":NaN}', "application/json", 400),
        (b'{"a":"\\ud800"}', "application/json", 400),
        (b"[" * 10_000, "application/json; charset=utf-8", 400),
        (b'{"a":"' + b"x" * 300_000 + b'"}', "application/json", 413),
    ],
)
async def test_body_that_is_no_json_object_is_refused(
    http: httpx.AsyncClient, content: bytes, content_type: str, status: int
) -> None:
    world = serve(await paused())
    headers = {"content-type": content_type} if content_type else {}
    answer = await http.post("/api/approvals/t1", content=content, headers=headers)
    assert answer.status_code == status
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_who_may_not_decide_is_forbidden(http: httpx.AsyncClient) -> None:
    world = serve(await paused(approvers={"*": frozenset({"lead@example.com"})}))
    answer = await decision(http, world)
    assert (answer.status_code, code(answer)) == (403, "not_an_approver")


async def test_forged_identity_headers_are_not_looked_at(http: httpx.AsyncClient) -> None:
    serve(await paused(backend="gcp", iap_audience="/projects/1/x"))
    headers = {"x-goog-authenticated-user-email": "accounts.google.com:ceo@example.com"}
    for forged in (headers, headers | {"x-goog-iap-jwt-assertion": "a.b.c"}):
        answer = await http.get("/api/tasks/t1", headers=forged)
        assert (answer.status_code, code(answer)) == (401, "unauthenticated")


async def test_local_console_answers_no_page_that_was_made_to_resolve_here(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/tasks", headers={"host": "attacker.example:8081"})
    assert (answer.status_code, code(answer)) == (403, "forbidden")


async def test_program_behind_the_proxy_decides_only_where_it_is_named(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = "robot@project.iam.gserviceaccount.com"
    monkeypatch.setattr(identity, "verify_assertion", lambda *_: {"email": f"accounts.google.com:{robot}"})
    world = serve(await paused(backend="gcp", iap_audience="/projects/1/x"))
    for client in ("", "cli"):
        http.headers["x-switchyard-client"] = client
        for answer in (await decision(http, world), await repair(http, world, "cancel")):
            assert (answer.status_code, code(answer)) == (403, "not_a_person")
    world.set(approvers={"refund_request": frozenset({robot})})
    assert (await decision(http, world)).json()["approval"]["by"] == robot


async def test_cloud_console_without_an_audience_answers_nobody(http: httpx.AsyncClient) -> None:
    serve(await paused(backend="gcp"))
    assert (await http.get("/api/tasks/t1")).status_code == 503


async def test_store_that_is_down_is_told_as_transient(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    world.network.fail_next = [StoreUnavailable("down")]
    assert (await decision(http, world)).status_code == 503
    assert (await decision(http, world)).status_code == 200


# --- repair


async def test_failed_task_is_redriven_with_a_reason(http: httpx.AsyncClient) -> None:
    world = serve(await started(SUMMARY))
    await world.execute("t1", ScriptedHandler(Permanent("no", code="no")))
    for body in ({"reason": None}, {"reason": ""}, {"reason": "x" * 301}, {"generation": None}, {"params_hash": None}):
        assert (await repair(http, world, "redrive", **body)).status_code == 422
    for other, expected in (({"generation": 2}, "generation_changed"), ({"params_hash": "0" * 64}, "params_changed")):
        refused = await repair(http, world, "redrive", **other)
        assert (refused.status_code, code(refused)) == (409, expected)
    answer = await repair(http, world, "redrive", reason="token renewed")
    record = await world.record("t1")
    assert (answer.status_code, record.state, record.generation) == (200, "READY", 2)
    assert (record.history[-1].by, record.history[-1].why) == ("developer@localhost", "token renewed")


async def test_unknown_effect_needs_the_verdict(http: httpx.AsyncClient) -> None:
    world = serve(await started(SUMMARY))
    await world.execute("t1", ScriptedHandler(Ambiguous()))
    blind = await repair(http, world, "redrive")
    assert (blind.status_code, code(blind)) == (409, "verdict_needed")
    cancelled = await repair(http, world, "cancel")
    assert (cancelled.status_code, code(cancelled)) == (409, "possibly_applied")
    nothing_said = await repair(http, world, "settle")
    assert (nothing_said.status_code, nothing_said.json()["error"]["field"]) == (422, "/verdict")
    early = await repair(http, world, "settle", verdict="not_applied")
    assert (early.status_code, code(early)) == (409, "too_early")
    world.pass_time(minutes=1)
    other = await repair(http, world, "settle", verdict="not_applied", generation=2)
    assert (other.status_code, code(other)) == (409, "generation_changed")
    for looked_at in (1, "yesterday", "2026-01-05T09:00:00"):
        answer = await repair(http, world, "settle", verdict="not_applied", looked_at=looked_at)
        assert (code(answer), answer.json()["error"]["field"]) == ("invalid_body", "/looked_at")
    was_unknown_at = (await world.record("t1")).updated_at.isoformat()
    late = await repair(http, world, "settle", verdict="not_applied", looked_at=was_unknown_at)
    assert (late.status_code, code(late)) == (409, "too_early")
    settled = await repair(http, world, "settle", verdict="not_applied")
    assert (settled.status_code, settled.json()["state"]) == (200, "FAILED")


async def test_waiting_task_is_cancelled(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    moved_on = await repair(http, world, "cancel", generation=2)
    assert (moved_on.status_code, code(moved_on)) == (409, "generation_changed")
    assert (await repair(http, world, "cancel")).json()["state"] == "CANCELLED"
    again = await repair(http, world, "cancel")
    assert (again.status_code, code(again)) == (409, "already_done")
    assert (await world.approval("t1"))["outcome"] == "CANCELLED"


async def test_rejected_task_runs_for_whoever_looks_at_it_alone_and_is_asked_again_out_of_a_list(
    http: httpx.AsyncClient,
) -> None:
    for alone, state in ((False, "AWAITING_APPROVAL"), (True, "READY")):
        world = serve(await paused())
        await world.decide("t1", "reject")
        redriven = (await repair(http, world, "redrive", alone=alone)).json()
        assert (redriven["state"], redriven["generation"], bool(redriven["approval"])) == (state, 2, alone)
        assert (await world.approval("t1"))["status"] == ("approved" if alone else "pending")


async def test_unclassified_task_is_given_an_intent(http: httpx.AsyncClient) -> None:
    world = serve(await paused((ticket("Where is #47384?"), says("out_of_scope"))))
    assert (await decision(http, world)).json()["error"]["field"] == "/intent"
    answer = await decision(http, world, intent="order_status", parameters={"order_id": "#47384"})
    assert (answer.status_code, answer.json()["intent"]) == (200, "order_status")


async def test_answers_and_log_lines_repeat_no_input(
    http: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    world = serve(await paused())
    secret = "sesame-4711"
    for body in (
        {"decision": secret},
        {"params_hash": secret},
        {"intent": secret},
        {"parameters": {"order_id": secret}},
        {"comment": secret},
    ):
        answer = await decision(http, world, **body)
        if answer.status_code != 200:
            assert secret not in answer.text
    assert (await world.record("t1")).state == "READY"
    captured = capsys.readouterr()
    assert secret not in captured.out + captured.err
    assert [json.loads(line)["message"] for line in captured.out.splitlines()][-1] == "approve_done"


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


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/api/tasks", "state, intent, source, since, until, order, limit, page_token"),
        ("/api/dead-letters", "open, limit, page_token"),
        ("/api/counts", ""),
        ("/api/ignored", ""),
        ("/api/policy", ""),
        ("/api/tasks/t1", ""),
        (f"/api/dead-letters/{'0' * 64}", ""),
        ("/healthz", ""),
        ("/openapi.json", ""),
    ],
)
async def test_a_name_that_no_list_knows_is_refused(http: httpx.AsyncClient, path: str, known: str) -> None:
    """Whoever misspells a filter must not take everything for what they asked for."""
    serve(await paused())
    for name in ("requester", "sate", "page-token"):
        answer = await http.get(path, params={name: "x"})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["field"]) == (400, "bad_query", name)
        assert error["message"].startswith(
            f"{name} is unknown; " + (f"known here: {known}" if known else "nothing can")
        )
    for name in known.split(", ") if known else ():
        twice = await http.get(path, params=[(name, "1"), (name, "2")])
        assert (twice.status_code, twice.json()["error"]["field"]) == (400, name)
        assert "twice" in twice.json()["error"]["message"]


async def test_counts_say_where_they_stop(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    record = (await world.record("t1")).model_dump()
    for n in range(COUNT_UP_TO + 5):
        world.store.put(f"tasks/f{n}", **record | {"state": "FAILED"})
    counts = (await http.get("/api/counts")).json()
    assert counts == {
        "AWAITING_APPROVAL": 1, "UNKNOWN": 0, "FAILED": COUNT_UP_TO, "dead_letters": 0, "up_to": COUNT_UP_TO
    }  # fmt: skip
