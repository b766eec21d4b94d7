"""Firestore's emulator sends no document events: this listens to open approvals and makes the events Eventarc would."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from infra.document_event import DATABASE, approval_event
from shared.adapters import grpc_status

# Nobody signs in to the emulator, so every edit made there has this one author.
AUTHOR = "firestore-emulator@localhost"
PAUSE_AFTER_ERROR_S = 1.0

Event = tuple[dict[str, str], bytes]


class ApprovalWatcher:
    """Events of `approvals` whose `outcome` is null: what a person can still decide.

    At least once: the approvals open at the start, and after a broken connection, count as changed.
    """

    def __init__(self, project: str) -> None:
        self._project = project
        self._seen: dict[str, str] = {}  # document name -> update time of the event already given

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield headers and body of each change, for ever; a broken connection is opened again."""
        while True:
            client = _client()
            try:
                async for change in await client.listen(
                    requests=_once(_listen_request(self._project)),
                    metadata=(
                        ("authorization", "Bearer owner"),
                        ("google-cloud-resource-prefix", _database(self._project)),
                    ),
                ):
                    if event := self._event(change):
                        yield event
            except Exception as error:
                if not grpc_status(error):
                    raise
            finally:
                await client.transport.close()
            await asyncio.sleep(PAUSE_AFTER_ERROR_S)

    def _event(self, response: Any) -> Event | None:
        from google.cloud.firestore_v1._helpers import decode_dict

        if gone := response.document_remove.document or response.document_delete.document:
            self._seen.pop(gone, None)
        document = response.document_change.document
        if not document.name:
            return None
        update_time = document.update_time.rfc3339()
        if self._seen.get(document.name) == update_time:
            return None
        self._seen[document.name] = update_time
        task_id = document.name.rpartition("/")[2]
        data: Any = decode_dict(type(document).pb(document).fields, None)
        return approval_event(self._project, task_id, data, update_time, AUTHOR)


def _client() -> Any:
    import grpc
    from google.cloud.firestore_v1.services.firestore import FirestoreAsyncClient
    from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcAsyncIOTransport

    channel = grpc.aio.insecure_channel(os.environ["FIRESTORE_EMULATOR_HOST"])
    return FirestoreAsyncClient(transport=FirestoreGrpcAsyncIOTransport(channel=channel))


def _database(project: str) -> str:
    return f"projects/{project}/databases/{DATABASE}"


def _listen_request(project: str) -> dict[str, Any]:
    is_open = {"unary_filter": {"field": {"field_path": "outcome"}, "op": "IS_NULL"}}
    query = {"from": [{"collection_id": "approvals"}], "where": is_open}
    target = {"query": {"parent": f"{_database(project)}/documents", "structured_query": query}, "target_id": 1}
    return {"database": _database(project), "add_target": target}


async def _once(request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    yield request
    await asyncio.Event().wait()  # the stream lives as long as its requests do
