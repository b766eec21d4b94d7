"""Tasks: shown one by one, and listed by what is asked for."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.records.tombstones import entomb
from tests.contract.console.api.calls import code, serve, shown
from tests.world import ORDER_STATUS, REFUND, World, paused, ticket


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
