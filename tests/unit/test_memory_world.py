"""The store that the tests of the steps run on keeps the promises of the real ones."""

from __future__ import annotations

import pytest

from tests.contract.store_contract import StoreContract
from tests.world import MemoryStore


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()
