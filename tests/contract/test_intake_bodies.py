"""What a verified webhook's body may be: whatever it is, it becomes a task, is parked, or is ignored with a reason."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from functions_framework.aio import create_asgi_app_from_module
from starlette.requests import Request

from functions.intake import main
from functions.intake.bodies import CLOUDEVENTS, FORM, JSON
from functions.intake.room import LARGE_AT_ONCE, MAX_WEBHOOK_BYTES, Room
from functions.intake.step import receive_event
from shared.errors import Refused, Retry
from shared.event.payload import view
from shared.event.signatures import sign
from shared.records.letters import redrive_letter
from shared.serving.push import MAX_DATA_BYTES
from shared.task.moves import Person
from shared.task.schemas import MAX_PAYLOAD_BYTES, AutomationTask
from shared.wiring import composition
from tests.world import World

APP = create_asgi_app_from_module("intake", main.__file__, "http", main, main.__spec__)
SECRET = b"a-secret-of-the-source-0123456789"
SCHEMES = {"/zendesk": "zendesk", "/jira": "jira", "/slack": "slack", "/github": "github", "/stripe": "stripe"}
SCHEMES |= {"/hooks/crm": "generic"}
OPS = Person("ops@example.com", "console")
ISSUE = {"action": "opened", "issue": {"id": 7, "title": "Order", "body": "Where is #1?", "user": {"login": "kim"}}}
ASK = {
    "token": "t",
    "team_id": "T1",
    "channel_id": "C1",
    "user_id": "U1",
    "user_name": "kim",
    "command": "/ask",
    "text": "where is order 47384",
    "response_url": "https://hooks.slack.com/commands/x",
    "trigger_id": "13345224609.738474920.8088930838d88f008e0",
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for path in SCHEMES:
        monkeypatch.setenv(f"{path.rpartition('/')[2].upper()}_WEBHOOK_SECRET", SECRET.decode())
    world = World()
    composition.install(world.ports)
    yield world
    composition.install(None)


async def post(path: str, body: bytes, media: str = JSON, secret: bytes = SECRET) -> httpx.Response:
    headers = {"content-type": media} | sign(SCHEMES[path], body, secret, datetime.now(UTC))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://127.0.0.1") as client:
        return await client.post(path, content=body, headers=headers)


def task_of(world: World) -> AutomationTask:
    ((topic, data, _),) = world.publisher.messages
    assert topic.startswith("tasks")
    return AutomationTask.model_validate_json(data)


async def parked(world: World) -> dict[str, Any]:
    """Pass on what intake handed over, and return the letter it became."""
    ((topic, data, attributes),) = world.publisher.messages
    assert topic == "events"
    world.publisher.messages.clear()
    await receive_event(world.delivery(data, attributes=attributes, subscription="events"), world.ports)
    (letter,) = world.store.all("dead_letters")
    return letter


UNREADABLE = [
    (b"\xff", "not_utf8"),
    (b"", "malformed_json"),
    (b'{"text":"an "unescaped" quote"}', "malformed_json"),
    (b'{"a":' + b"[" * 100_000, "too_deep"),
    (b'{"a":{"b":1,"b":2}}', "duplicate_key"),
    (b'{"a\\u0000":1,"a":2}', "duplicate_key"),
    (b'{"a":NaN}', "not_finite"),
    (b'{"a":9223372036854775808}', "integer_too_large"),
    (b"[1]", "not_an_object"),
    (b'{"text":"x","numbers":[' + b"1e15," * 50_000 + b"1]}", "too_large"),
]


class TestParked:
    @pytest.mark.parametrize("path", SCHEMES)
    @pytest.mark.parametrize(("body", "code"), UNREADABLE, ids=[code for _, code in UNREADABLE])
    async def test_verified_body_that_cannot_be_read_is_parked_with_its_source(
        self, world: World, path: str, body: bytes, code: str
    ) -> None:
        if code == "too_large" and path != "/hooks/crm":
            body = b'{"pad":"' + b"x" * 300_000 + b'","text":"Where is my order, please?"}'
        response = await post(path, body)
        assert (response.status_code, response.json()) == (202, {"parked": code})
        attributes = world.publisher.messages[0][2]
        source = path.rpartition("/")[2]
        assert {**attributes, "trace_id": ""} == {
            "parked": "1",
            "source": source,
            "media": JSON,
            "reason": code,
            "trace_id": "",
        }
        letter = await parked(world)
        assert (letter["reason"], letter["source"], base64.b64decode(letter["data"])) == (code, source, body)

    async def test_nothing_is_parked_before_the_signature_holds(self, world: World) -> None:
        response = await post("/hooks/crm", b"{", secret=b"another-secret-0123456789")
        assert (response.status_code, world.publisher.messages) == (401, [])

    async def test_parked_body_that_can_be_read_now_becomes_its_task_when_redriven(self, world: World) -> None:
        body = b'{"id":"1","text":"Where is #1?"}'
        await post("/hooks/crm", b"{")
        await parked(world)
        letter_id = _letter(world)
        world.store.put(
            f"dead_letters/{letter_id}", data=base64.b64encode(body).decode()
        )  # as if that were readable now
        await redrive_letter(world.ports, letter_id, OPS, reason="the parser is mended")
        ((topic, data, attributes),) = world.publisher.messages
        world.publisher.messages.clear()
        assert (topic, data, attributes["source"]) == ("events", body, "crm")
        assert (await receive_event(world.delivery(data, attributes=attributes), world.ports)).code == "accepted"
        assert task_of(world).raw_payload == json.loads(body)

    async def test_redriven_form_is_read_as_a_form(self, world: World) -> None:
        body = urlencode({"payload": json.dumps(ISSUE)}).encode()
        attributes = {"parked": "1", "source": "github", "media": FORM, "reason": "malformed_form"}
        await receive_event(world.delivery(body, attributes=attributes), world.ports)
        assert task_of(world).raw_payload == ISSUE

    async def test_body_over_what_a_document_holds_keeps_its_head_and_is_not_sent_again(self, world: World) -> None:
        assert (await post("/hooks/crm", b"{" + b" " * MAX_DATA_BYTES)).json() == {"parked": "malformed_json"}
        assert (await parked(world))["truncated"]
        with pytest.raises(Refused):
            await redrive_letter(world.ports, _letter(world), OPS, reason="again")


def _letter(world: World) -> str:
    (path,) = (p for p in world.store.documents if p.startswith("dead_letters/"))
    return path.rpartition("/")[2]


class TestMended:
    @pytest.mark.parametrize(
        ("body", "text"),
        [
            (b'\xef\xbb\xbf{"id":1,"text":"hi"}', "hi"),
            (b'{"id":1,"text":"a\nb\tc"}', "a\nb\tc"),
            (b'{"id":1,"text":"cut \\ud83d"}', "cut \ufffd"),
            (b'{"id":1,"text":"\\ud83d\\ude00"}', "\U0001f600"),
            (b'{"id":1,"text":"a\\u0000b"}', "ab"),
            (b'{"id":1,"text":"a\x00b"}', "ab"),
        ],
    )
    async def test_what_has_one_reading_is_read(self, world: World, body: bytes, text: str) -> None:
        assert (await post("/hooks/crm", body)).status_code == 202
        assert task_of(world).raw_payload == {"id": 1, "text": text}


class TestForms:
    async def test_github_form_is_the_same_task_as_its_json(self, world: World) -> None:
        plain = await post("/github", json.dumps(ISSUE).encode())
        form = await post("/github", urlencode({"payload": json.dumps(ISSUE)}).encode(), FORM)
        assert (form.status_code, form.json()) == (202, plain.json())
        ping = urlencode({"payload": json.dumps({"zen": "Keep it simple.", "hook": {}})}).encode()
        assert (await post("/github", ping, FORM)).json() == {"ignored": True, "reason": "ping"}

    @pytest.mark.parametrize("body", [b"", b"x=1", b"payload=%FF", b"payload={}&payload={}", b"=&" * 200, b"\xff"])
    async def test_github_form_without_one_payload_is_parked(self, world: World, body: bytes) -> None:
        assert (await post("/github", body, FORM)).json() == {"parked": "malformed_form"}

    async def test_slack_command_is_a_task_and_the_writer_is_told(self, world: World) -> None:
        response = await post("/slack", urlencode(ASK).encode(), FORM)
        task = task_of(world)
        said = {"response_type": "ephemeral", "text": f"Taken as task {task.task_id}; what becomes of it is told here."}
        assert (response.status_code, response.json()) == (200, said)
        seen = view("slack", task.raw_payload)
        assert (dict(seen.texts), seen.at("/requester/id")) == ({"/text": "where is order 47384"}, "U1")
        assert task.raw_payload["response_url"] == ASK["response_url"]
        await post("/slack", urlencode(ASK | {"trigger_id": "other"}).encode(), FORM)
        assert len({json.loads(data)["task_id"] for _, data, _ in world.publisher.messages}) == 2

    @pytest.mark.parametrize("fields", [ASK | {"text": " "}, {"ssl_check": "1", "token": "t"}], ids=["empty", "ssl"])
    async def test_slack_form_that_asks_nothing_is_answered_with_200(
        self, world: World, fields: dict[str, str]
    ) -> None:
        response = await post("/slack", urlencode(fields).encode(), FORM)
        assert response.status_code == 200
        assert response.json()["text"].startswith("Nothing to do: ")
        assert [attributes for _, _, attributes in world.publisher.messages] == [{"counted": "1"}]

    async def test_slack_shortcut_hands_over_the_words_of_whoever_wrote_them(self, world: World) -> None:
        message = {"type": "message", "user": "U2", "ts": "1.2", "text": "Where is #47384?"}
        pressed = {"type": "message_action", "team": {"id": "T1"}, "channel": {"id": "C1"}, "user": {"id": "U1"}}
        body = urlencode({"payload": json.dumps(pressed | {"message": message})}).encode()
        assert (await post("/slack", body, FORM)).status_code == 200
        seen = view("slack", task_of(world).raw_payload)
        assert (dict(seen.texts), seen.at("/requester/id")) == ({"/message/text": "Where is #47384?"}, "U2")

    async def test_cloudevent_is_taken_where_anybody_may_send(self, world: World) -> None:
        event = {"specversion": "1.0", "id": "e1", "type": "x", "source": "y", "data": {"text": "Where is #1?"}}
        assert (await post("/hooks/crm", json.dumps(event).encode(), CLOUDEVENTS)).status_code == 202
        assert (await post("/jira", b"{}", CLOUDEVENTS)).status_code == 415
        assert (await post("/stripe", b"a=b", FORM)).status_code == 415


COMMENT = {"id": "9", "body": "Where is #47384?", "author": {"displayName": "Kim"}}


class TestSizes:
    async def test_large_event_is_kept_without_what_nobody_reads(self, world: World) -> None:
        old = [{"id": str(n), "body": "x" * 2_000} for n in range(200)]
        issue = {"id": "1", "fields": {"summary": "s", "comment": {"comments": old}}}
        event = {"webhookEvent": "comment_created", "comment": COMMENT, "issue": issue}
        small = event | {"issue": {"id": "1", "fields": {"summary": "s"}}}
        assert (await post("/jira", json.dumps(event).encode())).status_code == 202
        task = task_of(world)
        assert (task.raw_payload, task.metadata) == (small, {"pruned": "/issue/fields/comment"})

    async def test_what_is_read_is_never_left_out(self, world: World) -> None:
        event = ISSUE | {"issue": {"id": 7, "body": "x" * (MAX_PAYLOAD_BYTES + 1)}}
        assert (await post("/github", json.dumps(event).encode())).json() == {"parked": "too_large"}

    async def test_small_event_keeps_everything(self, world: World) -> None:
        event = {"webhookEvent": "comment_created", "comment": COMMENT}
        event |= {"issue": {"id": "1", "fields": {"comment": {"comments": []}}}}
        await post("/jira", json.dumps(event).encode())
        assert (task_of(world).raw_payload, task_of(world).metadata) == (event, None)

    async def test_only_so_many_large_bodies_are_held_at_once(self) -> None:
        room, large = Room(), _request("/jira", MAX_PAYLOAD_BYTES + 1)
        held = [room.limit(large) for _ in range(LARGE_AT_ONCE)]
        assert [h.__enter__() for h in held] == [MAX_WEBHOOK_BYTES] * LARGE_AT_ONCE
        with pytest.raises(Retry), room.limit(large):
            pytest.fail("there was room")
        with room.limit(_request("/jira", 10)) as limit:
            assert limit == MAX_PAYLOAD_BYTES
        held.pop().__exit__(None, None, None)
        with room.limit(large) as limit:
            assert limit == MAX_WEBHOOK_BYTES

    def test_plain_task_never_needs_more_than_its_limit(self) -> None:
        with Room(places=0).limit(_request("/", MAX_PAYLOAD_BYTES + 1)) as limit:
            assert limit == MAX_PAYLOAD_BYTES


def _request(path: str, length: int) -> Request:
    return Request({"type": "http", "path": path, "headers": [(b"content-length", str(length).encode())]})


MAP = "words=/comment/text|/subject,email=/customer_email,id=/event/id,at=/updated_at"
EVENT = {
    "subject": "Order",
    "comment": {"text": "Where is #47384?"},
    "customer_email": "kim@example.com",
    "event": {"id": 5},
    "updated_at": "2026-11-01T10:00:00Z",
}


class TestFields:
    @pytest.fixture(autouse=True)
    def named(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CRM_FIELDS", MAP)
        monkeypatch.setenv("ZENDESK_FIELDS", "words=/says")

    async def test_source_is_read_by_its_map_and_the_record_keeps_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert (await post("/hooks/crm", json.dumps(EVENT).encode())).status_code == 202
        task = task_of(world)
        monkeypatch.delenv("CRM_FIELDS")
        seen = view("crm", task.raw_payload, task.metadata)
        assert dict(seen.texts) == {"/comment/text": "Where is #47384?", "/subject": "Order"}
        assert seen.at("/requester/email") == "kim@example.com"
        assert task.raw_payload == EVENT

    @pytest.mark.parametrize(
        ("first", "then", "tasks"),
        [
            ("2026-11-01T10:00:00Z", "2026-11-01T11:00:00Z", 2),
            ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z", 1),
            ("2026-11-01", "2026-11-01", 2),  # a day tells nothing: the words do
        ],
    )
    async def test_moment_tells_events_of_one_id_apart(self, world: World, first: str, then: str, tasks: int) -> None:
        await post("/hooks/crm", json.dumps(EVENT | {"updated_at": first}).encode())
        again = EVENT | {"updated_at": then, "comment": {"text": "Cancel it"}}
        await post("/hooks/crm", json.dumps(again).encode())
        assert len({json.loads(data)["task_id"] for _, data, _ in world.publisher.messages}) == tasks

    async def test_nothing_at_the_mapped_places_is_ignored_with_a_warning(
        self, world: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        response = await post("/hooks/crm", b'{"text":"Where is my order, it is late"}')
        assert (response.status_code, response.json()["reason"]) == (200, "no_words")
        assert json.loads(capsys.readouterr().out)["severity"] == "WARNING"

    async def test_vendors_own_shape_is_read_by_the_vendor(self, world: World) -> None:
        assert (await post("/zendesk", b'{"says":"Where is #1?"}')).status_code == 202
        own = {"type": "zen:event-type:ticket.created", "detail": {"id": "1", "description": "Where is #2?"}}
        await post("/zendesk", json.dumps(own).encode())
        payloads = [AutomationTask.model_validate_json(data) for _, data, _ in world.publisher.messages]
        texts = [dict(view("zendesk", t.raw_payload, t.metadata).texts) for t in payloads]
        assert texts == [{"/says": "Where is #1?"}, {"/detail/description": "Where is #2?"}]

    async def test_map_that_cannot_be_read_is_503_and_named(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for wrong in ("email=/a", "words=a", "words=/a,words=/b", "who=/a", "words"):
            monkeypatch.setenv("CRM_FIELDS", wrong)
            response = await post("/hooks/crm", b"{}")
            assert (response.status_code, response.json()["error"]["code"]) == (503, "bad_fields")
            assert "CRM_FIELDS" in response.json()["error"]["message"]


async def test_slack_event_whose_type_is_no_text_is_no_error_of_ours(world: World) -> None:
    response = await post("/slack", b'{"event":{"type":[0],"text":"hi"}}')
    assert (response.status_code, response.json()["reason"]) == (200, "no_words")


WORDS = "Where is my order number 47384 please"
SAID: list[tuple[str, bytes, str]] = [
    ("/hooks/crm", json.dumps({"text": WORDS}).encode(), JSON),
    ("/hooks/crm", json.dumps({"deep": {"er": [WORDS]}}).encode(), JSON),
    ("/hooks/crm", b'{"text":"%s"' % WORDS.encode(), JSON),
    ("/hooks/crm", b'{"text":"%s","text":""}' % WORDS.encode(), JSON),
    ("/zendesk", json.dumps({"ticket_title": "Order", "ticket_description": WORDS}).encode(), JSON),
    ("/jira", json.dumps({"issue": {"fields": {"description": WORDS}}}).encode(), JSON),
    ("/github", urlencode({"payload": json.dumps(ISSUE | {"issue": {"id": 1, "body": WORDS}})}).encode(), FORM),
    ("/github", urlencode({"body": WORDS}).encode(), FORM),
    ("/slack", urlencode(ASK | {"text": WORDS}).encode(), FORM),
    ("/slack", urlencode({"payload": "{" + WORDS}).encode(), FORM),
]


@pytest.mark.parametrize(("path", "body", "media"), SAID)
async def test_words_that_were_answered_with_2xx_are_in_a_task_or_a_dead_letter(
    world: World, path: str, body: bytes, media: str
) -> None:
    response = await post(path, body, media)
    assert response.status_code in (200, 202)
    ((topic, data, _),) = world.publisher.messages
    kept = base64.b64decode((await parked(world))["data"]) if topic == "events" else data
    assert kept == body or WORDS in kept.decode()


@pytest.mark.parametrize("path", SCHEMES)
@pytest.mark.parametrize("body", [b"{}", b"{", b'{"text":"Where is it?"}', b'{"a":NaN}'])
async def test_every_2xx_is_published_or_ignored_with_a_reason(world: World, path: str, body: bytes) -> None:
    response = await post(path, body)
    if response.status_code == 202:
        assert len(world.publisher.messages) == 1
    else:
        assert (response.status_code, response.json()["ignored"]) == (200, True)
        assert response.json()["reason"]


async def test_nothing_is_answered_2xx_while_the_bus_is_down(world: World) -> None:
    world.publisher.broken = True
    answers = await asyncio.gather(*(post(path, body, media) for path, body, media in SAID))
    assert {answer.status_code for answer in answers} == {503}
