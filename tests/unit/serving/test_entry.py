"""Errors to statuses in one table, one line per message, and no word of a stranger in either."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared import errors, tracing
from shared.serving.entry import MEMBERS, Outcome, guard, read_body, serve_delivery, serve_push, status_of
from shared.serving.push import Delivery, parse
from shared.task.schemas import AutomationTask
from tests.spans import traced

STATUSES = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.MethodNotAllowed: 405,
    errors.Refused: 409,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Unprocessable: 422,
    errors.Retry: 503,
    errors.StoreUnavailable: 503,
    errors.CommitUnknown: 503,
    errors.PublishFailed: 503,
    errors.ModelUnavailable: 503,
    errors.Misconfigured: 503,
    errors.SettingError: 503,
    errors.Skip: 500,  # every caller of what raises it reads it
    errors.Conflict: 500,
    errors.ModelRefused: 500,
    errors.DeclarationError: 500,
    errors.SwitchyardError: 500,
}


def tree(root: type[errors.SwitchyardError]) -> set[type[errors.SwitchyardError]]:
    return {root}.union(*(tree(c) for c in root.__subclasses__() if c.__module__ == errors.__name__))


def test_table_names_every_error() -> None:
    assert set(STATUSES) == tree(errors.SwitchyardError)


@pytest.mark.parametrize("error", STATUSES, ids=lambda e: e.__name__)
def test_error_has_its_status_and_a_stable_code(error: type[errors.SwitchyardError]) -> None:
    assert status_of(error("x")) == STATUSES[error]
    assert error.code == error.code.lower()
    assert error("x", code="other").code == "other"


def client(work: Any, function: str = "f") -> httpx.AsyncClient:
    async def endpoint(request: Request) -> Response:
        return await guard(function, request, lambda: work(request))

    app = Starlette(routes=[Route("/{rest:path}", endpoint, methods=["GET", "POST"])])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def pushing(step: Any) -> httpx.AsyncClient:
    async def endpoint(request: Request) -> Response:
        return await serve_push("f", request, step)

    app = Starlette(routes=[Route("/", endpoint, methods=["POST"])])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def envelope(data: bytes = b"hi") -> dict[str, Any]:
    message = {"messageId": "m1", "data": base64.b64encode(data).decode(), "attributes": {"trace_id": "a" * 32}}
    return {"message": message, "subscription": "projects/p/subscriptions/tasks", "deliveryAttempt": 2}


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.err == ""
    return [json.loads(line) for line in captured.out.splitlines()]


async def test_what_a_setting_holds_is_for_the_log_and_not_for_whoever_asks(capsys: pytest.CaptureFixture[str]) -> None:
    async def work(_: Request) -> Response:
        raise errors.SettingError("DIRECT_CALLERS has 'crm@example.com'; each must be ...", field="DIRECT_CALLERS")

    async with client(work) as http:
        answer = await http.get("/")
    assert (answer.status_code, answer.json()["error"]) == (
        503,
        {"code": "bad_setting", "message": "a setting cannot be used; the log says why", "field": "DIRECT_CALLERS"},
    )
    [line] = lines(capsys)
    assert (line["severity"], line["message"]) == ("ERROR", "DIRECT_CALLERS has 'crm@example.com'; each must be ...")


async def test_step_that_ends_is_acknowledged_with_one_canonical_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def step(delivery: Delivery) -> Outcome:
        assert delivery.data == b"hi"
        return Outcome("done", fields={"task_id": "t1", "payload": "sesame"})

    async with pushing(step) as http:
        assert (await http.post("/", json=envelope())).status_code == 200
    [line] = lines(capsys)
    expected = {
        "severity": "INFO",
        "message": "done",
        "function": "f",
        "outcome": "done",
        "task_id": "t1",
        "attempt": 2,
        "message_id": "m1",
        "subscription": "tasks",
        "trace_id": "a" * 32,
    }
    assert {k: line[k] for k in expected} == expected
    assert line["execution_time_ms"] >= 0
    assert "payload" not in line


async def test_transient_trouble_sends_the_message_back(capsys: pytest.CaptureFixture[str]) -> None:
    async def step(delivery: Delivery) -> Outcome:
        raise errors.ModelUnavailable("busy", retry_after_s=7.4)

    async with pushing(step) as http:
        answer = await http.post("/", json=envelope())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    [line] = lines(capsys)
    assert (line["severity"], line["outcome"], line["error_code"], line["message_id"]) == (
        "WARNING",
        "retry",
        "model_unavailable",
        "m1",
    )


async def test_unexpected_error_answers_500_and_shows_its_place_but_not_its_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def step(delivery: Delivery) -> Outcome:
        raise ValueError("sesame 4111 1111")

    async with pushing(step) as http:
        answer = await http.post("/", json=envelope())
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "sesame" not in answer.text
    [line] = lines(capsys)
    assert (line["severity"], line["error_type"]) == ("ERROR", "ValueError")
    assert line["operation"].startswith("serving/test_entry.py:")
    assert "sesame" not in json.dumps(line)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"[" * 50_000])
async def test_body_that_is_no_envelope_is_answered_and_not_run(body: bytes) -> None:
    async def step(delivery: Delivery) -> Outcome:
        raise AssertionError("not reached")

    async with pushing(step) as http:
        answer = await http.post("/", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_envelope")


async def test_error_answer_has_one_form() -> None:
    async def work(request: Request) -> Response:
        raise errors.BadRequest("not like this", code="bad_thing", field="/a/b")

    async with client(work) as http:
        answer = await http.get("/")
    assert answer.json() == {"error": {"code": "bad_thing", "message": "not like this", "field": "/a/b"}}


@pytest.mark.parametrize(("field", "told"), [("/task_id", "/task_id"), ("/sesame", None), ("/metadata/sesame", None)])
async def test_line_names_a_tasks_own_member_and_no_key_of_a_payload(
    field: str, told: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work(request: Request) -> Response:
        raise errors.BadRequest("not like this", code="invalid_task", field=field)

    async with client(work) as http:
        await http.get("/")
    [line] = lines(capsys)
    assert line.get("field") == told


def test_members_of_a_task_are_those_that_it_has() -> None:
    assert AutomationTask.model_fields.keys() == MEMBERS


@pytest.mark.parametrize(
    ("error", "severity"),
    [
        (errors.Misconfigured("not set", code="setting_missing", field="IAP_AUDIENCE"), "ERROR"),
        # Anybody can call /hooks/<name>, so a missing secret must not raise the alarm.
        (errors.Misconfigured("not set", code="secret_missing", field="CRM_WEBHOOK_SECRET"), "WARNING"),
        (errors.NotFound("no such task"), "INFO"),
        (errors.StoreUnavailable("down"), "WARNING"),
    ],
)
async def test_severity_is_for_operators_and_a_setting_is_named(
    error: errors.SwitchyardError, severity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work(request: Request) -> Response:
        raise error

    async with client(work) as http:
        assert (await http.get("/")).status_code in (404, 503)
    [line] = lines(capsys)
    assert (line["severity"], line["error_code"], line.get("field")) == (severity, error.code, error.field)


# --- bodies


async def read(content: Any, headers: dict[str, str] | None = None, limit: int = 10) -> httpx.Response:
    async def work(request: Request) -> Response:
        return Response(str(len(await read_body(request, limit))))

    async with client(work) as http:
        return await http.post("/", content=content, headers=headers or {})


@pytest.mark.parametrize(("size", "status"), [(0, 200), (10, 200), (11, 413), (1000, 413)])
async def test_body_is_read_up_to_the_limit(size: int, status: int) -> None:
    assert (await read(b"x" * size)).status_code == status


async def test_body_of_unannounced_size_is_not_read_to_its_end() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10_000:
            sent += 1
            yield b"xxxxx"

    assert (await read(endless())).status_code == 413


@pytest.mark.parametrize(
    ("announced", "status"), [("11", 413), ("9" * 400, 413), ("9" * 5000, 413), ("-5", 200), ("²", 200), ("x", 200)]
)
async def test_announced_size_is_believed_only_when_it_is_a_number_too_large(announced: str, status: int) -> None:
    headers = httpx.Headers({"content-length": announced}, encoding="latin-1")
    assert (await read(b"abc", headers)).status_code == status  # type: ignore[arg-type]


# --- traces


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, "a" * 32),
        ({"x-cloud-trace-context": f"{'c' * 32}/123;o=1"}, "c" * 32),
        ({"traceparent": "00-short-b-01"}, ""),
        ({"traceparent": f"00-{'a' * 32}-{'0' * 16}-01", "x-cloud-trace-context": f"{'c' * 32}/1"}, "c" * 32),
        ({"x-cloud-trace-context": "sesame open now"}, ""),
        ({}, ""),
    ],
)
async def test_trace_of_the_caller_goes_on_if_it_is_one(headers: dict[str, str], found: str) -> None:
    from shared.serving.entry import trace_id

    async def work(request: Request) -> Response:
        return Response(trace_id(request))

    async with client(work) as http:
        assert (await http.get("/", headers=headers)).text == found


@pytest.mark.parametrize(
    ("method", "function", "flushes"),
    [("POST", "sweep", 1), ("POST", "resume", 1), ("POST", "intake", 1), ("GET", "console", 0)],
)
async def test_what_was_traced_leaves_before_the_answer_whoever_asked(
    monkeypatch: pytest.MonkeyPatch, method: str, function: str, flushes: int
) -> None:
    events: list[str] = []

    async def flush() -> None:
        events.append("flush")

    async def work(request: Request) -> Response:
        with tracing.entered("work", "", kind="internal"):
            return Response(status_code=204)

    monkeypatch.setattr(tracing, "flush_is_due", lambda: True)
    monkeypatch.setattr(tracing, "flush", flush)
    with traced() as kept:
        async with client(work, function) as http:
            assert (await http.request(method, "/")).status_code == 204
        assert [span.name for span in kept.get_finished_spans()][:1] == ["work"]
    assert events == ["flush"] * flushes


# --- without HTTP


@pytest.mark.parametrize(
    "error", [None, errors.ModelUnavailable("busy"), errors.NotFound("none"), ValueError("bug")], ids=repr
)
async def test_delivery_without_http_ends_and_is_logged_as_one_with_it(
    error: Exception | None, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Delivery] = []

    async def step(delivery: Delivery) -> Outcome:
        seen.append(delivery)
        if error:
            raise error
        return Outcome("done", 204, fields={"task_id": "t1"})

    body = json.dumps(envelope()).encode()
    async with pushing(step) as http:
        status = (await http.post("/", content=body)).status_code
    assert await serve_delivery("f", lambda: parse(body), step) == status
    with_http, without = lines(capsys)
    for varying in ("time", "execution_time_ms"):
        assert with_http.pop(varying, 0) is not without.pop(varying, 1)
    assert with_http == without
    assert seen[0].message_id == seen[1].message_id


async def test_delivery_that_cannot_be_made_is_answered_as_a_body_that_is_no_envelope() -> None:
    async def step(delivery: Delivery) -> Outcome:
        raise AssertionError("not reached")

    assert await serve_delivery("f", lambda: parse(b"{}"), step) == 400
