"""A restore, rehearsed on the emulator: into another database, held, checked, and gone on with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.errors import StackError
from infra.restore.check import check
from infra.restore.copy import copy
from infra.restore.hold import hold, release
from shared.wiring.adapters.firestore import FirestoreStore
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, REGISTRY, SUMMARY, World

RESTORED = "restored-1130"


def world(project: str, database: str = "(default)") -> Any:
    """Return a world whose documents are in a database of the emulator."""
    made: Any = World(REFUND[1])
    made.store = made.ports.store = FirestoreStore(project, database)
    return made


@pytest.fixture
async def before(project: str) -> AsyncIterator[Any]:
    """A database with one task done, one that owes its message, and one that waits for a person."""
    made = world(project)
    made.model.answers = [SUMMARY[1], ORDER_STATUS[1], REFUND[1]]
    await made.run(SUMMARY[0].model_copy(update={"task_id": "done"}), ScriptedHandler("summarized"))
    made.publisher.broken = True
    await made.classify(ORDER_STATUS[0].model_copy(update={"task_id": "owing"}))
    made.publisher.broken = False
    await made.classify(REFUND[0].model_copy(update={"task_id": "waiting"}))
    yield made
    await made.store.close()


async def test_restored_database_holds_everything_and_lets_nothing_run_until_it_is_told(
    project: str, before: Any
) -> None:
    copied = await copy(project, "(default)", RESTORED)
    after = world(project, RESTORED)
    try:
        assert copied["tasks"] == 3
        assert (await check(after.store, REGISTRY)) == (report := await check(before.store, REGISTRY))
        assert (report.states, report.waiting, report.owed) == (
            {"SUCCEEDED": 1, "READY": 1, "AWAITING_APPROVAL": 1},
            1,
            1,
        )
        assert (report.problems, report.loose) == ([], {"order_status", "refund_request"})
        await hold(after.store, REGISTRY)
        assert (await check(after.store, REGISTRY)).loose == set()
        assert (await check(before.store, REGISTRY)).loose == {"order_status", "refund_request"}

        # Functions use it now: what people decide counts, and nothing runs.
        await after.decide("waiting")
        handler = ScriptedHandler("told")
        await after.execute("owing", handler)
        assert handler.calls == []
        assert (await after.record("owing")).state == "READY"
        await release(after.store, ["order_status"])
        await after.execute("owing", handler)
        assert (await after.record("owing")).state == "SUCCEEDED"
        assert (await after.record("waiting")).state == "READY"
        # The other one is as it was.
        assert [(await before.record(t)).state for t in ("owing", "waiting")] == ["READY", "AWAITING_APPROVAL"]
    finally:
        await after.store.close()


async def test_a_database_that_holds_something_is_not_written_over(project: str, before: Any) -> None:
    await copy(project, "(default)", RESTORED)
    with pytest.raises(StackError, match=f"{RESTORED} holds .* already"):
        await copy(project, "(default)", RESTORED)
