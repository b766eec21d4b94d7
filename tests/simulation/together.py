"""Runs in which tasks wait for the model and share its calls, under every fault of the protocol; and who watches them.

`python -m tests.simulation.together --first 0 --runs 20` prints what a run breaks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from typing import Any

from infra.gemini_server.requests import items_of
from infra.gemini_server.several import FAULTS, answered
from shared.errors import ModelRefused, ModelUnavailable
from shared.model.question import Answer, Question
from shared.wiring.ports import Document
from tests.simulation.deployment import REGISTRY
from tests.simulation.model import REFUSALS
from tests.simulation.stories import words_of
from tests.simulation.witness import Violation
from tests.simulation.world import Run

TASKS = 24
SLOW_S = (3.0, 15.0)
SURE = 0.9  # from here on a confidence is one that the model said as it was told, and no odd one


class Together:
    """One run, with one call at a time in each instance, and a model slow enough for tasks to wait.

    No two answers of the model have the same confidence: it tells which answer a record was made of.
    """

    def __init__(self, seed: int) -> None:
        self.run = run = Run(seed)
        self._rng = random.Random(f"together {seed}")  # what else happens in a run is as it would be without
        run.weather = replace(run.weather, tasks=TASKS)
        run.fleet.settings = replace(run.fleet.settings, max_concurrent_calls=1, coalesce=5)
        self.begun = self.ended = 0  # calls of several
        self.decided: Counter[str] = Counter()  # on what kind of answer
        self._meant: dict[str, set[float]] = {}  # text -> the answers that its id has had, once in a call
        self._several: set[str] = set()  # versions of the form of several questions
        self._number = 0
        self._alone, self._witnessed = run.model.ask, run.witness.committed
        run.model.ask = self._ask  # type: ignore[method-assign]
        run.store._committed = self._committed

    def execute(self) -> None:
        """Run to the end.

        Raises:
            Violation: an invariant does not hold.
        """
        self.run.execute()

    async def _ask(self, question: Question, timeout_s: float) -> Answer:
        await asyncio.sleep(min(self._rng.uniform(*SLOW_S), timeout_s))
        if question.answers == 1:
            return await self._alone(question, timeout_s)
        self.begun += 1
        self._several.add(question.version)
        # By text: the order of the call is one of chance that no seed repeats.
        items = sorted(items_of(question.content), key=lambda item: _words(item[1]))
        fault = self._rng.choice(FAULTS) if self._rng.random() < 0.6 else "ok"
        if self._rng.random() < 0.1:
            raise self._rng.choice((ModelRefused("no", code=REFUSALS[0]), ModelUnavailable("over quota")))
        said = answered(items, self._say, fault)
        await self.run.model._trouble.hop()
        self._remember(items, said)
        self.ended += 1
        return Answer(json.dumps(said), self.run.model.model, 120, 5.0)

    def _say(self, texts: Any) -> dict[str, Any]:
        """Say what is right, or of some what another ticket wants: with its parameters, or with their own."""
        self._number += 1
        answers = self.run.model.answers
        text, chance = _words(texts), self._rng.random()
        said = answers[text] if chance < 0.9 else answers[self._rng.choice(sorted(answers))]
        if chance < 0.1 and "order_id" in said["parameters"]:
            said = {"intent": "order_status", "parameters": {"order_id": said["parameters"]["order_id"]}}
        return said | {"confidence": SURE + self._number * 1e-6}

    def _remember(self, items: Any, said: Any) -> None:
        entries = said if isinstance(said, list) else []
        times = Counter(entry["id"] for entry in entries)
        for id, texts in items:
            own = {e["confidence"] for e in entries if e["id"] == id and times[id] == 1 and "confidence" in e}
            self._meant.setdefault(_words(texts), set()).update(own)

    def _committed(self, path: str, before: Document | None, data: Document, version: str) -> None:
        self._witnessed(path, before, data, version)
        if not path.startswith("tasks/") or before is not None or "classification" not in data:
            return
        said = data["classification"]
        shared = said["prompt_version"] in self._several
        self.decided["shared" if shared else "alone"] += 1
        if not shared:
            return
        text = words_of(data["source"], json.loads(data["payload"]))
        if said["confidence"] not in self._meant.get(text, ()):
            self.run.witness.fail("T1", f"{path} has an answer that was not certainly meant for it")
        if data["state"] == "READY" and (risk := REGISTRY[data["intent"]].policy.risk) != "none":
            self.run.witness.fail("T2", f"{path} moves {risk} on an answer that it shares")


def _words(texts: Mapping[str, str]) -> str:
    return next(text for label, text in texts.items() if not label.startswith("fields/"))


def main() -> int:
    """Run some seeds; exit status 1 at the first that breaks something."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.together", description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    for seed in range(options.first, options.first + options.runs):
        try:
            with redirect_stdout(StringIO()):
                Together(seed).execute()
        except Violation as error:
            print(f"seed {seed}: {error}")
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
