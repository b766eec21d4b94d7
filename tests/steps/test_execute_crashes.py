"""Workers that die, that meet their successors, and whose effects the provider is asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.intent.handler import TaskOutput
from shared.intent.outcomes import Ambiguous, NotApplied, Permanent
from tests.scripted import AskingHandler, ScriptedHandler
from tests.steps.conftest import Shop
from tests.steps.handlers import write, write_and
from tests.world import CANCEL_ORDER, CHANGE_ADDRESS, ORDER_STATUS, REFUND, SUMMARY, World, started

# --- crashes


class Killed(BaseException):
    """The process ends here."""


async def test_keyless_handler_that_died_is_not_called_again() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler(Killed(), "done")
    with pytest.raises(Killed):
        await world.execute("t1", handler)
    world.pass_time(minutes=2)
    assert (await world.execute("t1", handler)).code == "unknown"
    assert len(handler.calls) == 1


@pytest.mark.parametrize(("case", "death"), [(ORDER_STATUS, Killed()), (REFUND, write_and(Killed()))])
async def test_repeatable_handler_that_died_runs_again_when_its_lease_has_ended(
    case: Any, death: Any, shop: Shop
) -> None:
    world = await started(case)
    handler = ScriptedHandler(death, "done")
    with pytest.raises(Killed):
        await world.execute("t1", handler)
    assert (await world.execute("t1", handler)).code == "lease_held"
    world.pass_time(minutes=2)
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert (await world.record("t1")).exec.epoch == 2


async def test_death_before_the_first_write_leaves_a_keyless_task_repeatable(shop: Shop) -> None:
    world = await started(CHANGE_ADDRESS)
    handler = ScriptedHandler(Killed(), write)
    with pytest.raises(Killed):
        await world.execute("t1", handler)
    world.pass_time(minutes=2)
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert len(shop.writes) == 1


async def test_death_after_the_first_write_leaves_a_keyless_task_unknown(shop: Shop) -> None:
    world = await started(CHANGE_ADDRESS)

    async def dies(params: Any, ctx: Any) -> str:
        await write(params, ctx)
        raise Killed

    handler = ScriptedHandler(dies, write)
    with pytest.raises(Killed):
        await world.execute("t1", handler)
    world.pass_time(minutes=2)
    assert (await world.execute("t1", handler)).code == "unknown"
    assert len(shop.writes) == 1


async def test_lost_message_is_sent_again_by_the_sweeper() -> None:
    world = await started(SUMMARY)
    world.publisher.messages.clear()
    world.pass_time(seconds=30)
    assert await world.sweep() == {"published": 1}
    assert world.publisher.on("intent-ticket-summary") == [{"task_id": "t1", "generation": 1, "schema_version": 1}]


# --- a slow worker meets its successor


def overtaken(world: World, then: Any) -> Callable[[Any, Any], Any]:
    """A handler whose lease ends, whose task is run by a second worker meanwhile, and who then goes on."""

    async def slow(params: Any, ctx: Any) -> Any:
        world.pass_time(minutes=2)
        await world.execute("t1", ScriptedHandler(TaskOutput("second", provider_ref="re_2")))
        if isinstance(then, Exception):
            raise then
        return await then(params, ctx) if callable(then) else then

    return slow


@pytest.mark.parametrize(
    "then", ["first", Permanent("no", code="no"), NotApplied(code="429"), Ambiguous()], ids=lambda t: type(t).__name__
)
async def test_worker_that_lost_its_lease_commits_neither_success_nor_failure(then: Any) -> None:
    world = await started(REFUND)
    outcome = await world.execute("t1", ScriptedHandler(overtaken(world, then)))
    record = await world.record("t1")
    assert (outcome.code, record.state, record.effect.provider_ref) == ("lease_lost", "SUCCEEDED", "re_2")


async def test_worker_that_lost_its_lease_before_the_write_sends_nothing(shop: Shop) -> None:
    world = await started(CHANGE_ADDRESS)
    outcome = await world.execute("t1", ScriptedHandler(overtaken(world, write)))
    assert (outcome.code, shop.writes) == ("lease_lost", [])


async def test_cancelled_task_stops_before_its_write(shop: Shop) -> None:
    from shared.records.repairs import cancel
    from shared.task.moves import Person

    world = await started(CANCEL_ORDER)

    async def cancelled(params: Any, ctx: Any) -> str:
        person = Person("ops@example.com", "console")
        await cancel(world.ports, "t1", person, await world.look("t1"), reason="mistake")
        return await write(params, ctx)

    assert (await world.execute("t1", ScriptedHandler(cancelled))).code == "lease_lost"
    assert ((await world.record("t1")).state, shop.writes) == ("CANCELLED", [])


async def test_handler_that_swallows_the_refusal_still_ends_as_refused(shop: Shop) -> None:
    world = await started(CANCEL_ORDER)

    async def stubborn(params: Any, ctx: Any) -> str:
        world.store.put("switches/cancel_order", enabled=False)
        for _ in range(2):
            try:
                await write(params, ctx)
            except Exception:
                continue
        return "written"

    assert (await world.execute("t1", ScriptedHandler(stubborn))).code == "ready"
    record = await world.record("t1")
    assert (shop.writes, record.effect.possibly_applied) == ([], False)
    assert (record.error and record.error.code, record.result) == ("switched_off", None)


# --- asking the provider


async def _swept(world: World) -> None:
    """Let the sweeper have the provider asked."""
    world.pass_time(minutes=1)
    assert await world.sweep() == {"published": 1}


@pytest.mark.parametrize(("verdict", "state"), [("applied", "SUCCEEDED"), ("not_applied", "FAILED")])
async def test_unknown_effect_is_settled_by_the_providers_word(verdict: str, state: str) -> None:
    world = await started(SUMMARY)
    handler = AskingHandler(Ambiguous(), verdicts=[verdict])
    await world.execute("t1", handler)
    await _swept(world)
    await world.execute("t1", handler)
    record = await world.record("t1")
    assert (record.state, record.history[-1].by, handler.asked) == (state, "reconcile", ["t1.ticket_summary.1"])
    assert len(handler.calls) == 1


async def test_redelivered_message_does_not_ask_while_the_request_may_be_under_way() -> None:
    world = await started(SUMMARY)
    handler = AskingHandler(Ambiguous(), verdicts=["not_applied"])
    await world.execute("t1", handler)
    assert (await world.execute("t1", handler)).code == "already_done"
    assert (await world.record("t1")).state == "UNKNOWN"
    assert handler.asked == []


@pytest.mark.parametrize("verdict", ["unknown", "maybe", False, 1, None, Permanent("no access"), KeyError("data")])
async def test_provider_that_cannot_say_leaves_the_effect_unknown(verdict: Any) -> None:
    world = await started(SUMMARY)
    handler = AskingHandler(Ambiguous(), verdicts=[verdict])
    await world.execute("t1", handler)
    await _swept(world)
    assert (await world.execute("t1", handler)).code == "unknown"
    record = await world.record("t1")
    assert (record.state, record.effect.reconciles) == ("UNKNOWN", 1)
    assert record.next_check_at is not None


async def test_verdict_that_comes_after_a_person_settled_changes_nothing() -> None:
    from shared.records.repairs import settle
    from shared.task.moves import Person

    world = await started(SUMMARY)

    class Late(AskingHandler):
        async def reconcile(self, effect_key: str, ctx: Any) -> Any:
            person, look = Person("ops", "console"), await world.look("t1")
            await settle(world.ports, "t1", person, look, verdict="applied", reason="seen")
            return "not_applied"

    handler = Late(Ambiguous(), verdicts=[])
    await world.execute("t1", handler)
    await _swept(world)
    assert (await world.execute("t1", handler)).code == "already_done"
    assert (await world.record("t1")).state == "SUCCEEDED"
