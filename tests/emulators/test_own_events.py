"""The events made here say what those say that Firestore's emulator sends by itself, which are Google's own rendering.

The stack does not use these: each is sent once, one after the other, and lost where it is refused or nobody listens.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from google.events.cloud.firestore_v1 import DocumentEventData

from infra.document_event import EVENT_TYPE, approval_event
from infra.emulators.process import HOST
from shared.wiring.adapters.firestore import FirestoreStore
from shared.wiring.ports import ABSENT, Document, Write
from tests.contract.document_events_contract import APPROVAL

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
# The emulator's are random, of whole seconds, of an invented person, or say "projects/" twice.
ITS_OWN = {"ce-id", "ce-time", "ce-authid", "ce-authtype", "ce-source", "ce-location"}

Sent = asyncio.Queue[tuple[dict[str, str], bytes]]


@pytest.fixture
async def sent(project: str, events_port: int, emulator_hosts: Mapping[str, str]) -> AsyncIterator[Sent]:
    """Return what the emulator sends of this project's approvals."""
    events: Sent = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while lines := (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]:
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                events.put_nowait((headers, base64.b64decode(body, validate=True)))
                writer.write(ANSWER)
        except EOFError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, HOST, events_port)
    trigger = {"eventType": EVENT_TYPE, "database": "(default)"}
    documents = {"value": "approvals/{task_id}", "matchType": "PATH_PATTERN"}
    url = f"http://{emulator_hosts['FIRESTORE_EMULATOR_HOST']}/emulator/v1/projects/{project}/eventarcTrigger"
    async with httpx.AsyncClient(headers={"authorization": "Bearer owner"}, trust_env=False, timeout=20) as http:
        answer = await http.post(url, params={"eventarcTriggerId": "t"}, json=trigger | {"document": documents})
        answer.raise_for_status()
    yield events
    server.close()


async def test_event_made_here_says_what_the_emulators_own_does(project: str, sent: Sent) -> None:
    store = FirestoreStore(project)
    decided: Document = APPROVAL | {"status": "approved", "parameters": {"amount_minor": 1, "deep": [{"a": None}, 1.5]}}
    befores: list[Document | None] = [None, APPROVAL]
    for before, after in zip(befores, [APPROVAL, decided], strict=True):
        [version] = await store.commit(Write("approvals/t1", after, ABSENT if before is None else None))
        async with asyncio.timeout(30):
            headers, body = await sent.get()
        made_headers, made_body = approval_event(project, "t1", after, version, "kim@example.com", before)
        theirs, made = (DocumentEventData.pb(DocumentEventData.deserialize(text)) for text in (body, made_body))
        for event in (theirs, made):
            for document in (event.value, event.old_value):
                document.ClearField("create_time")
            event.old_value.ClearField("update_time")
            event.ClearField("update_mask")
        assert (made.value, made.old_value) == (theirs.value, theirs.old_value)
        assert {n: v for n, v in made_headers.items() if n not in ITS_OWN} == {
            name: headers.get(name) for name in made_headers.keys() - ITS_OWN
        }
    await store.close()
