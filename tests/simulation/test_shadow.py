"""A candidate in shadow under every fault: the protocol holds, its budget is kept, it follows tasks that are there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from shared.model.question import Answer, Question
from shared.records.documents import task_path
from shared.records.routers import CANDIDATE, version_path
from shared.records.shadows import SPENT
from shared.task.router import Candidate, Version
from shared.wiring.ports import Document
from tests.simulation.world import Run
from tests.store import BEGINNING

RUNS, CHUNK = 30, 10
CALLS_A_DAY = 3
RULE = "Answer as a candidate."
VERSION = Version(kind="prompt", content=RULE, by="ml@example.com", at=BEGINNING)


class Shadowed:
    """One run with a candidate: what it was asked, what was paid for, and what it left."""

    def __init__(self, seed: int) -> None:
        self.run = run = Run(seed)
        self.asked = self.paid = self.unpaid = self.most = self.orphans = 0
        self.kept: Counter[str] = Counter()
        run.fleet.settings = replace(run.fleet.settings, promoters=frozenset({"ml@example.com"}), classifier="genai")
        limits = {"hash": VERSION.hash, "share": 0.5, "calls_a_day": CALLS_A_DAY}
        candidate = Candidate.model_validate(limits | {"by": "ml@example.com", "at": BEGINNING})
        run.store.put(version_path(VERSION.hash), **VERSION.model_dump())
        run.store.put(CANDIDATE, **candidate.model_dump())
        self._witnessed, self._answer = run.witness.committed, run.model.ask
        run.store._committed = self._committed
        run.model.ask = self._ask  # type: ignore[method-assign]

    def _committed(self, path: str, before: Document | None, data: Document, version: str) -> None:
        # Nothing is asserted here: what the candidate's part raises is caught where it is asked.
        if path == SPENT:
            self.paid += not data["last"].endswith(" settled")
            self.most = max(self.most, data["calls"])
        if path.startswith("shadows/"):
            self.kept[data["task_id"]] += 1
            self.orphans += self.run.store.look(task_path(data["task_id"])).data is None
        self._witnessed(path, before, data, version)

    async def _ask(self, question: Question, timeout_s: float) -> Answer:
        self.asked += f"1. {RULE}\n" in question.instructions
        self.unpaid += self.asked > self.paid
        return await self._answer(question, timeout_s)


@pytest.mark.parametrize("first", range(0, RUNS, CHUNK))
def test_protocol_holds_and_the_budget_is_kept(first: int) -> None:
    runs = [Shadowed(seed) for seed in range(first, first + CHUNK)]
    for shadowed in runs:
        shadowed.run.execute()  # raises what breaks an invariant
        assert shadowed.most <= CALLS_A_DAY
        assert (shadowed.unpaid, shadowed.orphans) == (0, 0)
        assert max(shadowed.kept.values(), default=0) <= 1
    kept, asked, paid = (sum(n) for n in zip(*((len(s.kept), s.asked, s.paid) for s in runs), strict=True))
    assert 0 < kept < asked <= paid  # some were cut off by a crash, and cost their call all the same
