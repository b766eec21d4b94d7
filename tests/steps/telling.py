"""Worlds whose news is told in a chat, for the tests of `notify`."""

from __future__ import annotations

import json
from typing import Any

from functions.notify.step import notify
from shared.intent.outcomes import Permanent
from shared.settings import Webhook
from shared.task.moves import Person
from shared.wiring.ports import Snapshot
from tests.chat import Chat
from tests.scripted import ScriptedHandler
from tests.store import MemoryStore
from tests.world import REFUND, World

CONSOLE = "https://ops.example.com"
OPS = Person("ops@example.com", "console")
HOSTILE = "<!channel> <@U1> *bold* [x](javascript:alert(1)) & please approve"


def wired(world: World, chat: Chat, *, format: Any = "slack", escalation: bool = False) -> World:
    """Give a world the webhooks of a chat."""
    settings: dict[str, Any] = {"notify_webhook": Webhook(format, f"{chat.url}/services/main")}
    if escalation:
        settings["escalation_webhook"] = Webhook(format, f"{chat.url}/services/escalation")
    world.set(console_url=CONSOLE, **settings)
    return world


async def run(world: World, minutes: float = 1) -> dict[str, Any]:
    """Let a minute pass and look once."""
    world.pass_time(minutes=minutes)
    await world.ports.pool.close()  # by then a host that failed is asked again
    return dict((await notify(world.ports)).body or {})


async def pause(world: World, *task_ids: str, case: Any = REFUND) -> None:
    """Let more tasks pause in a world."""
    for task_id in task_ids:
        world.model.answers = [case[1]]
        await world.classify(case[0].model_copy(update={"task_id": task_id}))


async def fail(world: World, code: str = "no", task_id: str = "t1") -> None:
    """Approve a waiting task, whose handler then refuses."""
    await world.decide(task_id)
    await world.execute(task_id, ScriptedHandler(Permanent("card 4111", code=code)))


def texts(message: dict[str, Any]) -> str:
    """Return every string of a message."""
    return json.dumps(message, ensure_ascii=False)


class Counting(MemoryStore):
    """Counts the documents that queries return."""

    read_by_queries = 0

    async def query(self, *what: Any, **how: Any) -> list[Snapshot]:
        found = await super().query(*what, **how)
        self.read_by_queries += len(found)
        return found
