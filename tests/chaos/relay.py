"""`python -m tests.chaos.relay WIRING.json`: the deliveries of a stack as a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from infra.emulators.calls import Calls
from infra.emulators.deliveries import Deliveries
from infra.manifest import build
from infra.resources import Manifest
from shared.intent.registry import discover
from shared.settings import load

LONGEST_BACKOFF_S = 5.0  # instead of ten minutes: the run has only a few


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where every function's instances listen, and what of the deployment is hastened."""

    urls: Mapping[str, Sequence[str]]
    sweep_every_s: float
    ack_deadline_s: int | None

    def write(self, path: Path) -> None:
        """Leave it for the process."""
        path.write_text(json.dumps(asdict(self)))


def manifest(ack_deadline_s: int | None) -> Manifest:
    """Return the deployment with short pauses between deliveries and, unless None, this deadline."""
    deployed = build(discover())
    hastened = tuple(
        replace(
            s,
            min_backoff_s=min(s.min_backoff_s, LONGEST_BACKOFF_S),
            max_backoff_s=LONGEST_BACKOFF_S,
            ack_deadline_s=ack_deadline_s or s.ack_deadline_s,
        )
        for s in deployed.subscriptions
    )
    return replace(deployed, subscriptions=hastened)


async def _deliver(wiring: Wiring) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    calls = Calls(wiring.urls)
    hastened = manifest(wiring.ack_deadline_s)
    async with Deliveries(load(), hastened, calls.post, sweep_every_s=wiring.sweep_every_s):
        await stopping.wait()
    await calls.close()


if __name__ == "__main__":
    asyncio.run(_deliver(Wiring(**json.loads(Path(sys.argv[1]).read_text()))))
