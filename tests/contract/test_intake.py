"""Intake through the real functions-framework app: every answer it can give, and what it publishes."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from functions_framework.aio import create_asgi_app_from_module
from google.auth import crypt, exceptions, jwt
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.intake import main
from functions.intake.caller import email_of_google_token
from functions.intake.incoming import IncomingRequest
from functions.intake.room import MAX_WEBHOOK_BYTES
from functions.intake.step import receive_webhook
from shared.canonical import sha256_hex, task_id_for
from shared.errors import Conflict, Misconfigured, PublishFailed, Retry, StoreUnavailable, Unauthenticated
from shared.event.signatures import sign
from shared.serving.entry import Outcome
from shared.settings import Settings
from shared.task.schemas import MAX_PAYLOAD_BYTES, AutomationTask
from shared.wiring import composition
from shared.wiring.ports import Snapshot, Write

WEBHOOKS = Path(__file__).parents[1] / "data" / "webhooks"
SECRETS = {name: f"{name}-secret-0123456789".encode() for name in ("zendesk", "jira", "github", "slack", "stripe")}
CRM_SECRET, DIRECT_SECRET = b"crm-secret-0123456789", b"direct-secret-0123456789"
ROUTES = {"/" + name: (name, secret) for name, secret in SECRETS.items()} | {"/hooks/crm": ("generic", CRM_SECRET)}
JSON = {"content-type": "application/json"}
READ_HEADERS = (
    *("content-type", "content-length", "host", "authorization", "traceparent", "x-cloud-trace-context"),
    *("stripe-signature", "x-slack-signature", "x-slack-request-timestamp", "x-hub-signature", "x-hub-signature-256"),
    *("x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp", "x-github-delivery"),
)
STRANGE = (b"application/json", b"\xb2", b"9" * 5000, b"[", b"t=1,v1=\xe9", b"00-" + b"\xe9" * 32 + b"-1-1")
CANARY = "canary-7f3a"  # stands for a payload wherever nothing of it may appear

APP = create_asgi_app_from_module("intake", main.__file__, "http", main, main.__spec__)
EVENTS_APP = create_asgi_app_from_module("intake_events", main.__file__, "http", main, main.__spec__)


class FakePublisher:
    """Remembers what was published; `fault` is raised instead, or awaited for ever."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.fault: Exception | str | None = None

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        if self.fault == "hang":
            await asyncio.sleep(60)
        if isinstance(self.fault, Exception):
            raise self.fault
        self.messages.append((topic, data, attributes))
        return str(len(self.messages))

    async def close(self) -> None:
        """Nothing is open."""

    @property
    def tasks(self) -> list[AutomationTask]:
        return [AutomationTask.model_validate_json(data) for _, data, _ in self.messages]


