"""What is shown of a task in a chat, `cards/{chat}.{task_id}`: which message, and what it showed last.

Written by `notify`, which posts and draws, and by `chat` after a press.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from shared.task.schemas import Model, TaskId
from shared.wiring.ports import Filter, Snapshot, Store

KEPT = timedelta(days=30)


class CardRecord(Model):
    """The document. `message` names the message in its chat; `shown` is the fingerprint of what it shows."""

    task_id: TaskId
    chat: Literal["slack", "google_chat"]
    message: str = ""
    shown: str = ""
    open: bool = True
    posted_at: datetime
    expire_at: datetime


def card_path(chat: str, task_id: str) -> str:
    """Return the path of a task's card in a chat."""
    return f"cards/{chat}.{task_id}"


async def open_cards(store: Store, chat: str, limit: int) -> list[Snapshot]:
    """Return the cards that still have buttons, oldest first.

    Raises:
        StoreUnavailable: nothing is known.
    """
    where = [Filter("chat", "==", chat), Filter("open", "==", True)]
    return await store.query("cards", where=where, limit=limit)
