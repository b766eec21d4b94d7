"""A webhook secret changes, from `old` over `new,old` to `new`, while revisions of intake serve side by side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.emulators.calls import Calls
from infra.emulators.functions import Functions, environment_of
from infra.emulators.provision import provision
from infra.emulators.queue import PubsubQueue
from infra.emulators.stack import ROOT
from infra.manifest import build
from shared.event.signatures import sign
from shared.intent.registry import discover
from shared.settings import Settings
from tests.contract.publisher_contract import subscribe, wiring

OLD, NEW = "the-old-secret-0123456789", "the-new-secret-0123456789"
REVISIONS = {"before": OLD, "between": f"{NEW},{OLD}", "after": NEW}
# Which revisions serve, and what the source signs with. A rollout takes a while, and both ends of it answer.
ROTATION = [
    (("before",), OLD),
    (("before", "between"), OLD),
    (("between",), OLD),
    (("between",), NEW),
    (("between", "after"), NEW),
    (("after",), NEW),
]
TRIES = 20  # a cold instance on a busy machine is slow to publish


@pytest.fixture
async def intakes(project: str, emulator_hosts: Mapping[str, str], tmp_path: Path) -> AsyncIterator[Functions]:
    """Return three revisions of intake, running."""
    manifest = build(discover())
    intake = manifest.function("intake")
    revisions = tuple(
        replace(intake, name=name, environment={**intake.environment, "CRM_WEBHOOK_SECRET": secret})
        for name, secret in REVISIONS.items()
    )
    settings = Settings(backend="emulators", project=project, data_dir=str(tmp_path))
    env = {**emulator_hosts, **environment_of(settings)}
    functions = Functions(replace(manifest, functions=revisions), ROOT, tmp_path, env, ports={}, pythons={})
    await functions.start()
    yield functions
    await functions.stop()


class Source:
    """Stands for a system that sends a webhook again after 503, as README asks, and never after 401."""

    def __init__(self, intakes: Functions) -> None:
        self._intakes = intakes
        self.ids: list[str] = []

    async def send(self, revisions: tuple[str, ...], secret: str) -> list[int]:
        """Send one event to each of these revisions; their statuses."""
        calls = Calls({"intake": [f"{self._intakes.url(name)}/hooks/crm" for name in revisions]})
        statuses = []
        for _ in revisions:
            self.ids.append(f"e{len(self.ids)}")
            body = json.dumps({"id": self.ids[-1], "text": "hello"}).encode()
            signed = sign("generic", body, secret.encode(), datetime.now(UTC))
            headers = {"content-type": "application/json"} | signed
            for _ in range(TRIES):
                status = await calls.post("intake", headers, body, 20)
                if status != 503:
                    break
                await asyncio.sleep(0.5)
            statuses.append(status)
        await calls.close()
        return statuses


async def test_rotation_of_a_webhook_secret_loses_no_event(intakes: Functions, project: str) -> None:
    topic = wiring(subscribe("tasks"))
    await provision(topic, project)
    source, queue = Source(intakes), PubsubQueue(project, topic.subscriptions)
    for revisions, secret in ROTATION:
        assert await source.send(revisions, secret) == [202] * len(revisions)
    found: set[str] = set()
    async with asyncio.timeout(30):
        while found != set(source.ids):
            found |= {json.loads(d.data)["raw_payload"]["id"] for d in await queue.pull("tasks", 20, 10)}
    # Without the version between, events are lost at both ends.
    assert [await source.send(*at) for at in ((("after",), OLD), (("before",), NEW))] == [[401], [401]]
    await queue.close()
