"""What holds for every request: its path, method, query and body, and what an answer repeats of them."""

from __future__ import annotations

import json

import httpx
import pytest

from shared.errors import StoreUnavailable
from shared.wiring import composition
from tests.contract.console.api.calls import decision, serve
from tests.contract.console.app import APP
from tests.world import World, paused


@pytest.mark.parametrize("path", ["/api/tasks/t9", "/api/nothing", "/nowhere", "/api/tasks/..%2Ft1", "/api/tasks/a/b"])
async def test_what_is_not_there_is_not_found(http: httpx.AsyncClient, path: str) -> None:
    serve(World())
    assert (await http.get(path)).status_code == 404


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


async def test_store_that_is_down_is_told_as_transient(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    world.network.fail_next = [StoreUnavailable("down")]
    assert (await decision(http, world)).status_code == 503
    assert (await decision(http, world)).status_code == 200


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


@pytest.mark.parametrize(
    ("path", "known"),
    [
        (
            "/api/tasks",
            "q, state, intent, source, requester, assignee, decided_by, closed, min, max, older, since, until, order, "
            "limit, page_token",
        ),
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
    for name in ("requestor", "sate", "page-token"):
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
