"""Many picked items and one wish in; one decision each, audited like any other, out. Nothing is all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from functions.console.search import TASK_ID
from shared import tracing
from shared.errors import SwitchyardError, Unprocessable
from shared.gate.doors import Look
from shared.records import decisions, repairs
from shared.records.letters import close_letter, redrive_letter
from shared.task.moves import Person
from shared.task.schemas import Cause
from shared.wiring.composition import Ports

IN_FLIGHT = 10
MAX_PICKS = 200
OF_LETTERS = {"redrive_letter": redrive_letter, "close_letter": close_letter}
VERBS = {
    "approve": "Approve",
    "reject": "Reject",
    "redrive": "Redrive",
    "close": "Close",
    "settle": "Settle",
    "redrive_letter": "Redrive",
    "close_letter": "Close",
}


@dataclass(frozen=True, slots=True)
class Pick:
    """One item as it was shown in a list: its id, and what was seen of its task, None where it has none."""

    id: str
    look: Look | None

    @classmethod
    def parse(cls, text: str) -> Pick:
        """Read the value of a checkbox, `id|generation|params_hash`."""
        item, _, shown = text.partition("|")
        text, _, params_hash = shown.partition("|")
        generation = generation_in(text)
        return cls(item, None if generation is None else Look(generation, params_hash, alone=False))

    def __str__(self) -> str:
        """Return the value of its checkbox."""
        return f"{self.id}|{self.look.generation}|{self.look.params_hash}" if self.look else self.id


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of each: `why`, the `cause` of a rejection; what was found at the provider, and when."""

    why: str
    cause: Cause = "other"
    verdict: Literal["applied", "not_applied"] | None = None
    looked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one item: its new state, or why it was refused."""

    id: str
    state: str
    error: str = ""


def generation_in(text: str) -> int | None:
    """Return the generation that a form names, or None where it names none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def picks_of(values: Sequence[str]) -> list[Pick]:
    """Return the picked items, each once.

    Raises:
        Unprocessable: none was picked, too many, or what cannot be an id.
    """
    found = [Pick.parse(v) for v in dict.fromkeys(values)]
    if not all(TASK_ID.fullmatch(p.id) for p in found):
        raise Unprocessable("this is no id of a task or a letter; reload the page", code="bad_form", field="pick")
    if not found:
        raise Unprocessable("nothing is selected; tick at least one line", code="nothing_selected", field="pick")
    if len(found) > MAX_PICKS:
        raise Unprocessable(f"at most {MAX_PICKS} at once", code="too_many", field="pick")
    return found


async def run(ports: Ports, who: Person, action: str, picks: Sequence[Pick], wish: Wish) -> list[Done]:
    """Do it for each; one that is refused does not keep the others."""
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(pick: Pick) -> Done:
        async with slots:
            task_id = None if action in OF_LETTERS else pick.id
            try:
                with tracing.span(action, task_id=task_id):  # it links to where this one was left
                    return Done(pick.id, await _do(ports, who, action, pick, wish))
            except SwitchyardError as error:
                return Done(pick.id, "", error.message or error.code)

    return await asyncio.gather(*map(one, picks))


async def _do(ports: Ports, who: Person, action: str, pick: Pick, wish: Wish) -> str:
    look, why = pick.look, wish.why
    if action in OF_LETTERS:
        return (await OF_LETTERS[action](ports, pick.id, who, reason=why, look=look)).state
    if look is None:
        raise Unprocessable("what was shown of it is not said; reload the page", code="bad_form", field="pick")
    if action == "redrive":
        return (await repairs.redrive(ports, pick.id, who, look, reason=why)).state
    if action == "close":
        return (await repairs.close(ports, pick.id, who, look, reason=why)).state
    if action == "settle" and wish.verdict:
        look = replace(look, at=wish.looked_at)
        return (await repairs.settle(ports, pick.id, who, look, verdict=wish.verdict, reason=why)).state
    decision: Literal["approve", "reject"] = "approve" if action == "approve" else "reject"
    return (
        await decisions.decide(ports, pick.id, who, decision, look, comment=why, cause=wish.cause, undoable=True)
    ).state
