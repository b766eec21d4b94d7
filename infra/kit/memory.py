"""What stands in for the cloud where tasks are played: a store whose clock is moved, a model and a bus of one's own."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from shared.model.question import Answer, Classifier, Question
from shared.settings import Settings
from shared.wiring.composition import Ports
from shared.wiring.lanes import Lane, Pool
from shared.wiring.ports import Snapshot


class MovedStore(EmbeddedStore):
    """The embedded store, its clock `ahead` of the time: leases and pauses end when a test says so."""

    ahead = timedelta(0)

    async def read(self, *paths: str) -> list[Snapshot]:
        return self._moved(await super().read(*paths))

    async def query(self, collection: str, **how: Any) -> list[Snapshot]:
        return self._moved(await super().query(collection, **how))

    def _moved(self, found: list[Snapshot]) -> list[Snapshot]:
        return [s._replace(read_time=s.read_time + self.ahead) for s in found]


class Says:
    """A `Classifier` that always says the same."""

    def __init__(self, intent: str, parameters: Mapping[str, Any], confidence: float, answer: Answer | None = None):
        said = {"intent": intent, "parameters": dict(parameters), "confidence": confidence}
        self._answer = answer or Answer("", model="scripted", tokens_used=0, latency_ms=0.0)
        self._text, self.model = self._answer.text or json.dumps(said), self._answer.model

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        return Answer(self._text, self.model, self._answer.tokens_used, self._answer.latency_ms)

    async def close(self) -> None:
        return None


class Kept:
    """A `Publisher` that keeps what it is given, for whoever delivers it."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        self.messages.append((topic, data))
        return str(len(self.messages))

    async def close(self) -> None:
        return None

    def take(self, topic: str) -> list[bytes]:
        """Return the messages of a topic since the last time."""
        taken = [data for name, data in self.messages if name == topic]
        self.messages = [m for m in self.messages if m[0] != topic]
        return taken


class OneTransport(Pool):
    """Every provider is behind one transport, whatever its address."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__()
        self._client = httpx.AsyncClient(transport=transport)

    def lane(self, origin: str, allow_private: bool, max_in_flight: int, transport: Any) -> Lane:
        return Lane(self._client, asyncio.Semaphore(max_in_flight))

    async def close(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def ports_in_memory(
    settings: Settings, model: Classifier, transport: httpx.AsyncBaseTransport
) -> AsyncIterator[tuple[Ports, MovedStore, Kept]]:
    """Yield ports whose documents are in a folder that goes away with them."""
    with tempfile.TemporaryDirectory(prefix="switchyard-kit-") as folder:
        database, pool = await Database.open(Path(folder)), OneTransport(transport)
        try:
            store, bus = MovedStore(database), Kept()
            ports = Ports(settings, store, bus, random.Random(1))  # noqa: S311  no secret
            vars(ports).update(classifier=model, pool=pool)
            yield ports, store, bus
        finally:
            await pool.close()
            await database.close()
