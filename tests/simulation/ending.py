"""What must hold of the documents once everything is quiet: nothing is lost, nothing is stuck, everything was told."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.task.schemas import TERMINAL
from tests.simulation import noise
from tests.simulation.stories import words_of
from tests.store import MemoryStore


@dataclass(slots=True)
class Owed:
    """What a run took in and told; its documents must account for all of it at the end."""

    accepted: set[str] = field(default_factory=set)  # ids of tasks
    told: list[tuple[str, str]] = field(default_factory=list)  # task, words: of events that add to a story
    results: set[tuple[str, int, str]] = field(default_factory=set)  # task, generation, state: as published
    letters: set[str] = field(default_factory=set)  # paths of dead letters
    deleted: set[str] = field(default_factory=set)  # tasks whose approval document somebody removed

    def faults(self, store: MemoryStore, removed: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
        """Yield each invariant that does not hold, and what is wrong. `removed` are records as they were last."""
        yield from noise.faults(store)
        records = {path.partition("/")[2]: data for path, data in store.items("tasks") if not noise.is_noise(path)}
        records |= removed
        for task_id in sorted(self.accepted - records.keys()):
            yield "I1", f"{task_id} was accepted and has no record"
        for task_id, record in records.items():
            yield from self._of_task(store, task_id, record)
        # Whatever was said and accepted is a task, a line of one, or a dead letter.
        known = {words_of(r["source"], json.loads(r["payload"])) for r in records.values()}
        known |= {followup["text"] for r in records.values() for followup in r["followups"]}
        letters = "".join(base64.b64decode(data["data"]).decode() for _, data in store.items("dead_letters"))
        for task_id, words in self.told:
            if task_id not in removed and words not in known and json.dumps(words)[1:-1] not in letters:
                yield "I1", f"words that were accepted about {task_id} are nowhere"
        for path in sorted(self.letters):
            if store.look(path).data is None:
                yield "I1", "a dead letter vanished"

    def _of_task(self, store: MemoryStore, task_id: str, record: dict[str, Any]) -> Iterator[tuple[str, str]]:
        state = record["state"]
        if state in ("READY", "EXECUTING"):
            yield "I8", f"{task_id} is still {state}"
        if record["outbox"] is not None and state in TERMINAL:
            yield "I8", f"{task_id} is {state} and still owes a message"
        if state in TERMINAL and (task_id, record["generation"], state) not in self.results:
            yield "I4", f"{task_id} is {state}, and nobody was told"
        if state != "AWAITING_APPROVAL":
            return
        approval = store.look(f"approvals/{task_id}").data
        if approval is None and task_id not in self.deleted:
            yield "I1", f"{task_id} waits, and nobody can see it"
        if approval is not None and approval.get("outcome") is not None:
            yield "I8", f"{task_id} waits, and its approval is closed"
        if approval is not None and approval.get("status") in ("approved", "rejected"):
            yield "I8", f"{task_id} waits, although somebody has decided"
