"""Secrets of every source, and a world for intake to hand its tasks to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.wiring import composition
from tests.contract.bodies.wire import SCHEMES, SECRET
from tests.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for path in SCHEMES:
        monkeypatch.setenv(f"{path.rpartition('/')[2].upper()}_WEBHOOK_SECRET", SECRET.decode())
    world = World()
    composition.install(world.ports)
    yield world
    composition.install(None)
