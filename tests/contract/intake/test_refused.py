"""Every way in which intake refuses, and what it tells of it: nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.intake.room import MAX_WEBHOOK_BYTES
from shared.event.signatures import sign
from shared.task.schemas import MAX_PAYLOAD_BYTES
from shared.wiring import composition
from tests.contract.intake.wire import APP, CANARY, JSON, ROUTES, code_of, install, post, post_task, send

READ_HEADERS = (
    *("content-type", "content-length", "host", "authorization", "traceparent", "x-cloud-trace-context"),
    *("stripe-signature", "x-slack-signature", "x-slack-request-timestamp", "x-hub-signature", "x-hub-signature-256"),
    *("x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp", "x-github-delivery"),
)
STRANGE = (b"application/json", b"\xb2", b"9" * 5000, b"[", b"t=1,v1=\xe9", b"00-" + b"\xe9" * 32 + b"-1-1")


class TestRefused:
    @pytest.mark.parametrize("path", ROUTES)
    async def test_every_failed_signature_gets_the_same_401(self, ports: Any, path: str) -> None:
        body, now = json.dumps({"id": "1", "text": CANARY}).encode(), datetime.now(UTC)
        scheme, secret = ROUTES[path]
        good = sign(scheme, body, secret, now)
        attempts: list[dict[str, Any]] = [{}, dict.fromkeys(good, b"caf\xe9")]
        attempts += [sign(scheme, body, b"another-secret-0123456789", now), sign(scheme, body + b" ", secret, now)]
        if scheme not in ("jira", "github"):
            attempts += [sign(scheme, body, secret, now + timedelta(seconds=s)) for s in (-400, 400)]
        answers = {(await send("POST", path, content=body, headers=JSON | headers)).text for headers in attempts}
        assert len(answers) == 1
        assert code_of(await send("POST", path, content=body, headers=JSON)) == (401, "unauthenticated")
        assert ports.publisher.messages == []

    @pytest.mark.parametrize("path", ROUTES)
    async def test_previous_secret_still_works_while_it_is_rotated(self, ports: Any, path: str) -> None:
        body = b'{"event":{"text":"hello"}}'
        signed = sign(ROUTES[path][0], body, b"previous-secret-0123456789", datetime.now(UTC))
        assert (await send("POST", path, content=body, headers=JSON | signed)).status_code == 202

    async def test_rotation_of_a_secret_loses_no_event(self, ports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """While revisions change, the source signs with the old one; with the new one, once both are accepted."""
        path, variable = "/hooks/crm", "CRM_WEBHOOK_SECRET"
        old, new = "the-old-secret-0123456789", "the-new-secret-0123456789"
        accepted = []
        for deployed in (old, f"{new},{old}", new):
            monkeypatch.setenv(variable, deployed)
            for n, secret in enumerate((old, new)):
                body = json.dumps({"id": f"{deployed}-{n}", "text": CANARY}).encode()
                signed = sign(ROUTES[path][0], body, secret.encode(), datetime.now(UTC))
                answer = await send("POST", path, content=body, headers=JSON | signed)
                accepted.append(answer.status_code != 401)
        assert accepted == [True, False, True, True, False, True]

    @pytest.mark.parametrize(
        ("headers", "code"),
        [
            ({"host": "rebound.example", "origin": "http://rebound.example"}, "forbidden"),
            ({"host": "rebound.example:8080"}, "forbidden"),
            ({"host": "127.0.0.1.rebound.example"}, "forbidden"),
            ({"host": "[::1"}, "forbidden"),
            ({"host": "localhost@rebound.example"}, "forbidden"),
            ({"origin": "http://elsewhere.example"}, "cross_site"),
            ({"origin": "http://127.0.0.1:9999"}, "cross_site"),
            ({"origin": "null"}, "cross_site"),
            ({"sec-fetch-site": "cross-site"}, "cross_site"),
        ],
        ids=str,
    )
    async def test_page_elsewhere_makes_no_task_through_a_developers_browser(
        self, ports: Any, headers: dict[str, str], code: str
    ) -> None:
        task = json.dumps({"task_id": "t-1", "source": "zendesk", "raw_payload": {"text": CANARY}}).encode()
        assert code_of(await send("POST", "/", content=task, headers=JSON | headers)) == (403, code)
        assert ports.publisher.messages == []

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
    async def test_program_of_this_machine_may_post_by_any_of_its_names(self, ports: Any, host: str) -> None:
        task = json.dumps({"task_id": "t-1", "source": "crm", "raw_payload": {"text": CANARY}}).encode()
        own = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
        assert (await send("POST", "/", content=task, headers=JSON | own)).status_code == 202

    async def test_signed_webhook_may_come_through_a_tunnel_of_any_name(self, ports: Any) -> None:
        assert (await post("/hooks/crm", b'{"id":"1","text":"hello"}', host="tunnel.example")).status_code == 202

    async def test_body_is_not_parsed_before_it_is_verified(self, ports: Any) -> None:
        response = await send("POST", "/stripe", content=b"{", headers=JSON)
        assert code_of(response) == (401, "unauthenticated")

    async def test_source_without_a_secret_is_503_and_logged(
        self, ports: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv("ZENDESK_WEBHOOK_SECRET")
        for path, name in (("/zendesk", "ZENDESK"), ("/hooks/unknown", "UNKNOWN")):
            response = await send("POST", path, content=b"{}", headers=JSON)
            assert code_of(response) == (503, "secret_missing")
            assert f"{name}_WEBHOOK_SECRET" in response.json()["error"]["message"]
        assert capsys.readouterr().out.count('"secret_missing"') >= 2
        assert code_of(await send("POST", "/hooks/short", content=b"{}", headers=JSON)) == (503, "secret_too_short")

    @pytest.mark.parametrize(
        "path",
        [
            *("/nothing", "/Slack", "/slack/x", "/hooks", "/hooks/", "/hooks/UPPER", "/hooks/a/b", "/hooks/..%2Fslack"),
            *(
                "/hooks/slack",
                "/hooks/stripe",
                "/hooks/direct",
                "/hooks/a__b",
                "/hooks/a-_b",
                "/hooks/a-",
                "/hooks/a_",
                "/hooks/a%0A",
                "/hooks/" + "a" * 64,
            ),
        ],
    )
    async def test_path_that_names_no_source_is_404(self, ports: Any, path: str) -> None:
        assert code_of(await send("POST", path, content=b"{}", headers=JSON)) == (404, "not_found")

    @pytest.mark.parametrize("path", ["/", "/zendesk", "/hooks/crm"])
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
    async def test_other_methods_are_405(self, ports: Any, method: str, path: str) -> None:
        assert code_of(await send(method, path)) == (405, "method_not_allowed")
        assert code_of(await send("POST", "/healthz")) == (405, "method_not_allowed")

    @pytest.mark.parametrize("path", ["/", "/zendesk", "/hooks/crm"])
    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonx",
            "application/json; charset=utf-16",
        ],
    )
    async def test_anything_but_json_is_415(self, ports: Any, path: str, content_type: str | None) -> None:
        headers = {} if content_type is None else {"content-type": content_type}
        response = await send("POST", path, content=b"{}", headers=headers)
        assert code_of(response) == (415, "unsupported_media_type")

    @pytest.mark.parametrize("path", ["/", "/slack"])
    async def test_body_announced_too_large_is_413_unread(self, ports: Any, path: str) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            pytest.fail("the body was read")
            yield b""

        headers = JSON | {"content-length": str((MAX_PAYLOAD_BYTES if path == "/" else MAX_WEBHOOK_BYTES) + 1)}
        assert code_of(await send("POST", path, content=chunks(), headers=headers)) == (413, "too_large")

    @pytest.mark.parametrize(
        ("announced", "limit"),
        [({}, MAX_WEBHOOK_BYTES), ({"content-length": "2"}, MAX_PAYLOAD_BYTES)],
        ids=["unannounced", "lied"],
    )
    async def test_endless_body_is_413_soon_after_the_limit(
        self, ports: Any, announced: dict[str, str], limit: int
    ) -> None:
        sent = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(1000):
                sent += 65536
                yield b" " * 65536

        assert code_of(await send("POST", "/slack", content=chunks(), headers=JSON | announced)) == (413, "too_large")
        assert sent <= limit + 2 * 65536

    async def test_plain_task_of_exactly_the_limit_is_taken(self, ports: Any) -> None:
        body = b'{"task_id":"1","source":"crm","raw_payload":{"text":"%s"}}'
        body %= b"x" * (MAX_PAYLOAD_BYTES - len(body) + 2)
        assert len(body) == MAX_PAYLOAD_BYTES
        assert (await send("POST", "/", content=body, headers=JSON)).status_code == 202
        assert code_of(await send("POST", "/", content=body + b" ", headers=JSON)) == (413, "too_large")

    async def test_plain_task_that_grows_over_the_limit_as_canonical_json_is_400(self, ports: Any) -> None:
        numbers = b"1e15," * 50_000 + b"1"
        body = b'{"task_id":"1","source":"crm","raw_payload":{"numbers":[%s]}}' % numbers
        assert code_of(await send("POST", "/", content=body, headers=JSON)) == (400, "invalid_task")

    @pytest.mark.parametrize(
        ("body", "code", "field"),
        [
            (b"\xff", "not_utf8", None),
            (b"\xef\xbb\xbf{}", "not_utf8", None),
            (b"", "malformed_json", None),
            (b'{"a":' + b"[" * 100_000, "too_deep", None),
            (b'{"a":{"b":1,"b":2}}', "duplicate_key", "/a/b"),
            (b'{"a":NaN}', "not_finite", "/a"),
            (b'{"a":1e999}', "not_finite", "/a"),
            (b'{"a":9223372036854775808}', "integer_too_large", "/a"),
            (b'{"a":"\\ud800"}', "lone_surrogate", "/a"),
            (b'{"a":"\\u0000"}', "nul_character", "/a"),
            (b"[1]", "not_an_object", None),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_plain_task_with_a_bad_body_is_400(
        self, ports: Any, body: bytes, code: str, field: str | None
    ) -> None:
        response = await send("POST", "/", content=body, headers=JSON)
        assert code_of(response) == (400, code)
        assert response.json()["error"]["field"] == field
        assert ports.publisher.messages == []

    @pytest.mark.parametrize(
        ("members", "field"),
        [
            ({"task_id": ""}, "/task_id"),
            ({"task_id": CANARY + "/x"}, "/task_id"),
            ({"task_id": "t\n"}, "/task_id"),
            ({"task_id": 7}, "/task_id"),
            ({"source": "Zendesk!"}, "/source"),
            ({"raw_payload": [CANARY]}, "/raw_payload"),
            ({"raw_payload": None}, "/raw_payload"),
            ({"priority": 0}, "/priority"),
            ({"priority": 6}, "/priority"),
            ({"priority": "5"}, "/priority"),
            ({"priority": True}, "/priority"),
            ({"metadata": {"a": 1}}, "/metadata/a"),
            ({"extra": CANARY}, "/extra"),
        ],
        ids=str,
    )
    async def test_invalid_task_is_400_with_the_place(self, ports: Any, members: dict[str, Any], field: str) -> None:
        response = await post_task(**members)
        assert code_of(response) == (400, "invalid_task")
        assert response.json()["error"]["field"] == field
        assert ports.publisher.messages == []


class TestSilence:
    async def test_no_log_line_holds_payload_header_or_secret(
        self, ports: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        body = json.dumps({"id": CANARY, "text": CANARY, "event": {"text": CANARY}, "priority": CANARY}).encode()
        for path in ROUTES:
            assert (await post(path, body, **{"x-trace": CANARY})).status_code == 202
            await post(path, body[:-1])
            await post(path, b'{"%s":NaN}' % CANARY.encode())
            await send("POST", path, content=body, headers=JSON | {"x-slack-signature": CANARY})
        await post_task(priority=CANARY)
        await post_task(**{CANARY: 1})
        await send("POST", f"/{CANARY}", content=body, headers=JSON)
        captured = capsys.readouterr()
        assert captured.out.count("\n") >= 4 * len(ROUTES)
        assert not captured.err
        for secret in (CANARY, "secret-0123456789", "v1=", "sha256="):
            assert secret not in captured.out

    @settings(max_examples=300, deadline=None)
    @example("POST", "/", b"{}", {"content-length": b"\xb2"}, 1)
    @example("POST", "/slack", b"{}", {"content-length": b"9" * 5000}, 1)
    @example("POST", "/slack", b"{}", {"host": b"["}, 1)
    @given(
        st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "HEAD"]),
        st.sampled_from(["/", "/healthz", "/hooks/none", *ROUTES]) | st.text("/hooksl.%", max_size=9).map("/".__add__),
        st.binary(max_size=80) | st.sampled_from([b"{}", b'{"task_id":"t","source":"s","raw_payload":{}}']),
        st.dictionaries(st.sampled_from(READ_HEADERS), st.binary(max_size=40) | st.sampled_from(STRANGE), max_size=4),
        st.integers(0, 3),
    )
    def test_no_request_is_answered_with_a_5xx_other_than_503(
        self, method: str, path: str, body: bytes, headers: dict[str, bytes], is_json: int
    ) -> None:
        headers |= {"content-type": b"application/json"} if is_json else {}
        install()
        status = asyncio.run(_raw(method, path, body, headers))
        composition.install(None)
        assert status < 500 or status == 503


async def _raw(method: str, path: str, body: bytes, headers: Mapping[str, bytes]) -> int:
    """Call the app below any client, which would refuse or repair such headers."""
    status: list[int] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value) for name, value in headers.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def answer(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    await APP(scope, receive, answer)
    return status[0]


async def test_connection_closed_midway_is_no_error_of_ours(ports: Any, capsys: pytest.CaptureFixture[str]) -> None:
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b"", "root_path": ""}

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def answer(message: Mapping[str, Any]) -> None:
        """Nobody listens."""

    await APP(scope, receive, answer)
    assert '"incomplete_body"' in capsys.readouterr().out
