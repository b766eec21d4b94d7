"""A room for each test: a task that waits, and a chat."""

from __future__ import annotations

import pytest

from tests.contract.chat.screens import ENV


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
