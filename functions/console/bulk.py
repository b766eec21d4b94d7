"""Many picked items and one wish in; one decision each, audited like any other, out. Nothing is all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import SwitchyardError, Unprocessable
from shared.records import decisions
from shared.records.decisions import Wish
from shared.records.letters import close_letter, redrive_letter
from shared.task.moves import Person
from shared.wiring.composition import Ports

IN_FLIGHT = 10
MAX_PICKS = 200
OF_LETTERS = {"redrive_letter": redrive_letter, "close_letter": close_letter}
VERBS = {
    "approve": "Approve",
    "reject": "Reject",
    "redrive": "Redrive",
    "redrive_letter": "Redrive",
    "close_letter": "Close",
}


@dataclass(frozen=True, slots=True)
class Pick:
    """One item as it was shown: its id, and of tasks the hash of the parameters."""

    id: str
    params_hash: str

    @classmethod
    def parse(cls, text: str) -> Pick:
        """Read the value of a checkbox."""
        item, _, shown = text.partition("|")
        return cls(item, shown)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one item: its new state, or why it was refused."""

    id: str
    state: str
    error: str = ""


def picks_of(values: Sequence[str]) -> list[Pick]:
    """Return the picked items, each once.

    Raises:
        Unprocessable: none was picked, or too many.
    """
    found = [Pick.parse(v) for v in dict.fromkeys(values)]
    if not found:
        raise Unprocessable("nothing is selected; tick at least one line", code="nothing_selected", field="pick")
    if len(found) > MAX_PICKS:
        raise Unprocessable(f"at most {MAX_PICKS} at once", code="too_many", field="pick")
    return found


async def run(ports: Ports, who: Person, action: str, picks: Sequence[Pick], why: str) -> list[Done]:
    """Do it for each; one that is refused does not keep the others."""
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(pick: Pick) -> Done:
        async with slots:
            try:
                return Done(pick.id, await _do(ports, who, action, pick, why))
            except SwitchyardError as error:
                return Done(pick.id, "", error.message or error.code)

    return await asyncio.gather(*map(one, picks))


def _do(ports: Ports, who: Person, action: str, pick: Pick, why: str) -> Awaitable[str]:
    async def state(work: Awaitable[Any]) -> str:
        return str((await work).state)

    if action == "redrive":
        return state(decisions.redrive(ports, pick.id, who, reason=why))
    if action in OF_LETTERS:
        return state(OF_LETTERS[action](ports, pick.id, who, reason=why))
    wish = Wish("approve" if action == "approve" else "reject", pick.params_hash, comment=why)
    return state(decisions.decide(ports, pick.id, who, wish))
