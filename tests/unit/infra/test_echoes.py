"""The vendors of the sandbox tell of our effects, in words that whoever does not look would act on again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from functions.intake.taking import Ignored, take
from infra.sandbox.app import create_app
from infra.sandbox.echoes import Echoes

REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 1900,
    "currency": "eur",
    "payment_intent": "pi_10311",
    "metadata": {"effect_key": "t1.refund_request.1"},
    "status": "pending",
}


async def told(tell: Any, vendor: str) -> list[dict[str, Any]]:
    """Return the bodies that a subscriber gets."""
    bodies: list[dict[str, Any]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        bodies.append(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, asyncio.timeout(10):
        port = server.sockets[0].getsockname()[1]
        echoes = Echoes()
        echoes.subscribe([{"vendor": vendor, "url": f"http://127.0.0.1:{port}/", "secret": "x" * 16}])
        tell(echoes)
        await echoes.drain()
    assert {answer["status"] for answer in echoes.answers} == {200}
    return bodies


async def test_refund_is_told_with_its_marks_and_with_words_that_ask_for_one() -> None:
    bodies = {body["type"]: body for body in await told(lambda e: e.of_refund(REFUND), "stripe")}
    assert bodies["refund.created"]["data"]["object"]["metadata"] == REFUND["metadata"]
    assert "refund of 19.00" in bodies["charge.refunded"]["data"]["object"]["description"]
    reasons = {kind: take("stripe", body) for kind, body in bodies.items()}
    assert reasons == {
        "refund.created": Ignored("own_effect", "refund.created"),
        "charge.refunded": Ignored("no_words", "charge.refunded"),
    }


async def test_message_that_our_app_posted_is_told_and_ignored() -> None:
    [body] = await told(lambda e: e.of_message("#ops", "Please refund $25.00 for order #10021"), "slack")
    assert take("slack", body) == Ignored("bot", "message")


async def test_subscriber_that_is_gone_costs_nothing() -> None:
    echoes = Echoes()
    echoes.subscribe([{"vendor": "slack", "url": "http://127.0.0.1:1/", "secret": "x" * 16}])
    echoes.of_message("#ops", "hello")
    async with asyncio.timeout(10):
        await echoes.drain()
    assert echoes.answers[0]["body"] == httpx.ConnectError.__name__


async def test_ledger_waits_for_what_is_being_told_of_its_entries() -> None:
    app, answered = create_app(), False

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        await asyncio.sleep(0.1)
        answered = True
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    transport = httpx.ASGITransport(app)
    async with server, asyncio.timeout(10), httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await client.post("/_webhooks", json=[{"vendor": "slack", "url": url, "secret": "x" * 16}])
        app.state.desk.echoes.of_message("#ops", "hello")
        assert not answered
        assert [echo["status"] for echo in (await client.get("/_ledger")).json()["echoes"]] == [200]
