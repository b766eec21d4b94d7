"""How many decisions there are about a classifier's answers, and how many count as proof: counted, never read.

Every count stops at `COUNT_UP_TO`, which Firestore bills as one read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from shared.errors import StoreUnavailable
from shared.gate.confidence import Classified, is_on_probation
from shared.task.label import PROOF, Verdict
from shared.wiring.composition import Ports
from shared.wiring.lately import Lately
from shared.wiring.ports import Filter, Store

COUNT_UP_TO = 1000
LOOK_S = 30.0
NEWEST = 20  # labels that are looked at for the classifier that answers now
NOBODY = "none"  # the model of an answer that nobody gave


@dataclass(frozen=True, slots=True)
class Summary:
    """Decisions by verdict; by intent as the classifier named it, those that found it right and wrong.

    `counted` of them are proof of `model` with `prompt_version`, which answered what was decided last; both are empty
    where nothing was. Each number stops at `up_to`, and `counted` at four times that.
    """

    verdicts: Mapping[str, int]
    intents: Mapping[str, tuple[int, int]]
    model: str
    prompt_version: str
    counted: int
    up_to: int = COUNT_UP_TO

    @property
    def words(self) -> str:
        """The same in a line, without intents."""
        said = ", ".join(f"{verdict.replace('_', ' ')} {count:,}" for verdict, count in self.verdicts.items() if count)
        if not said:
            return "nobody has decided anything yet"
        prompt = f" with prompt {self.prompt_version}" if self.prompt_version else ""
        return f"{said}; {self.counted:,} count as proof of {self.model}{prompt}" if self.model else said


async def counted(ports: Ports, said: Classified) -> int:
    """Return how many decisions count as proof of whoever said it, as of the last `LOOK_S` seconds.

    The store is not asked where no certificate is needed, or one names every intent. Where it cannot tell, this is what
    was known before, else 0: it is for words alone.
    """
    if not any(is_on_probation(intent, said, ports.settings) for intent in ports.registry.values()):
        return 0
    who = (said.model, said.prompt_version)
    try:
        known: Lately[int] = ports.lately["proof", *who]
        return await known.value(lambda: _proof(ports.store, *who), LOOK_S)
    except StoreUnavailable:
        return 0


async def summary(store: Store, intents: Iterable[str]) -> Summary:
    """Count all decisions.

    Raises:
        StoreUnavailable: nothing is known.
    """
    verdicts, names = get_args(Verdict), list(intents)
    by_verdict, by_intent, rows = await asyncio.gather(
        asyncio.gather(*(_count(store, verdict=verdict) for verdict in verdicts)),
        asyncio.gather(*(_count(store, said=name, right=right) for name in names for right in (True, False))),
        store.query_rows("labels", ("model", "prompt_version"), order_by="at", descending=True, limit=NEWEST),
    )
    asked = ((str(r.data["model"]), str(r.data["prompt_version"])) for r in rows)
    model, prompt_version = next((a for a in asked if a[0] != NOBODY), ("", ""))
    return Summary(
        dict(zip(verdicts, by_verdict, strict=True)),
        dict(zip(names, zip(by_intent[::2], by_intent[1::2], strict=True), strict=True)),
        model,
        prompt_version,
        await _proof(store, model, prompt_version) if model else 0,
    )


async def _proof(store: Store, model: str, prompt_version: str) -> int:
    of = {"model": model, "prompt_version": prompt_version}
    cells = (_count(store, **of, drawn=drawn, right=right) for drawn in PROOF for right in (True, False))
    return sum(await asyncio.gather(*cells))


async def _count(store: Store, **equal: str | bool) -> int:
    where = [Filter(name, "==", value) for name, value in equal.items()]
    return await store.count("labels", where=where, up_to=COUNT_UP_TO)
