"""On Google's emulators, behind a wire that loses answers: Google's clients leave no doubt about their doubts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest

from infra.emulators.provision import provision
from infra.emulators.queue import PubsubQueue
from infra.queue import Queue
from infra.resources import Manifest
from shared.wiring.adapters.firestore import FirestoreStore
from shared.wiring.adapters.pubsub import PubsubPublisher
from shared.wiring.ports import Publisher
from tests.contract.publisher_contract import OpenBus
from tests.contract.unsure_contract import LoseAnswer, UnsurePublisherContract, UnsureRaceContract, UnsureStoreContract
from tests.emulators.wire import Wire


@pytest.fixture
def lose_answer(wire: Wire) -> LoseAnswer:
    return wire.lose_answer


class TestFirestoreStore(UnsureStoreContract, UnsureRaceContract):
    @pytest.fixture
    async def wire(self, emulator_hosts: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
        async with Wire(emulator_hosts["FIRESTORE_EMULATOR_HOST"]) as wire:
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", wire.host)
            yield wire

    @pytest.fixture
    async def store(self, project: str, wire: Wire) -> AsyncIterator[FirestoreStore]:
        store = FirestoreStore(project)
        yield store
        await store.close()


class TestPubsubPublisher(UnsurePublisherContract):
    @pytest.fixture
    async def wire(self, emulator_hosts: Mapping[str, str]) -> AsyncIterator[Wire]:
        async with Wire(emulator_hosts["PUBSUB_EMULATOR_HOST"]) as wire:
            yield wire

    @pytest.fixture
    async def open_bus(self, project: str, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenBus]:
        opened: list[PubsubPublisher | PubsubQueue] = []

        async def open_bus(manifest: Manifest) -> tuple[Publisher, Queue]:
            """Only what is published goes over the wire."""
            await provision(manifest, project)
            queue = PubsubQueue(project, manifest.subscriptions)
            opened.append(queue)
            for subscription in manifest.subscriptions:
                await queue.pull(subscription.name, 1, 0.01)
            monkeypatch.setenv("PUBSUB_EMULATOR_HOST", wire.host)
            opened.append(publisher := PubsubPublisher(project))
            return publisher, queue

        yield open_bus
        for port in opened:
            await port.close()
