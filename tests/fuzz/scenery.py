"""A world with a task in every state that people and messages meet, copied for each input."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.intent.outcomes import Ambiguous, Permanent
from shared.task.schemas import TaskRecord
from shared.wiring import composition
from shared.wiring.ports import Document
from tests.fuzz.case import CANARY, Broken
from tests.fuzz.promises import SECRET
from tests.fuzz.store import FirestoreLike
from tests.fuzz.wire import Wire, captured
from tests.scripted import ScriptedHandler
from tests.store import BEGINNING
from tests.world import ORDER_STATUS, REFUND, SUMMARY, World, says, ticket

WEBHOOKS = Path(__file__).parents[1] / "data" / "webhooks"
VENDORS = ("zendesk", "jira", "slack", "github", "stripe")
SIGNERS = (*VENDORS, "crm", "direct")
HEADERS = (("host", "127.0.0.1"), ("content-type", "application/json"))


@contextmanager
def secrets() -> Iterator[None]:
    """Set one webhook secret per source, and no other setting, in this process's environment."""
    kept = {name: value for name, value in os.environ.items() if name.endswith("_WEBHOOK_SECRET")}
    ours = {f"{name.upper()}_WEBHOOK_SECRET": secret_of(name) for name in SIGNERS}
    for name in kept:
        del os.environ[name]
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]
        os.environ.update(kept)
        composition.install(None)


def secret_of(source: str) -> str:
    """Return the secret that signs a source's webhooks."""
    return f"{source}{SECRET}"


@contextmanager
def stage() -> Iterator[Wire]:
    """Set the secrets, capture all output, and return the wire to the apps."""
    with secrets(), captured() as (out, err):
        yield Wire(out, err)


@dataclass(frozen=True, slots=True)
class Scenery:
    """Documents to begin with, and the clock they were written by."""

    documents: Mapping[str, tuple[Document, str]]
    now: datetime

    def world(self, answer: Any = None, **settings: Any) -> World:
        """Return a world of its own with these documents, installed as the ports of every function."""
        world = World(answer, **settings)
        world.now = self.now
        world.keep_in(FirestoreLike).load(self.documents)
        composition.install(world.ports)
        return world

    def changed(self, world: World) -> list[str]:
        """Return the paths of the documents that a world has changed or made."""
        return [path for path, held in world.store.documents.items() if self.documents.get(path) != held]

    async def run_what_may_run(self, world: World) -> list[tuple[TaskRecord, Any]]:
        """Execute every task that has become READY; return the records and what they ran with.

        Raises:
            Broken: a handler ran twice, or with other parameters than its task's document holds.
        """
        ran = []
        for path, held in world.store.documents.items():
            if not path.startswith("tasks/") or held == self.documents.get(path) or path == "tasks/ready":
                continue
            record = await world.record(path.removeprefix("tasks/"))
            if record.state != "READY":
                continue
            handler = ScriptedHandler("done")
            for _ in range(2):
                await world.execute(record.task_id, handler)
            if len(handler.calls) > 1:
                raise Broken("effect repeated", record.task_id)
            for parameters, _ in handler.calls:
                if parameters.model_dump(mode="json") != record.parameters:
                    raise Broken("ran with other parameters", record.task_id)
                ran.append((record, parameters.model_dump(mode="json")))
        return ran


EMPTY = Scenery({}, BEGINNING)


async def populated() -> Scenery:
    """Return scenery with these tasks: ready, paused, unclear (unclassified), done, failed, unknown, rejected."""
    world = EMPTY.world(says("order_status"), automatic={"refund_request": 5000})
    plain = ScriptedHandler("done")

    async def make(task_id: str, text: str, answer: Any) -> None:
        world.model.answers = [answer]
        await world.classify(ticket(f"{text}. {CANARY}", task_id=task_id))

    await make("ready", ORDER_STATUS[0].raw_payload["text"], ORDER_STATUS[1])
    await make("done", ORDER_STATUS[0].raw_payload["text"], ORDER_STATUS[1])
    await world.execute("done", plain)
    for task_id, error in (("failed", Permanent("no")), ("unknown", Ambiguous("who knows"))):
        await make(task_id, SUMMARY[0].raw_payload["text"], SUMMARY[1])
        await world.execute(task_id, ScriptedHandler(error))
    world.pass_time(minutes=1)  # no request is under way any more: a person may say what became of it
    await make("paused", REFUND[0].raw_payload["text"], REFUND[1] | {"confidence": 0.5})
    await make("rejected", REFUND[0].raw_payload["text"], REFUND[1] | {"confidence": 0.5})
    await world.decide("rejected", "reject")
    await make("unclear", "Hello there", "no JSON")
    states = [(await world.record(t)).state for t in ("ready", "done", "failed", "unknown", "paused", "rejected")]
    assert states == ["READY", "SUCCEEDED", "FAILED", "UNKNOWN", "AWAITING_APPROVAL", "REJECTED"]
    return Scenery(world.store.documents, world.now)
