"""The policy of today, as it is told."""

from __future__ import annotations

import httpx

from shared.intent.registry import discover
from tests.contract.console.api.calls import serve
from tests.world import World


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
        "certification": "off",
        "certificate": None,
        "local_certificate": None,
        "breakers": {},
        "drift": None,
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