class FakeStore:
    """Documents in a dict, created once."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.is_down = False

    async def read(self, *paths: str) -> list[Snapshot]:
        if self.is_down:
            raise StoreUnavailable("down")
        return [Snapshot(path, self.documents.get(path), "1", datetime.now(UTC)) for path in paths]

    async def commit(self, *writes: Write) -> list[str]:
        for write in writes:
            if write.path in self.documents:
                raise Conflict("exists")
            self.documents[write.path] = write.data
        return ["1" for _ in writes]


@pytest.fixture(autouse=True, scope="module")
def secrets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.endswith("_WEBHOOK_SECRET")]:
            patch.delenv(name)
        for name, secret in SECRETS.items() | {("crm", CRM_SECRET), ("direct", DIRECT_SECRET)}:
            patch.setenv(f"{name.upper()}_WEBHOOK_SECRET", f"previous-secret-0123456789,{secret.decode()}")
        patch.setenv("SHORT_WEBHOOK_SECRET", "short")
        yield


def install(**options: Any) -> composition.Ports:
    ports = composition.Ports(Settings(**options), FakeStore(), FakePublisher())  # type: ignore[arg-type]
    composition.install(ports)
    return ports


@pytest.fixture
def ports() -> Iterator[Any]:
    yield install()
    composition.install(None)


async def send(method: str, path: str, app: Any = APP, **request: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        return await client.request(method, path, **request)


def recorded(name: str) -> bytes:
    return (WEBHOOKS / f"{name}.json").read_bytes()


async def post(path: str, body: bytes, **headers: str) -> httpx.Response:
    """Send a webhook as its vendor signs it."""
    scheme, secret = ROUTES[path]
    signed = sign(scheme, body, secret, datetime.now(UTC))
    return await send("POST", path, content=body, headers=JSON | signed | headers)


async def post_task(**members: Any) -> httpx.Response:
    task = {"task_id": "t-1", "source": "crm", "raw_payload": {"text": CANARY}} | members
    return await send("POST", "/", content=json.dumps(task).encode(), headers=JSON)


def code_of(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "field"}
    assert body["error"]["message"]
    assert CANARY not in response.text
    return response.status_code, body["error"]["code"]


class TestAccepted:
    @pytest.mark.parametrize(
        ("path", "name", "priority"),
        [
            ("/zendesk", "zendesk_ticket_created", 4),
            ("/zendesk", "zendesk_comment_added", 5),
            ("/zendesk", "zendesk_trigger", 5),
            ("/jira", "jira_issue_created", 1),
            ("/jira", "jira_issue_created_adf", 5),
            ("/slack", "slack_message", 1),
            ("/github", "github_issue_opened", 1),
            ("/stripe", "stripe_charge_updated", 1),
            ("/hooks/crm", "zendesk_trigger", 5),
        ],
    )
    async def test_signed_webhook_becomes_a_task_on_the_lane_of_its_priority(
        self, ports: Any, path: str, name: str, priority: int
    ) -> None:
        trace = {"traceparent": f"00-{'a1' * 16}-{'b2' * 8}-01"}
        response = await post(path, recorded(name), **trace, **{"x-github-delivery": "d-1"})
        (task,), ((topic, _, attributes),) = ports.publisher.tasks, ports.publisher.messages
        assert (response.status_code, response.json()) == (202, {"task_id": task.task_id})
        assert (task.priority, topic) == (priority, "tasks-express" if priority >= 4 else "tasks")
        assert task.raw_payload == json.loads(recorded(name))
        assert attributes == {"schema_version": "1", "source": task.source, "trace_id": "a1" * 16}
        assert task.source == path.rpartition("/")[2]

    async def test_plain_task_keeps_its_id(self, ports: Any) -> None:
        response = await post_task(task_id="order-77", priority=5, metadata={"team": "eu"})
        assert (response.status_code, response.json()) == (202, {"task_id": "order-77"})
        assert ports.publisher.messages[0][0] == "tasks-express"
        assert len(ports.publisher.messages[0][2]["trace_id"]) == 32

    @pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])
    async def test_json_may_name_its_charset(self, ports: Any, content_type: str) -> None:
        task = b'{"task_id":"t","source":"crm","raw_payload":{}}'
        assert (await send("POST", "/", content=task, headers={"content-type": content_type})).status_code == 202

    async def test_health_is_served(self, ports: Any) -> None:
        response = await send("GET", "/healthz")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


class TestIdentity:
    async def ids(self, ports: Any, path: str, *bodies: dict[str, Any], **headers: str) -> list[str]:
        """Return the distinct task ids of these payloads."""
        for body in bodies:
            assert (await post(path, json.dumps(body).encode(), **headers)).status_code == 202
        return sorted({task.task_id for task in ports.publisher.tasks})

    async def test_slack_redelivery_with_another_event_id_is_the_same_task(self, ports: Any) -> None:
        first = json.loads(recorded("slack_message"))
        event = first["event"]
        ids = await self.ids(ports, "/slack", first, first | {"event_id": "Ev0OTHER0001", "event_time": 1})
        assert ids == [task_id_for(f"slack:{first['team_id']}:{event['channel']}:{event['ts']}")]
        assert len(await self.ids(ports, "/slack", first | {"event": event | {"ts": "1763981954.000103"}})) == 2
        assert len(await self.ids(ports, "/slack", first | {"team_id": "T0OTHER"})) == 3

    async def test_zendesk_ticket_and_its_first_comment_told_again_are_one_fact(self, ports: Any) -> None:
        created, added = json.loads(recorded("zendesk_ticket_created")), json.loads(recorded("zendesk_comment_added"))
        detail = created["detail"]
        again = created | {"id": "01again", "time": "2026-11-13T12:24:13Z"}
        first = {"id": "1", "body": detail["description"], "author": {"id": detail["submitter_id"]}}
        told = again | {"type": "zen:event-type:ticket.comment_added", "event": {"comment": first}}
        assert await self.ids(ports, "/zendesk", created, again, told) == [
            task_id_for(f"zendesk:{created['account_id']}:ticket:{detail['id']}")
        ]
        assert len(await self.ids(ports, "/zendesk", added)) == 2

    async def test_zendesk_trigger_that_says_the_same_again_is_the_same_task(self, ports: Any) -> None:
        trigger = json.loads(recorded("zendesk_trigger"))
        ticket = trigger["ticket"]
        again = trigger | {"ticket": ticket | {"status": "solved", "updated_at": "2026-11-21T11:15:00Z"}}
        assert len(await self.ids(ports, "/zendesk", trigger, again)) == 1
        other = trigger | {"ticket": ticket | {"description": "Please cancel order #20032"}}
        assert len(await self.ids(ports, "/zendesk", other)) == 2
        assert len(await self.ids(ports, "/zendesk", trigger | {"ticket": ticket | {"id": "9"}})) == 3

    async def test_jira_comment_is_one_fact_however_it_is_told(self, ports: Any) -> None:
        told = json.loads(recorded("jira_comment_created"))
        inside = told | {
            "webhookEvent": "jira:issue_updated",
            "issue_event_type_name": "issue_commented",
            "changelog": {"id": "31", "items": [{"field": "status"}]},
        }
        without_issue = {name: value for name, value in told.items() if name != "issue"}
        assert len(await self.ids(ports, "/jira", told, inside, without_issue, told | {"timestamp": 1})) == 1
        another = told | {"comment": told["comment"] | {"id": "252790"}}
        assert len(await self.ids(ports, "/jira", another, json.loads(recorded("jira_issue_created_adf")))) == 3

    async def test_issues_of_two_jira_sites_are_two_facts(self, ports: Any) -> None:
        here = json.loads(recorded("jira_issue_created_adf"))
        there = here | {"issue": here["issue"] | {"self": "https://other.atlassian.net/rest/api/3/issue/99291"}}
        assert len(await self.ids(ports, "/jira", here, there)) == 2

    async def test_github_fact_is_its_object_whatever_delivers_it(self, ports: Any) -> None:
        body = json.loads(recorded("github_issue_opened"))
        for delivery in ("d-1", "d-2"):
            ids = await self.ids(ports, "/github", body, **{"x-github-delivery": delivery, "x-github-event": "issues"})
        assert len(ids) == 1
        assert len(await self.ids(ports, "/github", json.loads(recorded("github_issue_comment")))) == 2

    async def test_stripe_fact_is_the_object_and_an_update_of_it_is_told_about_it(self, ports: Any) -> None:
        body = json.loads(recorded("stripe_charge_updated"))
        charge = body["data"]["object"]
        assert await self.ids(ports, "/stripe", body, body | {"pending_webhooks": 0}) == [
            task_id_for(f"stripe:-:{charge['id']}")
        ]
        assert len(await self.ids(ports, "/stripe", body | {"account": "acct_1"})) == 2

    async def test_generic_event_is_its_id_or_else_its_words(self, ports: Any) -> None:
        said = {"text": "Where is it?"}
        ids = await self.ids(
            ports, "/hooks/crm", {"id": "7"} | said, {"id": 7, "x": 1} | said, {"event_id": "7"} | said, said | {"b": 2}
        )
        assert len(ids) == 2
        assert task_id_for("crm:id:7") in ids
        assert await self.ids(ports, "/hooks/crm", {"b": 3} | said) == ids

    @pytest.mark.parametrize("path", ROUTES)
    async def test_payload_without_any_id_is_still_a_task(self, ports: Any, path: str) -> None:
        body = {"event": {"text": "hello", "user": "U1"}, "id": None, "priority": 9}
        assert len(await self.ids(ports, path, body, body)) == 1
        assert ports.publisher.tasks[0].priority == 1


class TestIgnored:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("slack_bot_message", "bot"),
            ("github_ping", "ping"),
            ("github_issue_closed", "no_words"),
            ("jira_issue_updated", "no_words"),
            ("zendesk_status_changed", "no_words"),
        ],
    )
    async def test_event_that_asks_nothing_of_anybody_is_ignored_with_its_reason(
        self, ports: Any, name: str, reason: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source = name.partition("_")[0]
        response = await post(f"/{source}", recorded(name))
        assert (response.status_code, response.json()) == (200, {"ignored": True, "reason": reason})
        assert ports.publisher.messages == []
        line = json.loads(capsys.readouterr().out)
        assert (line["source"], line["outcome"]) == (source, reason)
        assert line["kind"]

    async def test_bot_may_ask_where_the_source_is_told_to_listen_to_it(self) -> None:
        ports = install(listens_to=frozenset({"slack:bot"}))
        assert (await post("/slack", recorded("slack_bot_message"))).status_code == 202
        assert len(ports.publisher.messages) == 1  # type: ignore[attr-defined]
        composition.install(None)

    async def test_edit_belongs_to_the_task_of_what_was_written_first(self, ports: Any) -> None:
        first, edited = await post("/slack", recorded("slack_message")), json.loads(recorded("slack_message_changed"))
        edited["event"]["message"]["ts"] = json.loads(recorded("slack_message"))["event"]["ts"]
        assert (await post("/slack", json.dumps(edited).encode())).json() == first.json()

    @pytest.mark.parametrize(
        ("members", "status"),
        [({"subtype": "file_share"}, 202), ({"subtype": "channel_join"}, 200), ({"bot_id": "B19LU7CSY"}, 200)],
        ids=str,
    )
    async def test_slack_subtype_says_whether_a_person_asks(
        self, ports: Any, members: dict[str, str], status: int
    ) -> None:
        payload = json.loads(recorded("slack_message"))
        payload["event"] |= members
        assert (await post("/slack", json.dumps(payload).encode())).status_code == status

    async def test_slack_challenge_is_answered_only_after_verification(self, ports: Any) -> None:
        body = recorded("slack_url_verification")
        response = await post("/slack", body)
        assert (response.status_code, response.json()) == (200, {"challenge": json.loads(body)["challenge"]})
        assert code_of(await send("POST", "/slack", content=body, headers=JSON)) == (401, "unauthenticated")
        empty = await post("/slack", b'{"type":"url_verification","challenge":7}')
        assert code_of(empty) == (400, "invalid_challenge")


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
            *("/hooks/slack", "/hooks/stripe", "/hooks/a%0A", "/hooks/" + "a" * 64),
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


class TestPublish:
    @pytest.mark.parametrize("fault", [PublishFailed("no acknowledgement"), "hang"], ids=["failed", "hang"])
    async def test_event_that_the_bus_did_not_acknowledge_is_503(self, ports: Any, fault: Any) -> None:
        ports.publisher.fault = fault
        started = asyncio.get_running_loop().time()
        assert code_of(await post("/hooks/crm", b'{"id":"1","text":"x"}')) == (503, "publish_failed")
        assert asyncio.get_running_loop().time() - started < 2.5

    async def test_bug_is_a_bare_500(self, ports: Any, capsys: pytest.CaptureFixture[str]) -> None:
        ports.publisher.fault = RuntimeError(CANARY)
        assert code_of(await post("/hooks/crm", b'{"id":"1","text":"x"}')) == (500, "internal")
        captured = capsys.readouterr()
        assert CANARY not in captured.out + captured.err


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


def envelope(data: bytes, message_id: str = "m-1") -> bytes:
    message = {"messageId": message_id, "data": base64.b64encode(data).decode(), "attributes": {"trace_id": "c3" * 16}}
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/events"}).encode()


async def push(data: bytes) -> httpx.Response:
    return await send("POST", "/", EVENTS_APP, content=envelope(data), headers=JSON)


class TestEvents:
    async def test_published_task_is_passed_on_unchanged(self, ports: Any) -> None:
        task = AutomationTask(
            task_id="t-9", source="billing", raw_payload={"text": "é"}, priority=4, metadata={"a": "b"}
        )
        assert (await push(task.model_dump_json().encode())).status_code == 200
        ((topic, _, attributes),) = ports.publisher.messages
        assert ports.publisher.tasks == [task]
        assert topic == "tasks-express"
        assert attributes == {"schema_version": "1", "source": "billing", "trace_id": "c3" * 16}

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "malformed_json"),
            (b"\xff" + CANARY.encode(), "not_utf8"),
            (b'{"text":"' + CANARY.encode() + b'"}', "invalid_task"),
            (b'{"a":1,"a":2}', "duplicate_key"),
        ],
    )
    async def test_malformed_event_is_parked_once_and_acknowledged(
        self, ports: Any, capsys: pytest.CaptureFixture[str], data: bytes, reason: str
    ) -> None:
        assert [(await push(data)).status_code for _ in range(2)] == [200, 200]
        ((path, letter),) = ports.store.documents.items()
        assert path == "dead_letters/" + sha256_hex(b"events|m-1")
        assert (letter["reason"], base64.b64decode(letter["data"]), letter["truncated"]) == (reason, data, False)
        captured = capsys.readouterr()
        assert '"parked"' in captured.out
        assert CANARY not in captured.out + captured.err

    async def test_event_that_can_be_neither_passed_on_nor_parked_comes_again(self, ports: Any) -> None:
        ports.store.is_down = True
        assert (await push(b"{")).status_code == 503
        ports.publisher.fault = PublishFailed("no acknowledgement")
        assert (await push(b'{"task_id":"t","source":"s","raw_payload":{}}')).status_code == 503

    async def test_payload_as_deep_as_a_webhooks_may_be_is_passed_on(self, ports: Any) -> None:
        deep = b'{"a":' * 64 + b"1" + b"}" * 64
        assert (await push(b'{"task_id":"t","source":"s","raw_payload":%s}' % deep)).status_code == 200
        assert len(ports.publisher.tasks) == 1


AUDIENCE, CALLER = "https://intake.example.com", "sender@project.iam.gserviceaccount.com"
CLOUD: dict[str, Any] = {
    "backend": "gcp",
    "direct_audience": AUDIENCE,
    "direct_callers": frozenset({CALLER}),
}


class FakeGoogle:
    """Signs ID tokens with a key of its own and serves its certificate, as the transport of Google's library."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name, now = x509.Name([]), datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
        certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.signer = crypt.RSASigner.from_string(pem, "key-1")
        self.certificates = json.dumps({"key-1": certificate.decode()}).encode()
        self.fetches = 0
        self.status = 200

    def transport(self) -> Any:
        def fetch(url: str, method: str, timeout: float) -> Any:
            self.fetches += 1
            if self.status == 0:
                raise exceptions.TransportError("down")
            return SimpleNamespace(status=self.status, data=self.certificates)

        return fetch

    def token(self, **claims: Any) -> str:
        now = int(datetime.now(UTC).timestamp())
        base = {"iss": "https://accounts.google.com", "aud": AUDIENCE, "email": CALLER, "email_verified": True}
        token: bytes = jwt.encode(self.signer, base | {"iat": now, "exp": now + 600} | claims)
        return token.decode()


