"""Reach a running local stack from another process: its URLs, and its documents.

`infra.run` leaves `stack.json` in the data folder while it runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.errors import StackError
from infra.proxies import leave_out_this_machine
from shared.settings import Settings
from shared.wiring.ports import Store

FILE = "stack.json"
DEVELOPER = "developer@localhost"


@dataclass(frozen=True, slots=True)
class Running:
    """Where a running stack is. `environment` holds the emulators' addresses."""

    backend: str
    pid: int
    intake: str
    console: str
    sandbox: str
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, data_dir: Path) -> None:
        """Leave a note for other processes, which find it whole or not at all."""
        draft = data_dir / f"{FILE}.draft"
        draft.write_text(json.dumps(asdict(self), indent=1))
        draft.replace(data_dir / FILE)


def read(data_dir: Path) -> Running:
    """Return the stack that runs on this data folder.

    Raises:
        StackError: none does.
    """
    try:
        return Running(**json.loads((data_dir / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        raise StackError(f"no stack runs on {data_dir}; start one with `make run`") from None


@asynccontextmanager
async def documents(running: Running, settings: Settings) -> AsyncIterator[Store]:
    """Yield the running stack's store, opened from outside, as the Firestore console would be."""
    if running.backend == "embedded":
        from infra.embedded.database import Database
        from infra.embedded.store import EmbeddedStore

        database = await Database.open(Path(settings.data_dir))
        try:
            yield EmbeddedStore(database, project=settings.project, authid=DEVELOPER)
        finally:
            await database.close()
        return
    from shared.wiring.adapters.firestore import FirestoreStore

    os.environ.update(running.environment)
    leave_out_this_machine()
    store = FirestoreStore(settings.project, settings.database)
    try:
        yield store
    finally:
        await store.close()
