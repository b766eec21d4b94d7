"""Large bodies: what nobody reads is left out, and only so many are held at once."""

from __future__ import annotations

import json

import pytest
from starlette.requests import Request

from functions.intake.room import LARGE_AT_ONCE, MAX_WEBHOOK_BYTES, Room
from shared.errors import Retry
from shared.task.schemas import MAX_PAYLOAD_BYTES
from tests.contract.bodies.wire import ISSUE, post, task_of
from tests.world import World

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
