"""Tasks that come from the topic of events."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest
from functions_framework.aio import create_asgi_app_from_module

from functions.intake import main
from shared.canonical import sha256_hex
from shared.errors import PublishFailed
from shared.task.schemas import AutomationTask
from tests.contract.intake.wire import CANARY, JSON, send

EVENTS_APP = create_asgi_app_from_module("intake_events", main.__file__, "http", main, main.__spec__)


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
