"""The `google-generativeai` adapter against the local Gemini server. Runs in the environment of classify.txt."""

from __future__ import annotations

import asyncio

from infra.gemini_server import GeminiServer
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

    async def test_two_classifiers_keep_their_own_key_and_endpoint(self, server: GeminiServer) -> None:
        first = GeminiClassifier(KEY, MODEL, server.url)
        second = GeminiClassifier("AIza-other", MODEL, "http://127.0.0.1:1")
        assert (await first.ask(question(), 5)).text
        await first.close()
        await second.close()
