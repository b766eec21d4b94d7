"""Listens to open approvals and makes the events that Eventarc would.

Firestore's emulator can send events of its own, which say the same, but each only once, whether it was taken or not
(`findings/firestore-emulator-sends-...`); Eventarc's come again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import grpc
from google.cloud.firestore_v1.types import ListenRequest, ListenResponse
from google.protobuf.message import DecodeError

from infra.document_event import approval_event

# Nobody signs in to the emulator, so every edit made there has this one author.
AUTHOR = "firestore-emulator@localhost"
PAUSE_AFTER_ERROR_S = 1.0
CLOSE_TIMEOUT_S = 2.0
LISTEN_S = 5.0

Event = tuple[dict[str, str], bytes]


class ApprovalWatcher:
    """Events of `approvals` whose `outcome` is null: what a person can still decide.

    At least once: the approvals open at the start, and after a broken connection, count as changed.
    """

    def __init__(self, project: str, database: str = "(default)") -> None:
        self._project, self._database = project, database
        self._seen: dict[str, tuple[str, Any]] = {}  # document name -> update time and data of the last event

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield headers and body of each change, for ever; a broken connection is opened again."""
        while True:
            try:
                async with _listening(f"projects/{self._project}/databases/{self._database}") as changes:
                    async for change in changes:
                        if event := self._event(change):
                            yield event
            except (DecodeError, grpc.RpcError, asyncio.InvalidStateError) as error:
                if not _is_deadline(error):
                    await asyncio.sleep(PAUSE_AFTER_ERROR_S)

    def _event(self, response: Any) -> Event | None:
        from google.cloud.firestore_v1._helpers import decode_dict

        if gone := response.document_remove.document or response.document_delete.document:
            self._seen.pop(gone, None)
        document = response.document_change.document
        if not document.name:
            return None
        update_time = document.update_time.rfc3339()
        known, before = self._seen.get(document.name, ("", None))
        if known == update_time:
            return None
        task_id = document.name.rpartition("/")[2]
        data: Any = decode_dict(type(document).pb(document).fields, None)
        self._seen[document.name] = update_time, data
        before = before and _plain(before)
        return approval_event(self._project, task_id, _plain(data), update_time, AUTHOR, before, self._database)


@asynccontextmanager
async def _listening(database: str) -> AsyncIterator[AsyncIterator[Any]]:
    """Open the stream of changes on a channel of its own.

    A change that comes while the emulator still answers the request is sometimes lost, or sent as bytes that are no
    message, after which the client's own `listen` waits for ever. So a stream ends early, and at such bytes at once:
    the next one tells of everything open, and only what is new is passed on.
    """
    channel = grpc.aio.insecure_channel(os.environ["FIRESTORE_EMULATOR_HOST"])
    try:
        listen = channel.stream_stream(
            "/google.firestore.v1.Firestore/Listen",
            request_serializer=ListenRequest.serialize,
            response_deserializer=bytes,
        )
        metadata = (("authorization", "Bearer owner"), ("google-cloud-resource-prefix", database))
        call = listen(metadata=metadata, timeout=LISTEN_S)
        await call.write(ListenRequest(_listen_request(database)))  # an iterator of requests would outlive the call
        yield (ListenResponse.deserialize(message) async for message in call)
    finally:
        with suppress(TimeoutError):  # a broken channel may never close
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await channel.close()


def _plain(value: Any) -> Any:
    """Return the value with a word for what is of a type that we never write: bytes, a place, a reference."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, None | bool | int | float | str | datetime) else type(value).__name__


def _is_deadline(error: Exception) -> bool:
    return isinstance(error, grpc.aio.AioRpcError) and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def _listen_request(database: str) -> dict[str, Any]:
    is_open = {"unary_filter": {"field": {"field_path": "outcome"}, "op": "IS_NULL"}}
    query = {"from": [{"collection_id": "approvals"}], "where": is_open}
    target = {"query": {"parent": f"{database}/documents", "structured_query": query}, "target_id": 1}
    return {"database": database, "add_target": target}