@pytest.fixture(scope="module")
def google() -> FakeGoogle:
    return FakeGoogle()


class TestDirectInTheCloud:
    BODY = b'{"task_id":"t","source":"s","raw_payload":{}}'

    async def receive(self, google: FakeGoogle, headers: Mapping[str, str], **options: Any) -> Outcome:
        async def read() -> bytes:
            return self.BODY

        request = IncomingRequest("POST", "/", JSON | dict(headers), datetime.now(UTC), "", read)
        ports = composition.Ports(Settings(**(CLOUD | options)), FakeStore(), FakePublisher())  # type: ignore[arg-type]
        return await receive_webhook(request, ports, partial(email_of_google_token, transport=google.transport))

    async def test_token_of_an_allowed_caller_passes(self, google: FakeGoogle) -> None:
        outcome = await self.receive(google, {"authorization": f"Bearer {google.token()}"})
        assert outcome.status == 202

    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "https://elsewhere.example.com"},
            {"aud": None},
            {"iss": "https://issuer.example.com"},
            {"email": "other@project.iam.gserviceaccount.com"},
            {"email": None},
            {"email_verified": False},
            {"email_verified": "true"},
            {"exp": 1_700_000_000},
            {"iat": 4_000_000_000, "exp": 4_000_000_600},
        ],
        ids=str,
    )
    async def test_token_that_is_not_quite_right_is_401(self, google: FakeGoogle, claims: dict[str, Any]) -> None:
        with pytest.raises(Unauthenticated):
            await self.receive(google, {"authorization": f"Bearer {google.token(**claims)}"})

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "a.b", "\xe9.\xe9.\xe9", "eyJhbGciOiJub25lIn0.e30."])
    async def test_garbage_token_is_401(self, google: FakeGoogle, token: str) -> None:
        with pytest.raises(Unauthenticated):
            await self.receive(google, {"authorization": f"Bearer {token}"})

    async def test_token_signed_by_somebody_else_is_401(self, google: FakeGoogle) -> None:
        with pytest.raises(Unauthenticated):
            await self.receive(google, {"authorization": f"Bearer {FakeGoogle().token()}"})

    @pytest.mark.parametrize("missing", [{"direct_audience": ""}, {"direct_callers": frozenset()}])
    async def test_token_is_never_accepted_without_audience_and_list(
        self, google: FakeGoogle, missing: dict[str, Any]
    ) -> None:
        with pytest.raises(Misconfigured):
            await self.receive(google, {"authorization": f"Bearer {google.token()}"}, **missing)

    @pytest.mark.parametrize("status", [0, 500])
    async def test_certificates_out_of_reach_are_not_the_callers_fault(self, status: int) -> None:
        google = FakeGoogle()
        google.status = status
        headers = {"authorization": f"Bearer {google.token()}"}
        with pytest.raises(Retry):
            await self.receive(google, headers)
        google.status = 200
        assert [(await self.receive(google, headers)).status for _ in range(3)] == [202, 202, 202]
        assert google.fetches == 2

    async def test_generic_signature_passes_and_nothing_is_401(self, google: FakeGoogle) -> None:
        assert (await self.receive(google, sign("generic", self.BODY, DIRECT_SECRET, datetime.now(UTC)))).status == 202
        for headers in ({}, sign("generic", self.BODY, CRM_SECRET, datetime.now(UTC)), {"authorization": "Basic eDp5"}):
            with pytest.raises(Unauthenticated):
                await self.receive(google, headers)

    async def test_stranger_is_401_where_only_tokens_are_taken_and_503_where_nothing_is(
        self, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DIRECT_WEBHOOK_SECRET")
        with pytest.raises(Unauthenticated):
            await self.receive(google, {})
        with pytest.raises(Misconfigured):
            await self.receive(google, {}, direct_callers=frozenset())

    async def test_open_route_of_the_embedded_backend_is_closed_in_the_cloud(self) -> None:
        ports = install(**CLOUD)
        try:
            assert code_of(await post_task()) == (401, "unauthenticated")
            assert ports.publisher.messages == []  # type: ignore[attr-defined]
        finally:
            composition.install(None)
