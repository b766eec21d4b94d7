"""A client of the console's app, and no ports left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.wiring import composition
from tests.contract.console.app import APP


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(APP)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
    composition.install(None)
