"""Pages and lists over Firestore's emulator read as many documents of ten times the history, and no payloads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

from shared.wiring.adapters.firestore import FirestoreStore
from tests.contract.looking_contract import LookingContract


class TestFirestore(LookingContract):
    long_bytes: ClassVar[int] = 5_000

    @pytest.fixture
    async def store(self, project: str) -> AsyncIterator[FirestoreStore]:
        store = FirestoreStore(project)
        yield store
        await store.close()
