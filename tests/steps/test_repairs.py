"""What people do to tasks that do not wait: redrive, cancel, settle."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Forbidden, Refused, Unprocessable
from shared.gate.doors import Look
from shared.intent.outcomes import Ambiguous, Permanent
from shared.records import repairs
from shared.records.decisions import Change
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.world import SUMMARY, World, paused, started

OPS = Person("ops@example.com", "console")


# --- redrive, cancel, settle


async def redrive(world: World, **more: Any) -> Any:
    look = more.pop("look", None) or await world.look("t1")
    return await repairs.redrive(world.ports, "t1", OPS, look, reason="try again", **more)


async def test_failed_task_is_redriven_as_a_new_generation() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler(Permanent("no", code="no"), "done")
    await world.execute("t1", handler)
    record = await redrive(world)
    assert (record.state, record.generation) == ("READY", 2)
    assert (await world.execute("t1", handler, generation=1)).code == "stale"
    assert (await world.execute("t1", handler, generation=2)).code == "succeeded"
    assert [ctx.effect_key for _, ctx in handler.calls] == ["t1.ticket_summary.1", "t1.ticket_summary.2"]


async def test_unknown_keyless_task_is_redriven_only_with_a_verdict_and_under_a_new_key() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler(Ambiguous(), "done")
    await world.execute("t1", handler)
    with pytest.raises(Refused) as refused:
        await redrive(world)
    assert refused.value.code == "verdict_needed"
    with pytest.raises(Refused) as refused:
        await redrive(world, not_applied=True)
    assert refused.value.code == "too_early"
    world.pass_time(minutes=1)
    await redrive(world, not_applied=True)
    await world.execute("t1", handler)
    assert [ctx.effect_key for _, ctx in handler.calls] == ["t1.ticket_summary.1", "t1.ticket_summary.2"]


async def test_task_that_policy_turned_against_runs_once_a_person_approves_it() -> None:
    world = await started(SUMMARY)
    world.set(confidence_threshold=0.99)
    assert (await world.execute("t1", ScriptedHandler())).code == "awaiting_approval"
    await world.decide("t1")
    record = await world.record("t1")
    assert record.approval is not None
    assert record.approval.by == OPS.name
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"


async def test_rejected_and_expired_tasks_can_be_redriven_by_an_approver_only() -> None:
    world = await paused(approvers={"*": frozenset({"lead@example.com"})})
    await world.decide("t1", "reject", by="lead@example.com")
    with pytest.raises(Forbidden):
        await redrive(world)
    lead = Person("lead@example.com", "console")
    record = await repairs.redrive(world.ports, "t1", lead, await world.look("t1"), reason="changed my mind")
    assert (record.state, record.approval and record.approval.decision) == ("READY", "approve")


async def test_redrive_during_a_live_lease_is_refused() -> None:
    world = await started(SUMMARY)

    async def busy(params: Any, ctx: Any) -> str:
        with pytest.raises(Refused) as refused:
            await redrive(world)
        assert refused.value.code == "not_redrivable"
        return "done"

    await world.execute("t1", ScriptedHandler(busy))
    assert (await world.record("t1")).generation == 1


async def test_redrive_with_parameters_that_do_not_hold_is_refused() -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Permanent("no")))
    with pytest.raises(Unprocessable):
        await redrive(world, change=Change(parameters={"summary": ""}))


async def test_cancelled_task_never_runs_and_its_approval_is_closed() -> None:
    world, handler = await paused(), ScriptedHandler()
    await repairs.cancel(world.ports, "t1", OPS, await world.look("t1"), reason="duplicate")
    assert (await world.execute("t1", handler)).code == "already_done"
    approval = await world.approval("t1")
    assert (handler.calls, approval["status"], approval["outcome"]) == ([], "cancelled", "CANCELLED")


@pytest.mark.parametrize(
    ("end", "code"), [("done", "already_done"), (Ambiguous(), "possibly_applied"), (Permanent("no"), "already_done")]
)
async def test_what_ended_or_may_have_happened_cannot_be_cancelled(end: Any, code: str) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(end))
    with pytest.raises(Refused) as refused:
        await repairs.cancel(world.ports, "t1", OPS, await world.look("t1"), reason="mistake")
    assert refused.value.code == code


@pytest.mark.parametrize(("verdict", "state"), [("applied", "SUCCEEDED"), ("not_applied", "FAILED")])
async def test_person_settles_an_unknown_effect(verdict: Any, state: str) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous()))
    world.pass_time(minutes=1)
    record = await repairs.settle(
        world.ports, "t1", OPS, await world.look("t1"), verdict=verdict, reason="looked in Slack"
    )
    assert (record.state, record.history[-1].by, record.history[-1].why) == (state, OPS.name, "looked in Slack")
    assert world.publisher.on("results")[-1]["success"] == (state == "SUCCEEDED")
    with pytest.raises(Refused):
        await repairs.settle(world.ports, "t1", OPS, await world.look("t1"), verdict="applied", reason="again")


async def say_not_applied(world: World, look: Look) -> list[str]:
    """Settle and redrive an UNKNOWN task, which both must be refused; the codes."""
    codes = []
    for verdict in (
        repairs.settle(world.ports, "t1", OPS, look, verdict="not_applied", reason="nothing in Slack"),
        redrive(world, not_applied=True, look=look),
    ):
        with pytest.raises(Refused) as refused:
            await verdict
        codes.append(refused.value.code)
    assert (await world.record("t1")).state == "UNKNOWN"
    return codes


async def test_verdict_on_one_generation_says_nothing_of_the_next() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler(Ambiguous(), Ambiguous())
    await world.execute("t1", handler)
    world.pass_time(minutes=1)
    first = await world.look("t1")
    await redrive(world, not_applied=True, look=first)
    await world.execute("t1", handler)
    world.pass_time(minutes=1)
    assert await say_not_applied(world, first) == ["generation_changed"] * 2
    second = await world.look("t1")
    await repairs.settle(world.ports, "t1", OPS, second, verdict="not_applied", reason="nothing in Slack")


async def test_look_while_the_request_may_be_under_way_is_too_early_however_late_the_click() -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous()))
    early = await world.look("t1", at=world.store.now)
    world.pass_time(seconds=59)
    assert await say_not_applied(world, await world.look("t1")) == ["too_early"] * 2
    world.pass_time(minutes=5)
    assert await say_not_applied(world, early) == ["too_early"] * 2
    await repairs.settle(world.ports, "t1", OPS, early, verdict="applied", reason="seen in Slack")


async def test_clock_ahead_of_the_stores_makes_no_look_later() -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous()))
    assert (
        await say_not_applied(world, await world.look("t1", at=world.store.now + timedelta(hours=1)))
        == ["too_early"] * 2
    )


async def test_approval_document_follows_a_redrive_of_what_was_rejected() -> None:
    world = await paused()
    await world.decide("t1", "reject")
    assert (await world.approval("t1"))["status"] == "rejected"
    await redrive(world)
    approval = await world.approval("t1")
    assert (approval["status"], approval["outcome"], approval["decided_by"]) == ("approved", "READY", OPS.name)
