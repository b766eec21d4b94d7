"""Who asks: other sites, requesters, people who are no approvers, forged identities, programs."""

from __future__ import annotations

import httpx
import pytest

from functions.console import identity
from shared.task.schemas import AutomationTask
from tests.contract.console.api.calls import CHEAPER, code, decision, repair, serve, shown
from tests.world import ORDER_STATUS, paused


async def test_post_of_another_site_or_with_a_query_does_nothing(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    body = {"decision": "approve"} | await shown(world)
    foreign = await http.post("/api/approvals/t1", json=body, headers={"origin": "https://evil.example"})
    assert (foreign.status_code, code(foreign)) == (403, "cross_site")
    assert code(await http.post("/api/approvals/t1?dry_run=true", json=body)) == "bad_query"
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


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
