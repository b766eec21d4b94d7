"""People who decide what waits: through the console, in the document, both at once, twice, or against one another."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from shared.errors import BadRequest, Conflict, Retry
from shared.records.documents import approval_path
from shared.task.schemas import UNCLASSIFIED
from shared.wiring.ports import Write
from tests.chaos.ground import Ground

ANSWER_TIMEOUT_S = 5.0
LOOK_EVERY_S = 0.5
Record = Mapping[str, Any]


@dataclass
class People:
    """`told` holds, by task, the decisions that the console confirmed; `left` the tasks that nobody will decide."""

    ground: Ground
    seed: int
    told: dict[str, list[str]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    async def work(self) -> None:
        """Decide until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """Decide what waits now; return how many tasks wait for a decision that they will get."""
        url = self._dice.choice(self.ground.consoles)
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_S, trust_env=False) as http:
            try:
                found = await http.get(f"{url}/api/tasks?state=AWAITING_APPROVAL&limit=200")
                waiting = found.json()["tasks"] if found.status_code == 200 else []
            except httpx.TransportError:
                return 1
            todo = [record for record in waiting if record["task_id"] not in self._done | self.left]
            await asyncio.gather(*(self._decide(http, record) for record in todo))
        return len(todo)

    async def _decide(self, http: httpx.AsyncClient, record: Record) -> None:
        """Do with a task what its id says, however often it is seen."""
        dice = random.Random(f"{self.seed}{record['task_id']}")
        if dice.random() < 0.1:
            self.left.add(record["task_id"])
            return
        ways = self._ways(http, record, dice)
        if any(await asyncio.gather(*ways)):
            self._done.add(record["task_id"])

    def _ways(self, http: httpx.AsyncClient, record: Record, dice: random.Random) -> list[Awaitable[bool]]:
        def console(decision: str, **more: Any) -> Awaitable[bool]:
            url = dice.choice(self.ground.consoles)
            shown = {name: record[name] for name in ("generation", "params_hash")}
            return self._ask(http, url, record, {"decision": decision, **shown, **more})

        def document(status: str) -> Awaitable[bool]:
            return self._edit(record["task_id"], status)

        plans: list[Callable[[], list[Awaitable[bool]]]] = [
            lambda: [console("approve")],
            lambda: [console("reject")],
            lambda: [document("approved")],
            lambda: [document("rejected")],
            lambda: [console("approve"), document("approved")],
            lambda: [console("approve"), document("rejected")],
            lambda: [console("approve"), console("approve")],
            lambda: [console("approve"), console("reject")],
            lambda: [console("approve", **_corrected(record))],
        ]
        if record["intent"] == UNCLASSIFIED:  # nothing to approve before somebody has chosen
            plans = [lambda: [console("reject")], lambda: [document("rejected"), console("reject")]]
        return dice.choice(plans)()

    async def _ask(self, http: httpx.AsyncClient, url: str, record: Record, body: Mapping[str, Any]) -> bool:
        try:
            answer = await http.post(f"{url}/api/approvals/{record['task_id']}", json=body)
        except httpx.TransportError:
            return False
        if answer.status_code == 200:
            self.told.setdefault(record["task_id"], []).append(body["decision"])
        return answer.status_code < 500

    async def _edit(self, task_id: str, status: str) -> bool:
        store = self.ground.store
        try:
            (approval,) = await store.read(approval_path(task_id))
            if approval.data is None or approval.data["outcome"] is not None:
                return True
            await store.commit(Write(approval.path, approval.data | {"status": status}, approval.version))
        except Conflict:
            return True
        except (Retry, BadRequest):
            return False
        return True


def _corrected(record: Record) -> dict[str, Any]:
    """Return parameters that a person sets instead: a cent less."""
    parameters = dict(record["parameters"])
    if "amount_minor" in parameters:
        parameters["amount_minor"] -= 1
    return {"parameters": parameters}
