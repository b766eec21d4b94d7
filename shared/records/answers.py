"""Whom a platform lets us answer, for a while: a command's or shortcut's own address, `answers/{hash of it}`.

Written by `classify` once the task is there, read by `notify`, which tells what became of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from shared.canonical import sha256_hex
from shared.errors import Conflict
from shared.task.schemas import Model, TaskId
from shared.wiring.ports import ABSENT, Filter, Snapshot, Store, Write

# https://docs.slack.dev/interactivity/handling-user-interaction (read 2026-11-29): 30 minutes, five uses.
LIFE = timedelta(minutes=29)
MAX_USES = 5
KEPT = timedelta(days=1)


class Answer(Model):
    """The document. `path` is on the platform's own host, and whoever knows it may write there: it is never shown."""

    task_id: TaskId
    path: str = Field(max_length=300, repr=False)
    until: datetime = Field(description="When the platform takes no answer any more")
    open: bool = Field(default=True, description="Whether something may still have to be said")
    told: str = Field(default="", description="The state that was told last")
    uses: int = 0
    expire_at: datetime


async def expect_answer(store: Store, task_id: str, path: str, asked_at: datetime) -> None:
    """Remember that somebody waits for what becomes of a task; once, however often it is said.

    Raises:
        StoreUnavailable: it may not be remembered.
    """
    answer = Answer(task_id=task_id, path=path, until=asked_at + LIFE, expire_at=asked_at + KEPT)
    try:
        await store.commit(Write(f"answers/{sha256_hex(path.encode())}", answer.model_dump(), ABSENT))
    except Conflict:
        return


async def open_answers(store: Store, limit: int) -> list[Snapshot]:
    """Return the documents of those who may still wait.

    Raises:
        StoreUnavailable: nothing is known.
    """
    return await store.query("answers", where=[Filter("open", "==", True)], limit=limit)
