"""What is shown of a task in a chat, `cards/{chat}.{task_id}`: which message, and what it showed last.

Written by `notify`, which posts and draws, and by `chat` after a press.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import get_args

from shared.chats import ChatName
from shared.task.schemas import Model, TaskId
from shared.wiring.ports import Filter, Snapshot, Store, Write

KEPT = timedelta(days=400)  # longer than tasks are kept where nobody sets it so: an erasure finds their cards
ERASED = "erased"  # what a card shows whose task was


class CardRecord(Model):
    """The document. `message` names the message in its chat; `shown` is the fingerprint of what it shows."""

    task_id: TaskId
    chat: ChatName
    message: str = ""
    shown: str = ""
    open: bool = True
    posted_at: datetime
    expire_at: datetime


def card_path(chat: str, task_id: str) -> str:
    """Return the path of a task's card in a chat."""
    return f"cards/{chat}.{task_id}"


async def reopen_cards(store: Store, task_id: str) -> None:
    """Let the cards of a task that was erased, or waits again, be drawn anew: they show what is not so any more.

    Raises:
        StoreUnavailable, Conflict: some may show it still; asked again, it goes on.
    """
    for card in await store.read(*(card_path(chat, task_id) for chat in get_args(ChatName))):
        if card.data is not None and card.data.get("shown") != ERASED:
            await store.commit(Write(card.path, card.data | {"open": True}, card.version))


async def with_cards(store: Store, chats: Iterable[str], task_ids: Iterable[str]) -> set[str]:
    """Return those of the tasks that have an open card in one of the chats.

    Raises:
        StoreUnavailable: nothing is known.
    """
    paths = [card_path(chat, task_id) for chat in chats for task_id in task_ids]
    shown = await store.read_rows(("open",), *paths) if paths else []
    return {row.id.partition(".")[2] for row in shown if row.data.get("open")}


async def open_cards(store: Store, chat: str, limit: int) -> list[Snapshot]:
    """Return cards that still have buttons, or show a task that was erased, in the order of their paths.

    Raises:
        StoreUnavailable: nothing is known.
    """
    where = [Filter("chat", "==", chat), Filter("open", "==", True)]
    return await store.query("cards", where=where, limit=limit)
