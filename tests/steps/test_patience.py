"""A provider in trouble, or at work, costs its tasks time: none fails early or is repeated, people hear of it once."""

from __future__ import annotations

import contextlib
import json

import pytest

from shared.errors import Retry
from shared.intent.outcomes import LockedOut, NotApplied, Pending
from shared.task.schemas import TaskRecord
from tests.scripted import AskingHandler, ScriptedHandler
from tests.world import REFUND, REGISTRY, SUMMARY, World, started

PATIENCE_S = REGISTRY["ticket_summary"].limits.patience_s


async def until_it_ends(world: World, handler: ScriptedHandler) -> TaskRecord:
    """Try again every ten minutes."""
    while (record := await world.record("t1")).state == "READY":
        with contextlib.suppress(Retry):
            await world.execute("t1", handler)
        world.pass_time(minutes=10)
    return record


async def test_refused_key_fails_nothing_before_patience_ends_and_is_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = await started(SUMMARY)
    began = world.store.now
    handler = ScriptedHandler(LockedOut("POST /: answered 401", code="provider_401"))
    record = await until_it_ends(world, handler)
    assert (record.state, record.error and record.error.code) == ("FAILED", "provider_401")
    assert (record.updated_at - began).total_seconds() >= PATIENCE_S
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [error] = [line for line in lines if line["severity"] == "ERROR"]
    assert (error["variable"], error["error_code"]) == ("SLACK_API_KEY", "provider_401")


async def test_task_goes_through_when_the_key_is_mended_and_the_next_refusal_is_news() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler(*[LockedOut(code="provider_401")] * 12, "done")
    assert (await until_it_ends(world, handler)).state == "SUCCEEDED"
    assert len(handler.calls) == 13
    assert world.ports.locked_out == set()


async def test_overloaded_provider_outlasts_five_attempts_and_no_task() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler(*[NotApplied(code="provider_429")] * 20, "done")
    assert (await until_it_ends(world, handler)).state == "SUCCEEDED"


async def test_unfinished_effect_is_looked_at_until_it_has_ended_and_never_repeated() -> None:
    world = await started(REFUND)
    handler = AskingHandler(
        Pending("Stripe is at work", code="refund_pending"), verdicts=["pending", "pending", "applied"]
    )
    assert (await world.execute("t1", handler)).code == "unknown"
    for minutes, state in ((1, "UNKNOWN"), (2, "UNKNOWN"), (4, "SUCCEEDED")):
        world.pass_time(minutes=minutes)
        assert await world.sweep() == {"published": 1}
        await world.execute("t1", handler)
        assert (await world.record("t1")).state == state
    assert (len(handler.calls), len(handler.asked)) == (1, 3)
