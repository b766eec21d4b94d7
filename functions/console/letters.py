"""Dead letters: their rows for lists, and the pages of all and of one. Nothing here changes anything."""

from __future__ import annotations

import base64

from starlette.responses import Response

from functions.console import places
from functions.console.page import Page
from shared.errors import NotFound
from shared.event.masking import mask
from shared.records.documents import task_path
from shared.task.letter import DeadLetter, LetterRow
from shared.wiring.ports import Filter, Row, Store

LETTER_FIELDS = tuple(LetterRow.model_fields)
LETTERS_ON_A_PAGE = 50
MAX_SHOWN_CHARS = 20_000  # of a letter's message


async def rows(store: Store, *, limit: int, after: Row | None = None, open_only: bool = False) -> list[Row]:
    """Return rows of up to `limit` dead letters, newest first; `open_only`: those that nobody has seen to."""
    where = [Filter("redriven_at", "==", None)] if open_only else []
    return await store.query_rows(
        "dead_letters", LETTER_FIELDS, where=where, order_by="created_at", descending=True, limit=limit, after=after
    )


async def dead_letters(page: Page) -> Response:
    """Messages that nobody could finish, newest first."""
    after = places.place(page.query, "dead_letters")
    found = await rows(page.ports.store, limit=LETTERS_ON_A_PAGE, after=after)
    letters = [(r.id, LetterRow.model_validate(r.data)) for r in found]
    more = places.token(found[-1]) if len(found) == LETTERS_ON_A_PAGE else None
    return await page.render("dead_letters.html", letters=letters, more=more, shown=[r.version for r in found])


async def letter(page: Page, letter_id: str) -> Response:
    """One dead letter with its message, masked as a ticket's words are where it is text."""
    (found,) = await page.ports.store.read(f"dead_letters/{letter_id}")
    if found.data is None:
        raise NotFound("there is no such dead letter", code="letter_not_found")
    dead = DeadLetter.model_validate(found.data)
    is_there = await _has_task(page, dead.task_id)
    message = base64.b64decode(dead.data)
    try:
        text, is_text = mask(message.decode()[:MAX_SHOWN_CHARS]), True
    except UnicodeDecodeError:
        text, is_text = message[: MAX_SHOWN_CHARS // 8].hex(" "), False
    return await page.render(
        "letter.html",
        letter_id=letter_id,
        letter=dead,
        is_there=is_there,
        text=text,
        is_text=is_text,
        size=len(message),
        is_cut=len(message) > len(text),
        shown=[found.version, is_there],
    )


async def _has_task(page: Page, task_id: str | None) -> bool:
    return bool(task_id and await page.ports.store.read_rows(("state",), task_path(task_id)))
