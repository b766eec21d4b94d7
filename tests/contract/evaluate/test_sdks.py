"""`make eval` with the classifiers that ask a server, on the local one.

Where google-generativeai is installed (`make test-classify`) its classifier is among them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.gemini_server import GeminiServer, serving
from shared.settings import load
from tests.contract.evaluate.command import FEW, figures, refusal

SDKS = ["genai", *(["gemini"] if os.environ.get("CLASSIFY_ENV") else [])]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiServer]:
    with serving() as found:
        monkeypatch.setenv("GEMINI_API_ENDPOINT", found.url)
        monkeypatch.setenv("GEMINI_API_KEY", "a-key")
        yield found


@pytest.mark.parametrize("sdk", SDKS)
def test_each_sdk_is_asked_for_every_ticket(
    sdk: str, few: Path, tmp_path: Path, server: GeminiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASSIFIER", sdk)
    server.script({"fault": "429", "retry_delay_s": 0.01}, "safety")
    made = figures(tmp_path, few, "--record", tmp_path / "run.jsonl", "--against", "CLASSIFIER=local")
    report = made["report"]
    assert server.calls == len(FEW) + 1
    assert report["failures"] == {"safety_block": 1}
    assert report["models"] == {load().gemini_model: len(FEW) - 1}
    assert report["strange_labels"] == {"lock_card": 1}
    assert report["spent"]["dollars"] > 0
    replayed = figures(tmp_path, few, "--recorded", tmp_path / "run.jsonl")
    assert replayed["report"] == report
    assert server.calls == len(FEW) + 1


@pytest.mark.parametrize("sdk", SDKS)
def test_a_refused_key_ends_it_at_once(
    sdk: str, few: Path, server: GeminiServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAX_CONCURRENT_CALLS", "1")
    server.script("403")
    status, said = refusal(capsys, few, "--against", f"CLASSIFIER={sdk}")
    assert (status, server.calls) == (1, 1)
    assert "refused the key or the model" in said
