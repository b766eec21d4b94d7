"""An environment without settings, and a file of a few tickets."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.evaluate.tickets import write
from tests.contract.evaluate.command import FEW


@pytest.fixture(autouse=True)
def defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLASSIFIER", "GEMINI_API_ENDPOINT", "GEMINI_API_KEY", "CONFIDENCE_THRESHOLD", "AUTOMATIC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    path = tmp_path / "few.jsonl"
    write(path, FEW)
    return path
