"""A candidate in shadow under every fault: the protocol holds, its budget is kept, it follows tasks that are there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

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
    """One run with a candidate: what it was asked, what was reserved for it by day, and what it left."""

    def __init__(self, seed: int) -> None:
        self.run = run = Run(seed)
        self.asked = 0
        self.reserved: dict[str, int] = defaultdict(int)
        self.kept: list[str] = []
        run.fleet.settings = replace(run.fleet.settings, promoters=frozenset({"ml@example.com"}), classifier="genai")
        limits = {"hash": VERSION.hash, "share": 0.5, "calls_a_day": CALLS_A_DAY}
        candidate = Candidate.model_validate(limits | {"by": "ml@example.com", "at": BEGINNING})
        run.store.put(version_path(VERSION.hash), **VERSION.model_dump())
        run.store.put(CANDIDATE, **candidate.model_dump())
        self._witnessed, self._answer = run.witness.committed, run.model.ask
        run.store._committed = self._committed
        run.model.ask = self._ask  # type: ignore[method-assign]

    def _committed(self, path: str, before: Document | None, data: Document, version: str) -> None:
        if path == SPENT:
            assert data["calls"] <= CALLS_A_DAY
            self.reserved[data["day"]] = data["calls"]
        if path.startswith("shadows/"):
            self.kept.append(data["task_id"])
            assert before is None
            assert self.run.store.look(task_path(data["task_id"])).data is not None
        self._witnessed(path, before, data, version)

    async def _ask(self, question: Question, timeout_s: float) -> Answer:
        is_candidates = f"1. {RULE}\n" in question.instructions
        self.asked += is_candidates
        assert self.asked <= sum(self.reserved.values())
        return await self._answer(question, timeout_s)


@pytest.mark.parametrize("first", range(0, RUNS, CHUNK))
def test_protocol_holds_and_the_budget_is_kept(first: int) -> None:
    runs = [Shadowed(seed) for seed in range(first, first + CHUNK)]
    for shadowed in runs:
        shadowed.run.execute()  # raises what breaks an invariant
    totals: Any = [(s.asked, len(s.kept), sum(s.reserved.values())) for s in runs]
    asked, kept, reserved = map(sum, zip(*totals, strict=True))
    assert 0 < kept < asked <= reserved  # some were cut off by a crash, and cost their call all the same
