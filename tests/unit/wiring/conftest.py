"""Connections that are closed after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared.wiring.lanes import Pool


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    yield pool
    await pool.close()
