"""The `google-generativeai` adapter against the local Gemini server. Runs in the environment of classify.txt."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from infra.gemini_server import GeminiServer
from shared.errors import ModelUnavailable
from shared.model.question import Classifier
from shared.wiring.adapters.gemini import GeminiClassifier
from tests.contract.classifier_contract import KEY, MODEL, RemoteClassifierContract, question


class TestGemini(RemoteClassifierContract):
    def build(self, endpoint: str, key: str = KEY) -> Classifier:
        return GeminiClassifier(key, MODEL, endpoint)

    async def test_more_calls_than_ten_are_in_flight_when_the_settings_say_so(self, server: GeminiServer) -> None:
        classifier = GeminiClassifier(KEY, MODEL, server.url, max_in_flight=25)
        server.latency_ms = 400
        await asyncio.gather(*(classifier.ask(question(), 5) for _ in range(25)))
        assert server.max_in_flight == 25
        await classifier.close()

    @pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["header", "body"])
    async def test_a_reply_that_drips_holds_no_place_beyond_the_timeout(self, head: bytes) -> None:
        async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(OSError):
                writer.write(head)
                while True:
                    writer.write(b"H")
                    await writer.drain()
                    await asyncio.sleep(0.02)

        async with await asyncio.start_server(drip, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            classifier = GeminiClassifier(KEY, MODEL, f"http://127.0.0.1:{port}", max_in_flight=1)
            with pytest.raises(ModelUnavailable, match="did not answer"):
                await classifier.ask(question(), 0.2)
        with pytest.raises(ModelUnavailable, match="call failed"):
            await classifier.ask(question(), 10)  # nobody listens any more, as a thread that is free finds out
        await classifier.close()

    async def test_two_classifiers_keep_their_own_key_and_endpoint(self, server: GeminiServer) -> None:
        first = GeminiClassifier(KEY, MODEL, server.url)
        second = GeminiClassifier("AIza-other", MODEL, "http://127.0.0.1:1")
        assert (await first.ask(question(), 5)).text
        await first.close()
        await second.close()
