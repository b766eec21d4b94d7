"""One model call per task, one record, and a person wherever the model or the bus fails."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import CommitUnknown, Conflict, ModelRefused, ModelUnavailable, StoreUnavailable
from shared.model.local import LocalClassifier
from shared.wiring.in_place import InPlaceClassifier
from tests.scripted import Fixed, ScriptedHandler
from tests.steps.test_facts import asked
from tests.store import BEGINNING, MemoryStore, Unapplied
from tests.world import GOODS, ORDER_STATUS, REFUND, REGISTRY, SUMMARY, World, says, ticket


async def test_sure_task_is_recorded_before_it_is_published() -> None:
    world = World(ORDER_STATUS[1])
    outcome = await world.classify(ORDER_STATUS[0])
    record = await world.record("t1")
    assert (outcome.code, record.state, record.intent) == ("classified", "READY", "order_status")
    assert world.publisher.on("intent-order-status") == [{"task_id": "t1", "generation": 1, "schema_version": 1}]
    assert json.loads(record.payload) == ORDER_STATUS[0].raw_payload
    assert (record.classification.tokens_used, record.trace_id) == (120, "0" * 32)


async def test_message_to_the_executor_holds_no_payload_and_no_parameter() -> None:
    world = World(ORDER_STATUS[1])
    await world.classify(ORDER_STATUS[0])
    [(_, data, attributes)] = world.publisher.messages
    assert "47384" not in data.decode() + json.dumps(attributes)


async def test_paused_task_is_shown_to_people_and_owed_to_nobody() -> None:
    world = World(REFUND[1])
    await world.classify(REFUND[0])
    record, approval = await world.record("t1"), await world.approval("t1")
    assert (record.state, record.outbox) == ("AWAITING_APPROVAL", None)
    assert (approval["status"], approval["parameters"]) == ("pending", REFUND[1]["parameters"])
    assert (approval["params_hash"], approval["reasons"]) == (record.params_hash, record.decision.reasons)
    assert approval["expires_at"] == BEGINNING + timedelta(hours=72)


async def test_redelivered_task_is_never_put_to_the_model_again() -> None:
    world = World(ORDER_STATUS[1])
    codes = [(await world.classify(ORDER_STATUS[0])).code for _ in range(3)]
    assert (codes, world.model.calls) == (["classified", "duplicate", "duplicate"], 1)


async def test_duplicate_publishes_what_a_crash_left_unpublished() -> None:
    world = World(ORDER_STATUS[1])
    world.publisher.broken = True
    await world.classify(ORDER_STATUS[0])
    world.publisher.broken = False
    await world.classify(ORDER_STATUS[0])
    assert len(world.publisher.on("intent-order-status")) == 1


async def test_failed_publish_is_acknowledged_and_left_to_the_outbox() -> None:
    world = World(ORDER_STATUS[1])
    world.publisher.broken = True
    assert (await world.classify(ORDER_STATUS[0])).status == 200
    record = await world.record("t1")
    assert record.outbox is not None
    assert record.next_check_at == record.created_at + timedelta(seconds=30)


async def test_copies_at_once_make_one_record_and_count_once() -> None:
    world = World(REFUND[1], automatic={"refund_request": 5000})
    await asyncio.gather(*(world.classify(REFUND[0]) for _ in range(5)))
    usage = [p for p in world.store.documents if p.startswith("usage/")]
    [counter] = await world.store.read(*usage)
    assert counter.data is not None
    assert [(use["minor"], use["currency"]) for use in counter.data["uses"]] == [(2500, "USD")]
    assert len((await world.record("t1")).history) == 1


@pytest.mark.parametrize("case", [ORDER_STATUS, REFUND], ids=["uncounted", "counted"])
async def test_slow_copy_does_not_overwrite_what_the_first_one_did_meanwhile(case: Any) -> None:
    task, answer = case

    async def slow(question: Any) -> Any:
        world.model.answers = [answer]
        await world.run(task, ScriptedHandler())
        return answer

    world = World(slow, automatic={"refund_request": 5000})
    assert (await world.classify(task)).code == "duplicate"
    assert (await world.record("t1")).state == "SUCCEEDED"


# --- the model fails


async def test_model_that_is_down_sends_the_message_back() -> None:
    world = World(ModelUnavailable("down", retry_after_s=7.0))
    with pytest.raises(ModelUnavailable) as error:
        await world.classify(ORDER_STATUS[0])
    assert error.value.retry_after_s == 7.0
    assert world.store.documents == {}


async def test_model_down_past_its_budget_gives_the_task_to_a_person() -> None:
    world = World(ModelUnavailable("down"), model_budget_s=600)
    published_at = BEGINNING - timedelta(seconds=600)
    with pytest.raises(ModelUnavailable):
        await world.classify(ORDER_STATUS[0], published_at=published_at + timedelta(seconds=1))
    await world.classify(ORDER_STATUS[0], published_at=published_at)
    record = await world.record("t1")
    assert (record.state, record.intent) == ("AWAITING_APPROVAL", "unclassified")
    assert record.decision.reasons == ["model_unavailable: the model gave no usable answer"]


async def test_model_down_past_its_budget_leaves_the_task_to_the_local_classifier_where_that_is_set() -> None:
    world = World(ModelUnavailable("down"), model_budget_s=600)
    world.ports.__dict__["classifier"] = InPlaceClassifier(world.model, LocalClassifier(REGISTRY))
    published_at = BEGINNING - timedelta(seconds=600)
    with pytest.raises(ModelUnavailable):
        await world.classify(ORDER_STATUS[0], published_at=published_at + timedelta(seconds=1))
    await world.classify(ORDER_STATUS[0], published_at=published_at)
    record = await world.record("t1")
    assert record.classification.model.startswith("local")
    assert record.intent == "order_status"


@pytest.mark.parametrize("code", ["safety_block", "cut_off", "empty_answer", "model_rejected_request"])
async def test_refusal_of_the_model_is_told_to_a_person(code: str) -> None:
    world = World(ModelRefused("no", code=code, tokens_used=4000))
    outcome = await world.classify(ORDER_STATUS[0])
    assert (await world.record("t1")).classification.tokens_used == 4000  # billed all the same
    approval = await world.approval("t1")
    assert (outcome.fields["error_code"], approval["intent"]) == (code, "unclassified")
    assert approval["reasons"] == [f"{code}: the model gave no usable answer"]


@pytest.mark.parametrize("answer", ["", "not json", {"intent": "pay_everyone", "parameters": {}, "confidence": 1}])
async def test_unusable_answer_is_not_asked_for_twice(answer: Any) -> None:
    world = World(answer)
    for _ in range(2):
        await world.classify(ORDER_STATUS[0])
    assert (world.model.calls, (await world.record("t1")).state) == (1, "AWAITING_APPROVAL")


async def test_model_calls_in_flight_are_bounded() -> None:
    running, peak = 0, 0

    async def answer(question: Any) -> Any:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0)
        running -= 1
        return ORDER_STATUS[1]

    world = World(answer, max_concurrent_calls=3)
    await asyncio.gather(*(world.classify(ticket("x", task_id=f"t{n}")) for n in range(10)))
    assert peak == 3


# --- messages that are no tasks

TASK = ORDER_STATUS[0].model_dump()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{",
        b"{}",
        b'{"a":' * 5000,
        json.dumps(TASK | {"priority": "1"}).encode(),
        json.dumps(TASK | {"priority": 6}).encode(),
        json.dumps(TASK | {"task_id": "../../etc"}).encode(),
        json.dumps(TASK | {"extra": 1}).encode(),
        json.dumps(TASK | {"raw_payload": {"n": float("nan")}}).encode(),
        json.dumps(TASK | {"raw_payload": {"text": "x" * 300_000}}).encode(),
        json.dumps(TASK | {"metadata": {"__reserved__": "x"}}).encode(),
    ],
)
async def test_message_that_is_no_task_is_parked_once_and_acknowledged(data: bytes) -> None:
    world = World(ORDER_STATUS[1])
    for _ in range(2):
        outcome = await world.classify(data, message_id="m")
        assert (outcome.code, outcome.status) == ("parked", 200)
    [path] = world.store.documents
    assert path.startswith("dead_letters/")
    assert world.model.calls == 0


# --- the store fails


async def test_store_that_is_down_sends_the_message_back_without_a_record() -> None:
    world = World(ORDER_STATUS[1])
    world.network.fail_next = [StoreUnavailable("down")]
    with pytest.raises(StoreUnavailable):
        await world.classify(ORDER_STATUS[0])
    assert (world.store.documents, world.publisher.messages) == ({}, [])


async def test_create_of_unknown_outcome_that_was_applied_goes_on() -> None:
    world = World(ORDER_STATUS[1])
    world.network.fail_next = [CommitUnknown("lost answer")]
    assert (await world.classify(ORDER_STATUS[0])).code == "classified"
    assert (world.model.calls, len(world.publisher.messages)) == (1, 1)


async def test_create_of_unknown_outcome_that_was_not_applied_comes_again() -> None:
    world = World(ORDER_STATUS[1])
    world.network.fail_next = [Unapplied("lost request")]
    with pytest.raises(CommitUnknown):
        await world.classify(ORDER_STATUS[0])
    assert world.publisher.messages == []
    assert (await world.classify(ORDER_STATUS[0])).code == "classified"


async def test_collision_is_decided_anew_on_what_the_winner_wrote() -> None:
    world = World(REFUND[1], automatic={"refund_request": 5000})
    first, second = ticket("Please refund $25.00 for order #10022", task_id="a1"), REFUND[0]

    async def comes_first() -> None:
        world.model.answers = [says("refund_request", order_id="#10022", amount_minor=2500, currency="USD")]
        await world.classify(first)

    world.network.before_commit = comes_first
    await world.classify(second)
    [counter] = await world.store.read(*(p for p in world.store.documents if p.startswith("usage/")))
    assert counter.data is not None
    assert [use["minor"] for use in counter.data["uses"]] == [2500, 2500]


async def test_endless_collisions_send_the_message_back() -> None:
    world = World(ORDER_STATUS[1])
    world.network.fail_next = [Conflict() for _ in range(20)]
    with pytest.raises(StoreUnavailable) as error:
        await world.classify(ORDER_STATUS[0])
    assert error.value.code == "contention"


# --- counting


async def counted(store: MemoryStore) -> list[int]:
    paths = [p for p in store.documents if p.startswith("usage/")]
    return [len((s.data or {})["uses"]) for s in await store.read(*paths)]


@pytest.mark.parametrize(("hours", "state"), [(0.001, "AWAITING_APPROVAL"), (23.9, "AWAITING_APPROVAL"), (24, "READY")])
async def test_allowance_is_of_any_24_hours_and_midnight_opens_no_new_one(hours: float, state: str) -> None:
    world = World(REFUND[1], automatic={"refund_request": 2500})
    world.now = BEGINNING.replace(hour=23, minute=59, second=59)
    assert (await asked(world, "10021", task_id="r1")).state == "READY"
    world.pass_time(hours=hours)
    assert (await asked(world, "10022", task_id="r2")).state == state


async def test_allowance_names_its_currencies_and_is_one_over_all_of_them() -> None:
    world = World(automatic={"refund_request": {"USD": 2500, "EUR": 5000}})
    told = []
    for n, (amount, currency) in enumerate([(1250, "USD"), (2500, "EUR"), (100, "EUR"), (100, "GBP")]):
        answer = says("refund_request", order_id=f"#1002{n}", amount_minor=amount, currency=currency)
        world.model.answers, world.now = [answer], world.now + timedelta(hours=1)
        await world.classify(ticket(f"Refund {amount / 100:.2f} {currency} for order #1002{n}", task_id=f"r{n}"))
        told.append([reason for reason in (await world.record(f"r{n}")).decision.reasons if "ceiling" in reason])
    assert told == [
        [],
        [],
        ["ceiling: with the tasks of the last 24 hours the amount is over the allowance of 50.00 EUR"],
        ["ceiling: there is no allowance in the currency of the amount"],
    ]


async def test_uses_of_the_day_before_are_forgotten_in_the_document() -> None:
    world = World(REFUND[1], automatic={"refund_request": 2500})
    for n in range(3):
        await asked(world, f"1002{n}", task_id=f"r{n}")
        world.pass_time(days=1)
    assert await counted(world.store) == [1]
    [counter] = await world.store.read(*(p for p in world.store.documents if p.startswith("usage/")))
    assert counter.data is not None
    assert counter.data["expire_at"] == counter.data["uses"][0]["at"] + timedelta(days=2)


async def test_requests_split_under_the_ceiling_stop_at_the_ceiling_of_the_day() -> None:
    world = World(REFUND[1], automatic={"refund_request": 5000})
    states = []
    for n in range(3):
        states.append((await asked(world, f"1002{n}", task_id=f"r{n}")).state)
    assert states == ["READY", "READY", "AWAITING_APPROVAL"]
    assert await counted(world.store) == [2]


async def test_next_day_and_another_requester_have_an_allowance_of_their_own() -> None:
    world = World(REFUND[1], automatic={"refund_request": 2500})
    await asked(world, "10021", task_id="r1")
    await asked(world, "10022", task_id="r2", email="lee@example.com")
    world.pass_time(days=1)
    await asked(world, "10023", task_id="r3")
    assert [(await world.record(f"r{n}")).state for n in (1, 2, 3)] == ["READY"] * 3
    assert await counted(world.store) == [1, 1]


async def test_rate_per_day_ends_autonomy_and_paused_tasks_do_not_count() -> None:
    world = World(says("cancel_order", order_id="#10021"), automatic=GOODS)
    for n in range(7):
        world.model.answers = [says("cancel_order", order_id=f"#1002{n}")]
        await world.classify(ticket(f"Cancel order #1002{n}", task_id=f"c{n}"))
    states = [(await world.record(f"c{n}")).state for n in range(7)]
    assert states == ["READY"] * 5 + ["AWAITING_APPROVAL"] * 2
    assert await counted(world.store) == [5]


# --- a share is looked at


@pytest.mark.parametrize(("number", "state"), [(0.049, "AWAITING_APPROVAL"), (0.05, "READY")])
async def test_chance_draws_tasks_for_a_look_and_not_the_id_that_a_sender_chooses(number: float, state: str) -> None:
    for task_id in ("mine-0", "mine-1", "mine-3"):
        world = World(SUMMARY[1])
        world.ports.random = Fixed(number)
        await world.classify(SUMMARY[0].model_copy(update={"task_id": task_id}))
        assert (await world.record(task_id)).state == state


async def test_redelivered_task_is_not_drawn_again() -> None:
    world = World(SUMMARY[1])
    world.ports.random = drawn = Fixed(0.0)
    await world.classify(SUMMARY[0])
    drawn.number = 0.99
    assert (await world.classify(SUMMARY[0])).code == "duplicate"
    assert (await world.record("t1")).decision.reasons == ["audit: drawn by chance for a look"]
    assert drawn.asked == 1
