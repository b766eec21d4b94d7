"""What becomes of a task by what its handler says, and does not say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from shared.errors import Retry
from shared.intent.handler import TaskOutput
from shared.intent.outcomes import Ambiguous, NotApplied, Permanent
from tests.scripted import ScriptedHandler
from tests.steps.conftest import Shop
from tests.steps.handlers import ACCEPTED, write, write_and
from tests.world import CHANGE_ADDRESS, REFUND, REGISTRY, SUMMARY, started


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


async def test_mistake_of_a_handler_is_said_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(KeyError("order")))
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "handler failed" in text]
    said = {name: line[name] for name in ("function", "task_id", "intent", "error_type")}
    assert said == {
        "function": "execute-ticket-summary",
        "task_id": "t1",
        "intent": "ticket_summary",
        "error_type": "KeyError",
    }
    assert re.fullmatch(r"(tests/scripted|execute/attempt)\.py:\d+", line["operation"])


async def test_try_again_says_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    world = await started(SUMMARY)
    with pytest.raises(Retry):
        await world.execute("t1", ScriptedHandler(NotApplied(code="provider_429", retry_after_s=20)))
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines() if '"retry"' in text]
    assert (line["function"], line["error_code"]) == ("execute-ticket-summary", "provider_429")


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
    from functions.execute.context import handler_seconds

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
