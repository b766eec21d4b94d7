"""Audits and breakers through the API: listed, answered, armed again; of a blind audit nothing is told before."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.console.api.calls import code, serve
from tests.steps.test_audits import audited
from tests.steps.test_breakers import trip
from tests.world import World


async def test_audits_are_listed_until_they_are_answered(http: httpx.AsyncClient) -> None:
    serve(await audited())
    [listed] = (await http.get("/api/audits")).json()["audits"]
    assert (listed["task_id"], listed["intent"], listed["open"]) == ("t1", "order_status", True)
    answered = (await http.post("/api/audits/t1", json={"verdict": "wrong_intent", "intent": "cancel_order"})).json()
    assert (answered["verdict"], answered["said"], answered["answered_by"]) == (
        "wrong_intent",
        "cancel_order",
        "developer@localhost",
    )
    assert (await http.get("/api/audits")).json() == {"audits": []}
    assert code(await http.post("/api/audits/t1", json={"verdict": "right"})) == "already_answered"
    assert code(await http.post("/api/audits/t9", json={"verdict": "right"})) == "audit_not_found"


async def test_blind_audit_tells_what_ran_only_after_the_answer(http: httpx.AsyncClient) -> None:
    serve(await audited(blind=True))
    listed = await http.get("/api/audits")
    assert "order_status" not in listed.text
    assert listed.json()["audits"][0]["confidence"] is None
    assert (await http.post("/api/audits/t1", json={"intent": "order_status"})).json()["intent"] == "order_status"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/audits", 405),
        ("GET", "/api/audits/t1", 405),
        ("GET", "/api/audits/t1/more", 404),
        ("GET", "/api/audits?limit=2", 400),
        ("POST", "/api/breakers", 405),
        ("GET", "/api/breakers/order_status/rearm", 405),
        ("GET", "/api/breakers/order_status", 404),
    ],
)
async def test_other_ways_are_refused(http: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    serve(World())
    assert (await http.request(method, path)).status_code == status


async def test_breaker_is_listed_and_armed_again_with_a_reason(http: httpx.AsyncClient) -> None:
    world = serve(World())
    assert (await http.get("/api/breakers")).json() == {"breakers": {}}
    await trip(world, "order_status")
    assert (await http.get("/api/breakers")).json()["breakers"]["order_status"]["open"] is True
    assert list((await http.get("/api/policy")).json()["breakers"]) == ["order_status"]
    path = "/api/breakers/order_status/rearm"
    assert (await http.post(path, json={})).status_code == 422
    assert (await http.post(path, json={"reason": "mended"})).json()["open"] is False
    assert code(await http.post(path, json={"reason": "mended"})) == "not_open"
    assert code(await http.post("/api/breakers/make_tea/rearm", json={"reason": "mended"})) == "intent_not_found"
    assert (await http.get("/api/policy")).json()["breakers"] == {}
