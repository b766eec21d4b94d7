"""The store that the tests of the steps run on keeps the promises of the real ones."""

from __future__ import annotations

import pytest

from shared.errors import CommitUnknown
from tests.contract.shared_store_contract import SharedStoreContract
from tests.contract.store_contract import StoreContract
from tests.contract.unsure_contract import Fate, LoseAnswer, UnsureStoreContract
from tests.scripted import ScriptedNetwork
from tests.store import MemoryStore, Unapplied


class TestMemoryStore(StoreContract, SharedStoreContract, UnsureStoreContract):
    @pytest.fixture
    def network(self) -> ScriptedNetwork:
        return ScriptedNetwork()

    @pytest.fixture
    def store(self, network: ScriptedNetwork) -> MemoryStore:
        return MemoryStore(network=network)

    @pytest.fixture
    def other(self, store: MemoryStore) -> MemoryStore:
        return store

    @pytest.fixture
    def lose_answer(self, network: ScriptedNetwork) -> LoseAnswer:
        def lose_answer(fate: Fate) -> None:
            network.fail_next = [CommitUnknown() if fate == "kept" else Unapplied()]

        return lose_answer
