"""A verified body that cannot be read is parked and can be redriven; what has one reading is read."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import pytest

from functions.intake.bodies import FORM, JSON
from functions.intake.step import receive_event
from shared.errors import Refused
from shared.records.letters import redrive_letter
from shared.serving.push import MAX_DATA_BYTES
from shared.task.moves import Person
from tests.contract.bodies.wire import ISSUE, SCHEMES, parked, post, task_of
from tests.world import World

OPS = Person("ops@example.com", "console")
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
