"""Whoever typed a command or pressed a shortcut in Slack is told what became of it, while Slack lets us.

Posted first, then remembered: a crash in between says it twice. What could not be posted is tried a minute later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from html import escape
from typing import Any

from pydantic import ValidationError

from functions.notify.posting import is_refused, post
from shared.errors import Conflict, Retry
from shared.intent.declaration import Provider
from shared.intent.outcomes import HandlerOutcome
from shared.logs import log
from shared.records.answers import MAX_USES, Answer, open_answers
from shared.records.documents import task_path
from shared.task.schemas import TERMINAL
from shared.wiring.composition import Ports
from shared.wiring.ports import Row, Snapshot, Write
from shared.wiring.providers import provider_settings

# A payload names a path at most: where it is posted to is ours to say.
SLACK = Provider("slack_answers", url="https://hooks.slack.com", key=False)
MOST = 100
MAX_CHARS = 3000
SHOWN = ("state", "result", "error")
WORDS: Mapping[str, str] = {
    "AWAITING_APPROVAL": "waits for a person to decide",
    "SUCCEEDED": "done",
    "FAILED": "could not be done",
    "UNKNOWN": "may have been done or not; a person looks into it",
    "REJECTED": "was rejected by a person; nothing was done",
    "EXPIRED": "nobody decided in time; nothing was done",
    "CANCELLED": "was cancelled; nothing was done",
}


async def answer(ports: Ports) -> int:
    """Tell everybody who waits what is new of their task; return how many were told.

    Raises:
        StoreUnavailable: the next run tells it.
    """
    waiting = await open_answers(ports.store, MOST)
    if not waiting:
        return 0
    known = await ports.store.read_rows(SHOWN, *{task_path(str((s.data or {}).get("task_id"))) for s in waiting})
    rows = {row.id: row for row in known}
    return sum(await asyncio.gather(*(_answer(ports, snapshot, rows) for snapshot in waiting)))


async def _answer(ports: Ports, snapshot: Snapshot, rows: Mapping[str, Row]) -> bool:
    """Tell one of them; return whether that was done."""
    try:
        waits = Answer.model_validate(snapshot.data)
    except ValidationError:  # somebody broke it: closed, so that it is not looked at for ever
        await _remember(ports, snapshot, (snapshot.data or {}) | {"open": False})
        return False
    row = rows.get(waits.task_id)
    state = str(row.data.get("state")) if row else ""
    if row is None or snapshot.read_time >= waits.until:
        await _remember(ports, snapshot, waits.model_copy(update={"open": False}).model_dump())
        return False
    if state == waits.told or state not in WORDS:
        return False
    text = escape(f"Task {waits.task_id}: {_words(state, row.data)}"[:MAX_CHARS], quote=False)
    message = {"response_type": "ephemeral", "replace_original": False, "text": text}
    try:
        await post(ports, provider_settings(SLACK).url + waits.path, message)
    except HandlerOutcome as error:
        log(
            "WARNING",
            "somebody could not be answered",
            function="notify",
            outcome="not_answered",
            task_id=waits.task_id,
            error_code=error.code,
        )
        if is_refused(error):
            await _remember(ports, snapshot, waits.model_copy(update={"open": False}).model_dump())
        return False
    uses = waits.uses + 1
    after = {"told": state, "uses": uses, "open": state not in TERMINAL and uses < MAX_USES}
    await _remember(ports, snapshot, waits.model_copy(update=after).model_dump())
    return True


def _words(state: str, data: Mapping[str, Any]) -> str:
    """Return what became of a task: of one that is done what its handler said, of a failed one the code."""
    from shared.event.masking import mask  # only answers need it, and its patterns take longer than all other imports

    result, error = data.get("result") or {}, data.get("error") or {}
    more = {"SUCCEEDED": result.get("output"), "FAILED": error.get("code")}.get(state)
    return f"{WORDS[state]}: {mask(str(more))}" if more else WORDS[state]


async def _remember(ports: Ports, snapshot: Snapshot, data: dict[str, Any]) -> None:
    try:
        await ports.store.commit(Write(snapshot.path, data, snapshot.version))
    except (Conflict, Retry) as error:  # Conflict: another run told the same at the same time
        log("WARNING", "an answer may be given again", function="notify", outcome="forgotten", error_code=error.code)
