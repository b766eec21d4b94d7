"""The largest message that Pub/Sub takes, in the dearest form there is, fits into the memory of each function."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from functions.intake.room import LARGE_AT_ONCE, MAX_WEBHOOK_BYTES
from infra.capacity import MEMORY_MIB, PARSING_MIB, PROCESS_MIB
from infra.manifest import build
from infra.resources import Function
from shared.serving.push import MAX_DATA_BYTES
from shared.task.schemas import MAX_PAYLOAD_BYTES
from tests.world import REGISTRY

TIMEOUT_S = 120
MESSAGE_BYTES = 10_000_000
GOOGLE_MIB = 40  # of Google's libraries, which are not imported here
MANIFEST = build(REGISTRY)
PUSHED = [f for f in MANIFEST.functions if f.trigger == "push"]
SOURCES = ("events", "tasks", "intent-order-status")

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")


def small_objects(size: int) -> bytes:
    """Return a task of `size` bytes whose payload is small objects: as a tree they are some fifty times as large."""
    head, item, tail = b'{"task_id":"a","source":"b","raw_payload":{"t":[', b'{"a":1}', b"]}}"
    count = (size - len(head) - len(tail) + 1) // (len(item) + 1)
    return head + b",".join([item] * count) + tail


def envelope(data: bytes, source: str, **attributes: str) -> bytes:
    message = {
        "messageId": "1",
        "data": base64.b64encode(data).decode(),
        "attributes": {"CloudPubSubDeadLetterSourceSubscription": source, **attributes},
    }
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()


def small_values(size: int) -> bytes:
    """Return the protobuf of a document event of `size` bytes: an approval that holds a list of nulls."""

    def field(tag: int, content: bytes) -> bytes:
        length, rest = b"", len(content)
        while rest > 127:
            length, rest = length + bytes([rest & 127 | 128]), rest >> 7
        return bytes([tag]) + length + bytes([rest]) + content

    a_list = field(0x4A, b"\x0a\x02\x58\x00" * (size // 4))
    return field(0x0A, field(0x12, field(0x0A, b"status") + field(0x12, a_list)))


def run(function: Function, body: bytes, tmp_path: Path, count: int = 1) -> dict[str, Any]:
    file = tmp_path / "body"
    file.write_bytes(body)
    command = [sys.executable, "-m", "tests.memory.peak", function.name, str(file), str(count)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    seen: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return seen


@pytest.mark.parametrize("function", PUSHED, ids=lambda f: f.name)
def test_one_large_message_is_answered_within_the_memory_set_aside_for_it(function: Function, tmp_path: Path) -> None:
    for source in SOURCES if function.name == "deadletter" else SOURCES[:1]:
        seen = run(function, envelope(small_objects(MESSAGE_BYTES), source), tmp_path)
        assert seen["statuses"] == [200], source
        assert seen["grew_mib"] < PARSING_MIB, source


@pytest.mark.parametrize("function", PUSHED, ids=lambda f: f.name)
def test_largest_message_that_is_parsed_fits_as_well(function: Function, tmp_path: Path) -> None:
    seen = run(function, envelope(small_objects(MAX_DATA_BYTES), "tasks"), tmp_path)
    assert seen["statuses"] == [200]
    assert seen["grew_mib"] < PARSING_MIB


@pytest.mark.parametrize(
    "size", [MESSAGE_BYTES, MAX_DATA_BYTES, MAX_PAYLOAD_BYTES], ids=["10 MB", "720 KiB", "256 KiB"]
)
@pytest.mark.parametrize("name", ["intake-events", "deadletter"])
def test_as_many_as_an_instance_takes_at_once_fit_into_its_memory(name: str, size: int, tmp_path: Path) -> None:
    """Also where all of them have been parsed, and wait for the store."""
    function = MANIFEST.function(name)
    seen = run(function, envelope(small_objects(size), "events"), tmp_path, function.requests_per_instance)
    assert set(seen["statuses"]) == {200}
    assert seen["grew_mib"] < MEMORY_MIB - PROCESS_MIB


def test_as_many_large_webhooks_as_are_read_at_once_fit_into_the_memory_of_intake(tmp_path: Path) -> None:
    """They are parsed one after another, and nothing of what was parsed is kept while the bus is waited for."""
    body = b'{"id":"1","text":"x","t":[' + b",".join([b"[]"] * ((MAX_WEBHOOK_BYTES - 40) // 3)) + b"]}"
    seen = run(MANIFEST.function("intake"), body, tmp_path, LARGE_AT_ONCE)
    assert seen["statuses"] == [202] * LARGE_AT_ONCE
    assert seen["peak_mib"] + GOOGLE_MIB < MEMORY_MIB


def test_large_event_of_a_document_is_not_parsed(tmp_path: Path) -> None:
    seen = run(MANIFEST.function("resume"), small_values(MESSAGE_BYTES), tmp_path)
    assert seen["statuses"] == [200]
    assert seen["grew_mib"] < PARSING_MIB


def test_envelope_of_many_small_values_is_none(tmp_path: Path) -> None:
    """Pub/Sub allows 100 attributes."""
    many = json.dumps({"message": {"messageId": "1", "attributes": [{"a": 1}] * 1_000_000}}).encode()
    seen = run(MANIFEST.function("intake-events"), many, tmp_path)
    assert seen["statuses"] == [400]
    assert seen["grew_mib"] < PARSING_MIB
