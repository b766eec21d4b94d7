"""Every minute: tasks that wait are shown in chat with buttons, and cards whose task has moved on are drawn anew.

Posted first, then remembered: a crash in between shows a task twice, and both cards lead to one decision.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic import ValidationError

from shared.chat.card import Card, card_of, erased
from shared.errors import Conflict, Gone, NotFound, Retry
from shared.intent.outcomes import HandlerOutcome, Permanent
from shared.logs import log
from shared.records.cards import ERASED, KEPT, CardRecord, card_path, open_cards, with_cards
from shared.records.documents import task_path, to_record
from shared.settings import page_url
from shared.wiring.chats import Chat, chats
from shared.wiring.composition import Ports
from shared.wiring.ports import ABSENT, Filter, Snapshot, Write

# A channel with more than these is not read any more: what waits beyond is in the digest, and on the page.
MOST_OPEN = 20
# https://docs.slack.dev/apis/web-api/rate-limits (read 2026-11-30): one message a second and channel.
MOST_AT_ONCE = 10
MOST_WAITING = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """How many cards were posted and how many drawn anew."""

    posted: int = 0
    drawn: int = 0

    def __str__(self) -> str:
        return f"{self.posted} posted, {self.drawn} drawn anew"


async def show(ports: Ports) -> Shown | None:
    """Bring the cards of every chat in line with the tasks; None where there is no chat.

    Raises:
        StoreUnavailable: the next run does it.
    """
    if not (found := chats(ports)):
        return None
    done = await asyncio.gather(*(_show(ports, chat) for chat in found))
    return Shown(sum(d.posted for d in done), sum(d.drawn for d in done))


async def _show(ports: Ports, chat: Chat) -> Shown:
    known = await open_cards(ports.store, chat.name, MOST_OPEN + MOST_WAITING)
    # All of them: one of a task that was erased has to go, however many others are open.
    after = await asyncio.gather(*(_draw(ports, chat, card) for card in known))
    room = min(MOST_AT_ONCE, MOST_OPEN - sum(waits for _, waits in after))
    # One that the chat refuses holds up none behind it; where the chat is down, each is refused at once.
    posted = [await _post(ports, chat, task_id) for task_id in await _waiting(ports, chat, room)]
    return Shown(sum(posted), sum(drawn for drawn, _ in after))


async def _waiting(ports: Ports, chat: Chat, room: int) -> list[str]:
    """Return the tasks that wait and have no card, the longest first, as far as there is room."""
    if room <= 0:
        return []
    where = [Filter("outcome", "==", None)]
    rows = await ports.store.query_rows(
        "approvals", ("status",), where=where, order_by="requested_at", limit=MOST_WAITING
    )
    ids = [row.id for row in rows if row.data.get("status") == "pending"]
    have = await with_cards(ports.store, [chat.name], ids)
    return [task_id for task_id in ids if task_id not in have][:room]


async def _post(ports: Ports, chat: Chat, task_id: str) -> bool:
    """Show one task; return whether the chat took it."""
    path = card_path(chat.name, task_id)
    record, before = await ports.store.read(task_path(task_id), path)
    card = _card(ports, record)
    if card is None or card.verdict:
        return True
    try:
        message = await chat.post(card)
    except HandlerOutcome as error:
        _unsaid(chat, task_id, error)
        return False
    now = record.read_time
    told = CardRecord(
        task_id=task_id,
        chat=chat.name,
        message=message,
        shown=card.fingerprint,
        posted_at=now,
        expire_at=now + KEPT,
    )
    await _remember(ports, path, told, before.version)
    return True


async def _draw(ports: Ports, chat: Chat, snapshot: Snapshot) -> tuple[bool, bool]:
    """Draw a card anew whose task is not what it shows; return whether that was needed and done, and whether its task
    waits: what is decided leaves its room to others, though it can be taken back still.
    """
    try:
        told = CardRecord.model_validate(snapshot.data)
    except ValidationError:  # somebody broke it: closed, so that it is not looked at for ever
        await _close(ports, snapshot)
        return False, False
    (record,) = await ports.store.read(task_path(told.task_id))
    card = _card(ports, record)
    shown = card.fingerprint if card else ERASED
    card = card or erased(told.task_id, record.read_time)
    waits = card.verdict is None
    if shown == told.shown:
        return False, waits
    is_there = True
    try:
        await chat.update(told.message, card)
    except Permanent as error:  # the message is gone: where the task waits, another is posted
        _unsaid(chat, told.task_id, error)
        is_there = False
    except HandlerOutcome as error:
        _unsaid(chat, told.task_id, error)
        return False, waits
    after = told.model_copy(update={"shown": shown, "open": is_there and (waits or card.is_held)})
    await _remember(ports, snapshot.path, after, snapshot.version)
    return True, waits and is_there


def _card(ports: Ports, record: Snapshot) -> Card | None:
    try:
        return card_of(to_record(record), ports.registry, page_url(ports.settings))
    except (NotFound, Gone):
        return None


async def _close(ports: Ports, snapshot: Snapshot) -> None:
    try:
        await ports.store.commit(Write(snapshot.path, (snapshot.data or {}) | {"open": False}, snapshot.version))
    except (Conflict, Retry):
        return  # the next run does it


async def _remember(ports: Ports, path: str, told: CardRecord, version: str) -> None:
    try:
        await ports.store.commit(Write(path, told.model_dump(), version or ABSENT))
    except (Conflict, Retry) as error:  # Conflict: a press has drawn it at the same time
        log("WARNING", "a card may be shown again", function="notify", outcome="forgotten", error_code=error.code)


def _unsaid(chat: Chat, task_id: str, error: HandlerOutcome) -> None:
    log(
        "WARNING",
        "a card could not be shown",
        function="notify",
        outcome="not_shown",
        operation=chat.name,
        task_id=task_id,
        error_code=error.code,
    )
