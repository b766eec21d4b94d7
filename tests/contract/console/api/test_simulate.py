"""`POST /api/policy/simulate`: other settings on the newest tasks, for programs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from functions.console.whatif_recent import AT_ONCE
from tests.contract.console.api.calls import serve
from tests.world import ORDER_STATUS, World, paused, ticket


async def tried(http: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await http.post("/api/policy/simulate", json=body)


async def test_settings_that_are_left_out_stay_as_they_are_today(http: httpx.AsyncClient) -> None:
    serve(await paused(disabled_intents=frozenset({"cancel_order"})))
    assert (await tried(http)).json()["settings"] == {}
    told = (await tried(http, settings={"AUTOMATIC": "refund_request<=50.00 USD"})).json()
    assert told["settings"] == {"AUTOMATIC": {"today": "", "tried": "refund_request<=50.00 USD"}}
    assert [path["tasks"] for path in told["paths"]] == [1]


async def test_the_newest_tasks_are_played_over_several_pages(http: httpx.AsyncClient) -> None:
    world = serve(World(ORDER_STATUS[1]))
    for n in range(AT_ONCE + 3):
        await world.classify(ticket("Where is my order #47384?", task_id=f"t{n}"))
        world.pass_time(minutes=1)
    for limit in (1, AT_ONCE + 1, AT_ONCE + 10):
        told = (await tried(http, limit=limit, audit_share=1.0)).json()
        assert told["tasks"] == min(limit, AT_ONCE + 3)
        assert told["after"]["waits"] == told["tasks"]
    assert told["paths"][0]["reasons"] == ["audit"]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"settings": {"AUTOMATIC": "nobody"}}, "bad_setting", "/settings/AUTOMATIC"),
        ({"settings": {"CERTIFICATE": "{}"}}, "bad_setting", "/settings/CERTIFICATE"),
        ({"settings": {"BACKEND": "gcp"}}, "invalid_body", "/settings/BACKEND/[key]"),
        ({"limit": 501}, "invalid_body", "/limit"),
        ({"audit_share": 2}, "invalid_body", "/audit_share"),
    ],
)
async def test_what_cannot_be_tried_is_refused_by_name(
    http: httpx.AsyncClient, body: Any, code: str, field: str
) -> None:
    serve(World())
    answer = await tried(http, **body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (422, code, field)
