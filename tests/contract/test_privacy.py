"""What privacy officers ask of the console: pages of documents as stored, erasure, and nothing for anybody else."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

import functions.console.main as console
from shared.wiring import composition
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, World, deployed, ticket

APP = deployed(console, "console")
KIM = "kim@example.com"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(APP)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
    composition.install(None)


async def world_of(tasks: int, **settings: Any) -> World:
    """Return a world in which Kim's tasks have ended, one waits, and somebody else has one."""
    world = World(ORDER_STATUS[1], **{"privacy_key": "s" * 32} | settings)
    for n in range(tasks):
        await world.run(ticket("Where is my order #47384?", task_id=f"k{n:03}"), ScriptedHandler("On its way"))
        world.pass_time(seconds=1)
    await world.run(ticket("Where is my order #47384?", task_id="a", email="ana@example.com"), ScriptedHandler("Sent"))
    world.model.answers = [REFUND[1]]
    await world.classify(REFUND[0].model_copy(update={"task_id": "waits"}))
    composition.install(world.ports)
    return world


async def ask(http: httpx.AsyncClient, what: str, **body: Any) -> Any:
    answer = await http.post(f"/api/privacy/{what}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def every(http: httpx.AsyncClient, what: str, **body: Any) -> list[Any]:
    pages = [await ask(http, what, **body)]
    while pages[-1]["next_page_token"]:
        pages.append(await ask(http, what, page_token=pages[-1]["next_page_token"], **body))
    return pages


async def test_tasks_and_approvals_come_as_stored_page_by_page_newest_first(http: httpx.AsyncClient) -> None:
    world = await world_of(24)
    pages = await every(http, "tasks", requester=KIM)
    tasks = [task for page in pages for task in page["tasks"]]
    assert [t["document"] for t in tasks] == ["tasks/waits", *(f"tasks/k{n:03}" for n in reversed(range(24)))]
    assert len(pages) == 3
    assert tasks[1]["data"] == (await world.record("k023")).model_dump(mode="json")
    [approval] = [a for page in pages for a in page["approvals"]]
    assert (approval["document"], approval["data"]["parameters"]) == ("approvals/waits", REFUND[1]["parameters"])


async def test_short_list_holds_no_words(http: httpx.AsyncClient) -> None:
    await world_of(2)
    [page] = await every(http, "tasks", requester=KIM, whole=False)
    assert [t["task_id"] for t in page["tasks"]] == ["waits", "k001", "k000"]
    assert "47384" not in json.dumps(page)


async def test_letters_are_looked_through_page_by_page(http: httpx.AsyncClient) -> None:
    world = await world_of(0)
    for n in range(25):
        data = base64.b64encode(f"to {KIM}".encode()).decode() if n % 10 == 0 else "e30="
        world.bury(str(n), data=data, created_at=world.now)
    pages = await every(http, "letters", requester=KIM)
    assert [page["looked_at"] for page in pages] == [10, 10, 5]
    assert sum(len(page["dead_letters"]) for page in pages) == 3
    [short, *_] = [x for p in await every(http, "letters", requester=KIM, whole=False) for x in p["dead_letters"]]
    assert set(short) == {"letter_id", "task_id", "subscription", "reason", "created_at", "redriven_at"}


async def test_what_has_ended_is_erased_and_what_is_open_says_what_to_do_first(
    http: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await world_of(2)
    capsys.readouterr()
    done = await ask(http, "erase", requester=KIM, reason="request 117", task_ids=["k000", "k001", "waits", "a"])
    assert done["erased"] == ["k000", "k001"]
    assert done["left"] == {
        "waits": "approve, reject or cancel it first",
        "a": "there is no such task of theirs",
    }
    assert (await http.get("/api/tasks/k000")).status_code == 410
    assert (await http.get("/api/tasks/a")).status_code == 200
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (line["outcome"], line["author"], line["count"]) == ("privacy_erase_done", "developer@localhost", 2)
    assert not [word for word in (KIM, "request 117", "47384") if word in json.dumps(line)]


async def test_keys_are_counted_and_given(http: httpx.AsyncClient) -> None:
    world = await world_of(1)
    world.set(privacy_key="t" * 32)
    assert (await http.get("/api/privacy/keys")).json() == {"tasks": 3, "with_key": 0}
    [page] = await every(http, "keys")
    assert page == {"looked_at": 3, "unreadable": [], "next_page_token": None}
    assert (await http.get("/api/privacy/keys")).json() == {"tasks": 3, "with_key": 3}


@pytest.mark.parametrize("what", ["keys", "tasks", "letters", "erase"])
async def test_nobody_else_is_answered(what: str, http: httpx.AsyncClient) -> None:
    await world_of(0, privacy_officers=frozenset({"dpo@example.com"}))
    answer = await http.post(f"/api/privacy/{what}", json={"requester": KIM, "reason": "x", "task_ids": ["waits"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_a_privacy_officer")
    assert (await http.get("/api/privacy/keys")).status_code == 403


@pytest.mark.parametrize(
    ("what", "body", "status", "code"),
    [
        ("tasks", {"requester": "kim"}, 400, "bad_requester"),
        ("tasks", {}, 422, "invalid_body"),
        ("tasks", {"requester": KIM, "page_token": "x"}, 400, "bad_query"),
        ("letters", {"requester": KIM, "page_token": "x"}, 400, "bad_query"),
        ("erase", {"requester": KIM, "task_ids": ["waits"]}, 422, "invalid_body"),
        ("erase", {"requester": KIM, "reason": "for kim@example.com", "task_ids": []}, 422, "bad_reason"),
        ("erase", {"requester": KIM, "reason": "x", "task_ids": ["t"] * 51}, 422, "invalid_body"),
        ("forget", {}, 404, "not_found"),
        ("tasks/more", {}, 404, "not_found"),
    ],
)
async def test_mistakes_are_named(what: str, body: Any, status: int, code: str, http: httpx.AsyncClient) -> None:
    await world_of(0)
    answer = await http.post(f"/api/privacy/{what}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_an_address_is_never_taken_from_the_query(http: httpx.AsyncClient) -> None:
    """The query of a request is logged on its way."""
    await world_of(0)
    assert (await http.get(f"/api/privacy/tasks?requester={KIM}")).status_code == 400
    assert (await http.post(f"/api/privacy/tasks?requester={KIM}", json={"requester": KIM})).status_code == 400


async def test_without_the_secret_it_says_so(http: httpx.AsyncClient) -> None:
    await world_of(0, privacy_key="")
    answer = await http.post("/api/privacy/tasks", json={"requester": KIM})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "setting_missing")
