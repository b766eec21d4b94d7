"""A recorded task is decided again as it was: by the same settings to the same route, for the same reasons."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from infra.demo.__main__ import ALLOWANCE as DEMO_ALLOWANCE
from infra.demo.events import events, secrets_for_demo
from shared.entries import allowances
from shared.errors import ModelRefused
from shared.gate.replay import Decided, Past, Replay, past_of, with_audit_share
from shared.model.frugal import FrugalClassifier
from shared.model.local import LocalClassifier
from shared.records.news import tell
from shared.records.outbox import ask_model
from shared.settings import Settings
from shared.task.schemas import TaskRecord
from tests.certificates import certificate
from tests.injection.pipeline import Case, Pipeline, cases, task_of
from tests.scripted import Fixed
from tests.world import (
    CANCEL_ORDER,
    ORDER_STATUS,
    PASSWORD_RESET,
    REFUND,
    REGISTRY,
    SUMMARY,
    World,
    paused,
    says,
    started,
    ticket,
)


def records(world: World) -> list[TaskRecord]:
    """Return the tasks of a world in the order in which they came; its clock may stand still."""
    found = [dict(data) for path, (data, *_) in world.store.documents.items() if path.startswith("tasks/")]
    return sorted(map(TaskRecord.model_validate, found), key=lambda record: record.created_at)


def played(of: Iterable[TaskRecord], settings: Settings) -> list[tuple[Past, Decided]]:
    replay = Replay(REGISTRY, settings)
    return [(past, replay.decide(past)) for past in map(past_of, of)]


def must_agree(world: World, settings: Settings | None = None) -> None:
    """Hold every task of a world against what its own settings decide about it again."""
    found = played(records(world), settings or world.ports.settings)
    assert found
    for past, decided in found:
        again = (decided.runs, sorted(decided.codes))
        assert again == (past.runs, sorted(past.codes)), past.record.task_id


@pytest.mark.parametrize("case", cases(), ids=str)
async def test_every_attack_is_decided_again_as_it_was(case: Case) -> None:
    pipeline = Pipeline(**case.settings)
    settings = pipeline.ports.settings
    for step in case.steps:
        await pipeline.take(step)
        if pipeline.ports.settings is not settings:  # the case deploys others on its way
            return
    if pipeline.store.documents:
        must_agree(pipeline)


async def test_every_task_of_the_demo_is_decided_again_as_it_was() -> None:
    world = Pipeline(automatic=allowances("AUTOMATIC", DEMO_ALLOWANCE))
    world.ports.__dict__["classifier"] = LocalClassifier(REGISTRY)
    names = secrets_for_demo()
    for number, event in enumerate(events(names)):
        if event.state in ("PARKED", "") or event.same_as:
            continue
        task = task_of(*_sent(event), number)
        assert task is not None
        await world.classify(task)
        world.pass_time(seconds=1)
    assert {r.state for r in records(world)} == {"READY", "AWAITING_APPROVAL"}
    must_agree(world)


def _sent(event: Any) -> tuple[str, dict[str, Any]]:
    body = json.loads(event.body)
    source = event.path.rpartition("/")[2]
    return ("direct", body["raw_payload"]) if not source else (source, body)


async def test_what_people_and_the_source_make_of_a_task_later_changes_nothing() -> None:
    world = await paused()
    await world.decide("t1", "edit", parameters={"order_id": "#10021", "amount_minor": 900_000, "currency": "USD"})
    await tell(world.ports, "t1", kind="edited", revision="2", text="please refund nothing")
    codes = {reason.partition(":")[0] for reason in (await world.record("t1")).decision.reasons}
    assert codes == {"policy", "edited", "changed_since"}
    must_agree(world)
    await world.decide("t1", "approve", comment="checked")
    must_agree(world)


async def test_task_that_ran_and_was_called_back_ran() -> None:
    world = await started(CANCEL_ORDER)
    await tell(world.ports, "t1", kind="deleted", revision="2")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    must_agree(world)


async def test_requester_whom_a_person_named_was_unknown_to_the_gate() -> None:
    task, answer = PASSWORD_RESET
    world = World(answer, automatic={"password_reset": None})
    nameless = task.model_copy(update={"raw_payload": {"text": task.raw_payload["text"]}})
    await world.classify(nameless)
    must_agree(world)
    await world.decide("t1", "approve", requester_email="kim@example.com", parameters={"email": "kim@example.com"})
    assert (await world.record("t1")).state == "READY"
    must_agree(world)


async def test_answer_of_which_only_the_beginning_is_kept_waits_as_it_did() -> None:
    world = World(json.dumps({"intent": "order_status", "parameters": {}, "confidence": 1, "why": "x" * 3000}))
    await world.classify(ORDER_STATUS[0])
    must_agree(world)
    [(past, decided)] = played(records(world), Settings(confidence_threshold=0.0))
    assert past.is_settled
    assert not decided.runs


@pytest.mark.parametrize("refusal", ["model_refused", "no_words"])
async def test_task_that_the_model_never_answered_for_waits_under_any_settings(refusal: str) -> None:
    world = World(ModelRefused("no", code="model_refused"))
    text = {"text": ""} if refusal == "no_words" else ORDER_STATUS[0].raw_payload
    await world.classify(ORDER_STATUS[0].model_copy(update={"raw_payload": text}))
    must_agree(world)
    [(past, decided)] = played(records(world), Settings(confidence_threshold=0.0))
    assert (past.codes, decided.codes) == ((refusal,), (refusal,))


async def test_task_whose_call_was_spared_waits_under_any_settings_also_once_it_was_asked() -> None:
    world = World(says("order_status", order_id="lamp"))
    local = LocalClassifier(REGISTRY)
    world.ports.__dict__["classifier"] = FrugalClassifier(world.model, local, REGISTRY, {"no_parameter"})
    await world.classify(ticket("where is my order, the lamp? it has not arrived"))
    for code in ("not_asked", "asked_late"):
        must_agree(world)
        [(past, decided)] = played(records(world), Settings(confidence_threshold=0.0))
        assert (code in past.codes, decided.runs) == (True, False)
        await ask_model(world.ports, await world.record("t1"))
        _, data, attributes = world.publisher.messages[-1]
        await world.classify(data, attributes=attributes)


async def test_wish_of_a_task_that_is_not_played_still_makes_the_next_one_wait() -> None:
    world = await started(CANCEL_ORDER)
    world.pass_time(seconds=1)
    await world.classify(ticket("Cancel order #10021", task_id="t2", email="lee@example.com"))
    _, second = records(world)
    [(_, decided)] = played([second], world.ports.settings)
    assert decided.codes == ("repeated",)


async def test_allowance_of_a_day_is_shared_by_the_tasks_of_one_requester() -> None:
    world = World(REFUND[1])
    for n in range(3):
        world.model.answers = [_of_order(n)]
        await world.classify(ticket(REFUND[0].raw_payload["text"].replace("10021", f"1002{n}"), task_id=f"r{n}"))
        world.pass_time(minutes=1)
    tried = Settings(automatic={"refund_request": {"USD": 5000}})
    found = [(d.runs, d.codes, d.amount.minor if d.amount else None) for _, d in played(records(world), tried)]
    assert found == [(True, (), 2500), (True, (), 2500), (False, ("ceiling",), 2500)]


async def test_certificate_and_probation_decide_as_they_would_have() -> None:
    world = World(ORDER_STATUS[1] | {"confidence": 0.7})
    await world.classify(ORDER_STATUS[0])
    past = past_of(await world.record("t1"))
    of_this = certificate(
        model=past.record.classification.model, prompt_versions=(past.record.classification.prompt_version,)
    )
    for settings, codes in (
        (Settings(), ("low_confidence",)),
        (Settings(certification=True), ("unproven",)),
        (Settings(certification=True, certificate=of_this), ()),
        (Settings(certification=True, certificate=certificate()), ("unproven",)),
        (Settings(disabled_intents=frozenset({"order_status"})), ("intent_disabled",)),
    ):
        assert Replay(REGISTRY, settings).decide(past).codes == codes


@pytest.mark.parametrize(("number", "is_drawn"), [(0.0, True), (0.99, False)])
async def test_task_that_was_drawn_is_drawn_again_and_a_larger_share_draws_more(number: float, is_drawn: bool) -> None:
    world = World(SUMMARY[1])
    world.ports.random = Fixed(number)
    await world.classify(SUMMARY[0])
    must_agree(world)
    past = past_of(await world.record("t1"))
    for share, expected in ((0.0, False), (1.0, True)):
        replay = Replay(with_audit_share(REGISTRY, share), world.ports.settings, declared=REGISTRY)
        assert ("audit" in replay.decide(past).codes) is expected
    assert ("audit" in past.codes) is is_drawn


def _of_order(n: int) -> Any:
    answer = dict(REFUND[1])
    return answer | {"parameters": answer["parameters"] | {"order_id": f"#1002{n}"}}
