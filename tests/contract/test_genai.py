"""The `google-genai` adapter against the local Gemini server, with a key and through Vertex AI with IAM."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.gemini_server import GeminiServer
from shared.errors import ModelRefused
from shared.model.question import Classifier
from shared.wiring.adapters.genai import GenaiClassifier
from tests.contract.classifier_contract import KEY, MODEL, RemoteClassifierContract, question


class TestGenai(RemoteClassifierContract):
    def build(self, endpoint: str, key: str = KEY) -> Classifier:
        return GenaiClassifier(key, MODEL, endpoint)

    @pytest.mark.parametrize(
        ("model", "thinking"),
        [
            ("gemini-3.5-flash-lite", {"thinkingLevel": "MINIMAL"}),
            ("gemini-2.5-flash", {"thinkingBudget": 0}),
            ("gemini-2.5-pro", None),
            ("gemini-3-pro-preview", None),
            ("gemini-2.0-flash", None),
        ],
    )
    async def test_thinking_is_off_where_the_model_allows_it(
        self, server: GeminiServer, model: str, thinking: dict[str, object] | None
    ) -> None:
        classifier = GenaiClassifier(KEY, model, server.url)
        await classifier.ask(question(), 5)
        config = server.requests[0]["generationConfig"].get("thinkingConfig")
        assert config == thinking
        await classifier.close()

    async def test_intent_comes_before_the_confidence_in_it(self, server: GeminiServer, classifier: Classifier) -> None:
        await classifier.ask(question(), 5)
        schema = server.requests[0]["generationConfig"]["responseSchema"]
        assert schema["propertyOrdering"] == ["intent", "parameters", "confidence"]

    async def test_an_answer_that_goes_on_is_cut_off_and_not_asked_for_by_the_sdk(
        self, server: GeminiServer, classifier: Classifier
    ) -> None:
        server.script("goes_on", "ok")
        with pytest.raises(ModelRefused) as caught:
            await classifier.ask(question(), 5)
        assert (caught.value.code, server.calls) == ("cut_off", 1)

    async def test_order_of_members_is_said_of_every_object(self, server: GeminiServer, classifier: Classifier) -> None:
        asked = question()
        await classifier.ask(asked, 5)
        sent = server.requests[0]["generationConfig"]["responseSchema"]
        assert sent["properties"]["parameters"]["propertyOrdering"] == ["order_id", "amount_minor"]
        assert "propertyOrdering" not in asked.schema["properties"]["parameters"]

    async def test_vertex_uses_iam_and_no_key(
        self, server: GeminiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(_service_account(tmp_path, server.url)))
        classifier = GenaiClassifier("", MODEL, server.url, "my-project", "europe-west1")
        assert (await classifier.ask(question(), 5)).tokens_used > 0
        assert server.calls == 1
        await classifier.close()


def _service_account(folder: Path, url: str) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "service-account.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "classify@my-project.iam.gserviceaccount.com",
                "token_uri": f"{url}/token",
                "private_key": pem.decode(),
                "project_id": "my-project",
            }
        )
    )
    return path
