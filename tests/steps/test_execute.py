"""Claim, start, effect, finish: once, fenced, and never again where it may have happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import CommitUnknown, Retry, StoreUnavailable
from shared.intent.declaration import Limits
from shared.intent.handler import TaskOutput
from shared.intent.outcomes import Ambiguous, NotApplied, Permanent
from shared.intent.registry import load_handler
from tests.steps.conftest import Shop
from tests.world import (
    CANCEL_ORDER,
    CHANGE_ADDRESS,
    ORDER_STATUS,
    REFUND,
    REGISTRY,
    SUMMARY,
    AskingHandler,
    ScriptedHandler,
    Unapplied,
    World,
    paused,
    started,
)

ACCEPTED = [ORDER_STATUS, REFUND, SUMMARY, CANCEL_ORDER, CHANGE_ADDRESS]


async def write(params: Any, ctx: Any) -> str:
    """A handler that looks something up and then changes something."""
    await ctx.http.call("GET", "/orders/1")
    await ctx.http.call("POST", "/orders/1/cancel", key=ctx.effect_key)
    return "written"


def write_and(then: Any) -> Any:
    """A handler that changes something and then ends as told."""

    async def handle(params: Any, ctx: Any) -> Any:
        await write(params, ctx)
        if isinstance(then, BaseException):
            raise then
        return then

    return handle


# --- the plain way


async def test_handler_gets_validated_parameters_and_its_result_is_stored_and_published() -> None:
    world = await started(REFUND)
    handler = ScriptedHandler(TaskOutput("refunded", provider_ref="re_1"))
    outcome = await world.execute("t1", handler)
    record = await world.record("t1")
    [(params, ctx)] = handler.calls
    assert params == REGISTRY["refund_request"].parameters(**REFUND[1]["parameters"])
    assert (ctx.task_id, ctx.effect_key, ctx.attempt) == ("t1", "t1.refund_request.1", 1)
    assert (ctx.requester["email"], ctx.dry_run) == ("kim@example.com", False)
    assert (outcome.code, record.state, record.effect.provider_ref) == ("succeeded", "SUCCEEDED", "re_1")
    [result] = world.publisher.on("results")
    assert (result["task_id"], result["state"], result["success"], result["output"]) == (
        "t1",
        "SUCCEEDED",
        True,
        "refunded",
    )
    assert (record.outbox, record.next_check_at) == (None, None)


@pytest.mark.parametrize("case", ACCEPTED)
async def test_task_that_runs_by_itself_takes_four_commits_or_five_where_work_comes_first(
    case: Any, shop: Shop
) -> None:
    world = await started(case)
    reads_first = REGISTRY[case[1]["intent"]].reads_first
    await world.execute("t1", ScriptedHandler(write if reads_first else "done"))
    assert (await world.record("t1")).state == "SUCCEEDED"
    assert world.store.commits == (5 if reads_first else 4)


async def test_copies_at_once_run_the_handler_once() -> None:
    world = await started(SUMMARY)

    async def slow(params: Any, ctx: Any) -> str:
        await asyncio.sleep(0.01)
        return "done"

    handler = ScriptedHandler(slow)
    outcomes = await asyncio.gather(*(world.execute("t1", handler) for _ in range(5)))
    codes = [o.code for o in outcomes]
    assert codes.count("succeeded") == len(handler.calls) == 1
    assert set(codes) <= {"succeeded", "lease_held", "already_done"}


async def test_redelivered_task_runs_once() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler()
    codes = [(await world.execute("t1", handler)).code for _ in range(3)]
    assert (codes, len(handler.calls)) == (["succeeded", "already_done", "already_done"], 1)


async def test_message_whose_earlier_delivery_is_at_work_comes_again() -> None:
    world = await started(SUMMARY)

    async def busy(params: Any, ctx: Any) -> str:
        with pytest.raises(Retry) as error:
            await world.execute("t1", ScriptedHandler(), message_id="same")
        assert error.value.code == "lease_held_by_this_message"
        return "done"

    handler = ScriptedHandler(busy)
    await world.execute("t1", handler, message_id="same")
    assert len(handler.calls) == 1


# --- messages that may change nothing


@pytest.mark.parametrize("generation", [2, 7])
async def test_message_of_another_generation_changes_nothing(generation: int) -> None:
    world = await started(REFUND)
    before, handler = await world.record("t1"), ScriptedHandler()
    assert (await world.execute("t1", handler, generation=generation)).code == "stale"
    assert (await world.record("t1"), handler.calls) == (before, [])


@pytest.mark.parametrize("topic", ["order_status", "cancel_order"])
async def test_message_forged_onto_the_topic_of_another_intent_changes_nothing(topic: str) -> None:
    world = await started(REFUND)
    before, handler = await world.record("t1"), ScriptedHandler()
    assert (await world.execute("t1", handler, intent=topic)).code == "other_intent"
    assert (await world.record("t1"), handler.calls) == (before, [])


async def test_other_intents_handler_is_not_asked_about_an_unknown_effect() -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous()))
    stranger = AskingHandler(verdicts=["not_applied"])
    assert (await world.execute("t1", stranger, intent="cancel_order")).code == "other_intent"
    assert (stranger.asked, (await world.record("t1")).state) == ([], "UNKNOWN")


async def test_task_that_waits_for_a_person_is_not_run_by_a_forged_message() -> None:
    world = await paused()
    handler = ScriptedHandler()
    assert (await world.execute("t1", handler)).code == "no_preview"
    assert (handler.calls, (await world.record("t1")).state) == ([], "AWAITING_APPROVAL")


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{}",
        '{"task_id":"t1"}',
        '{"task_id":"t1","generation":1,"schema_version":2}',
        '{"task_id":"t1","generation":"1","schema_version":1}',
        '{"task_id":"t1","generation":1,"parameters":{}}',
    ],
)
async def test_message_of_another_form_is_parked_and_acknowledged(data: str) -> None:
    world = await started(ORDER_STATUS)
    handler = ScriptedHandler()
    outcome = await world.execute("t1", handler, data=data)
    assert (outcome.code, outcome.status, handler.calls) == ("parked", 200, [])
    assert (await world.record("t1")).state == "READY"


async def test_message_about_a_task_that_is_not_there_is_parked_and_acknowledged() -> None:
    world = await started(ORDER_STATUS)
    missing = json.dumps({"task_id": "t2", "generation": 1, "schema_version": 1})
    outcome = await world.execute("t1", ScriptedHandler(), data=missing)
    [letter] = world.store.all("dead_letters")
    assert (outcome.code, outcome.status, letter["reason"], letter["task_id"]) == (
        "parked",
        200,
        "task_not_found",
        "t2",
    )


# --- what the handler says


@pytest.mark.parametrize("case", ACCEPTED)
async def test_permanent_refusal_ends_the_task(case: Any) -> None:
    world = await started(case)
    await world.execute("t1", ScriptedHandler(Permanent("the order has shipped", code="already_shipped")))
    record = await world.record("t1")
    assert record.error is not None
    assert (record.state, record.error.code, record.effect.outcome) == ("FAILED", "already_shipped", "not_applied")
    assert world.publisher.on("results")[0]["output"] == "the order has shipped"


async def test_short_wait_is_served_by_redelivery() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler(NotApplied(code="provider_429", retry_after_s=20), "done")
    with pytest.raises(Retry) as error:
        await world.execute("t1", handler, message_id="m")
    assert (error.value.code, error.value.retry_after_s) == ("provider_429", 20)
    world.pass_time(seconds=20)
    await world.execute("t1", handler, message_id="m")
    assert ((await world.record("t1")).state, len(handler.calls)) == ("SUCCEEDED", 2)


async def test_a_provider_that_asked_to_wait_is_not_tried_before_and_no_attempt_is_lost() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler(NotApplied(code="provider_429", retry_after_s=20), "done")
    for _ in range(3):
        with pytest.raises(Retry):
            await world.execute("t1", handler, message_id="m")
    assert ((await world.record("t1")).exec.attempts, len(handler.calls)) == (1, 1)


async def test_long_wait_is_acknowledged_and_left_to_the_outbox_which_is_not_paid_early() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler(NotApplied(code="provider_429", retry_after_s=300), "done")
    assert (await world.execute("t1", handler)).code == "retry_later"
    sent = len(world.publisher.on("intent-ticket-summary"))
    world.pass_time(seconds=299)
    await world.classify(SUMMARY[0])
    await world.sweep()
    assert len(world.publisher.on("intent-ticket-summary")) == sent
    world.pass_time(seconds=1)
    await world.sweep()
    assert len(world.publisher.on("intent-ticket-summary")) == sent + 1


async def test_attempts_are_counted_in_the_document_and_end() -> None:
    world = await started(REFUND)
    handler = ScriptedHandler(KeyError("order"))  # before its first write
    for _ in range(4):
        with pytest.raises(Retry):
            await world.execute("t1", handler)
    assert (await world.execute("t1", handler)).code == "failed"
    assert (await world.execute("t1", handler)).code == "already_done"
    record = await world.record("t1")
    assert (record.exec.attempts, len(handler.calls), record.error and record.error.code) == (
        5,
        5,
        "unexpected_KeyError",
    )


AMBIGUOUS = [
    Ambiguous("no answer", code="timeout"),
    TimeoutError(),
    ConnectionResetError(),
    KeyError("order"),
    ValueError("x"),
]


@pytest.mark.parametrize("error", AMBIGUOUS, ids=lambda e: type(e).__name__)
async def test_ambiguous_end_without_a_key_is_never_repeated(error: Exception) -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler(error, "done")
    await world.execute("t1", handler)
    assert (await world.record("t1")).state == "UNKNOWN"
    world.pass_time(hours=1)
    for _ in range(3):
        await world.sweep()
        await world.execute("t1", handler)
        world.pass_time(hours=1)
    assert ((await world.record("t1")).state, len(handler.calls)) == ("UNKNOWN", 1)


@pytest.mark.parametrize("error", AMBIGUOUS, ids=lambda e: type(e).__name__)
async def test_ambiguous_end_with_a_key_is_repeated_with_the_same_key(error: Exception, shop: Shop) -> None:
    world = await started(REFUND)
    handler = ScriptedHandler(write_and(error), write)
    with pytest.raises(Retry):
        await world.execute("t1", handler)
    await world.execute("t1", handler)
    assert [ctx.effect_key for _, ctx in handler.calls] == ["t1.refund_request.1"] * 2
    assert ((await world.record("t1")).state, len(shop.writes)) == ("SUCCEEDED", 2)


async def test_ambiguous_end_before_the_first_write_is_repeated_even_without_a_key(shop: Shop) -> None:
    world = await started(CHANGE_ADDRESS)
    handler = ScriptedHandler(Ambiguous(), write)
    with pytest.raises(Retry):
        await world.execute("t1", handler)
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert len(shop.writes) == 1


@pytest.mark.parametrize("end", [Permanent("no", code="no_payment"), write_and(Permanent("no", code="no_payment"))])
async def test_refusal_after_an_ambiguous_attempt_is_unknown(end: Any, shop: Shop) -> None:
    world = await started(REFUND)
    handler = ScriptedHandler(write_and(Ambiguous()), end)
    with pytest.raises(Retry):
        await world.execute("t1", handler)
    assert (await world.execute("t1", handler)).code == "unknown"
    assert world.publisher.on("results") == []


async def test_key_that_grew_old_is_not_used_again(shop: Shop) -> None:
    world = await started(REFUND)
    handler = ScriptedHandler(write_and(Ambiguous()), write)
    with pytest.raises(Retry):
        await world.execute("t1", handler)
    world.pass_time(hours=23)
    assert (await world.execute("t1", handler)).code == "unknown"
    assert len(shop.writes) == 1


async def test_key_that_grew_old_while_the_handler_looked_things_up_is_not_used_again(shop: Shop) -> None:
    world = await started(REFUND)

    async def slow(params: Any, ctx: Any) -> str:
        world.pass_time(seconds=2)
        return await write(params, ctx)

    handler = ScriptedHandler(write_and(Ambiguous()), slow)
    with pytest.raises(Retry):
        await world.execute("t1", handler)
    world.pass_time(hours=22, minutes=59, seconds=59)
    assert (await world.execute("t1", handler)).code == "unknown"
    assert (len(handler.calls), len(shop.writes)) == (2, 1)


async def test_handler_that_hangs_is_ended_before_its_function_is() -> None:
    from functions.execute.attempt import handler_seconds

    for intent in REGISTRY.values():
        assert 0 < handler_seconds(intent) < intent.limits.timeout_s


@pytest.mark.parametrize(
    ("said", "output"),
    [(None, "None"), (7, "7"), (TaskOutput("lone \ud800", provider_ref=12), "lone ?"), ("x" * 9000, "x" * 4000)],  # type: ignore[arg-type]
)
async def test_effect_is_not_forgotten_because_its_description_is_odd(said: Any, output: str) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(said))
    record = await world.record("t1")
    assert record.result is not None
    assert (record.state, record.result.output) == ("SUCCEEDED", output)


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
    from shared.records.decisions import cancel
    from shared.task.moves import Person

    world = await started(CANCEL_ORDER)

    async def cancelled(params: Any, ctx: Any) -> str:
        await cancel(world.ports, "t1", Person("ops@example.com", "console"), reason="mistake")
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

    assert (await world.execute("t1", ScriptedHandler(stubborn))).code == "failed"
    assert shop.writes == []


# --- policy at the last moment


def tighten(world: World, change: str) -> str:
    """Change the world so that the effect may not begin; return the code that says so."""
    if change == "switch":
        world.store.put("switches/cancel_order", enabled=False)
        world.store.put("switches/ticket_summary", enabled=False)
        return "intent_disabled"
    if change == "settings":
        world.set(confidence_threshold=0.99)
        return "policy_changed"
    if change == "outdated":
        world.tamper("t1", {"nothing": "known"}, with_hash=True)
        return "parameters_outdated"
    world.tamper("t1", {"order_id": "#10022", "summary": "pay"})
    return "parameters_tampered"


CHANGES = ["switch", "settings", "tampered", "outdated"]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("case", [SUMMARY, CANCEL_ORDER], ids=["at once", "reads first"])
async def test_policy_that_changed_after_classify_stops_the_task_before_its_handler(case: Any, change: str) -> None:
    world, handler = await started(case), ScriptedHandler()
    code = tighten(world, change)
    assert (await world.execute("t1", handler)).code == "failed"
    record = await world.record("t1")
    assert (handler.calls, record.error and record.error.code) == ([], code)


@pytest.mark.parametrize("change", CHANGES)
async def test_policy_that_changed_while_the_handler_looked_things_up_stops_the_write(change: str, shop: Shop) -> None:
    world = await started(CANCEL_ORDER)

    async def late(params: Any, ctx: Any) -> str:
        tighten(world, change)
        return await write(params, ctx)

    assert (await world.execute("t1", ScriptedHandler(late))).code == "failed"
    record = await world.record("t1")
    assert (shop.writes, record.effect.possibly_applied) == ([], False)


async def test_marker_is_set_right_before_the_first_write(shop: Shop) -> None:
    world = await started(CANCEL_ORDER)
    marked = []

    async def watched(params: Any, ctx: Any) -> str:
        for method in ("GET", "POST"):
            await ctx.http.call(method, "/orders/1")
            marked.append((await world.record("t1")).effect.possibly_applied)
        return "done"

    await world.execute("t1", ScriptedHandler(watched))
    assert marked == [False, True]


async def test_switch_that_is_on_or_was_never_made_stops_nothing() -> None:
    world = await started(SUMMARY)
    world.store.put("switches/ticket_summary", enabled=True)
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"


# --- the store fails


async def test_claim_of_unknown_outcome_that_was_applied_goes_on() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler()
    world.store.fail_next = [CommitUnknown("lost answer")]
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert len(handler.calls) == 1


@pytest.mark.parametrize("error", [Unapplied("lost request"), StoreUnavailable("down")])
async def test_claim_that_was_not_applied_runs_nothing_and_comes_again(error: Any) -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler()
    world.store.fail_next = [error]
    with pytest.raises(Retry):
        await world.execute("t1", handler, message_id="m")
    assert handler.calls == []
    assert (await world.execute("t1", handler, message_id="m")).code == "succeeded"


@pytest.mark.parametrize("error", [Unapplied("lost request"), StoreUnavailable("down")])
async def test_write_is_not_sent_while_the_marker_is_not_known_to_be_set(error: Any, shop: Shop) -> None:
    world = await started(CANCEL_ORDER)
    world.store.fail_next = [None, error]
    assert (await world.execute("t1", ScriptedHandler(write))).code == "start_unconfirmed"
    assert shop.writes == []
    world.pass_time(minutes=2)
    await world.sweep()
    assert (await world.execute("t1", ScriptedHandler(write))).code == "succeeded"


async def test_marker_of_unknown_outcome_that_was_set_lets_the_write_go(shop: Shop) -> None:
    world = await started(CANCEL_ORDER)
    world.store.fail_next = [None, CommitUnknown("lost answer")]
    assert (await world.execute("t1", ScriptedHandler(write))).code == "succeeded"
    assert len(shop.writes) == 1


@pytest.mark.parametrize("error", [Unapplied("lost request"), StoreUnavailable("down"), CommitUnknown("lost answer")])
async def test_known_outcome_is_committed_again_when_its_commit_fails(error: Any) -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler()
    world.store.fail_next = [None, error]
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert ((await world.record("t1")).state, len(handler.calls)) == ("SUCCEEDED", 1)


async def test_known_outcome_that_cannot_be_committed_ends_as_unknown_not_as_a_second_effect() -> None:
    world = await started(SUMMARY)
    handler = ScriptedHandler()
    world.store.fail_next = [None] + [StoreUnavailable("down")] * 3
    with pytest.raises(StoreUnavailable):
        await world.execute("t1", handler)
    world.pass_time(minutes=2)
    assert (await world.execute("t1", handler)).code == "unknown"
    assert len(handler.calls) == 1


async def test_result_that_cannot_be_published_is_left_to_the_sweeper() -> None:
    world = await started(SUMMARY)
    world.publisher.broken = True
    assert (await world.execute("t1", ScriptedHandler())).code == "succeeded"
    world.publisher.broken = False
    world.pass_time(seconds=30)
    await world.sweep()
    assert len(world.publisher.on("results")) == 1
    assert (await world.record("t1")).next_check_at is None


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
    from shared.records.decisions import settle
    from shared.task.moves import Person

    world = await started(SUMMARY)

    class Late(AskingHandler):
        async def reconcile(self, effect_key: str, ctx: Any) -> Any:
            await settle(world.ports, "t1", Person("ops", "console"), verdict="applied", reason="seen")
            return "not_applied"

    handler = Late(Ambiguous(), verdicts=[])
    await world.execute("t1", handler)
    await _swept(world)
    assert (await world.execute("t1", handler)).code == "already_done"
    assert (await world.record("t1")).state == "SUCCEEDED"


# --- the entry point


@pytest.mark.parametrize("name", sorted(REGISTRY))
async def test_every_declared_intent_has_a_handler(name: str) -> None:
    assert asyncio.iscoroutinefunction(load_handler(name).handle)


async def test_process_that_stood_still_after_its_claim_does_not_act() -> None:
    """Others may have taken over: the handler's time counts from before the claim."""
    from functions.execute.step import execute

    world = await started(SUMMARY)
    hasty = replace(REGISTRY["ticket_summary"], limits=Limits(max_concurrency=1, timeout_s=1, max_attempts=5))

    async def stand_still() -> None:
        await asyncio.sleep(1)

    world.store.before_commit = stand_still
    handler = ScriptedHandler()
    delivery = world.delivery('{"task_id": "t1", "generation": 1, "schema_version": 1}', subscription="intent")
    with pytest.raises(Retry) as caught:
        await execute(delivery, world.ports, hasty, handler)
    assert (caught.value.code, handler.calls) == ("deadline_passed", [])
    assert not (await world.record("t1")).effect.possibly_applied


async def test_lease_ends_after_the_function_must_have() -> None:
    world = await started(SUMMARY)
    lease = []

    async def look(params: Any, ctx: Any) -> str:
        lease.append((await world.record("t1")).exec.lease_until)
        return "done"

    await world.execute("t1", ScriptedHandler(look))
    assert lease == [world.store.now + timedelta(seconds=REGISTRY["ticket_summary"].limits.timeout_s + 30)]
