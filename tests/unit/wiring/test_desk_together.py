"""While all permits are taken, those who wait go together into one call, and lose nothing by it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.gemini_server.answers import answer
from infra.gemini_server.requests import items_of
from infra.gemini_server.several import FAULTS, answered
from shared.certificate import Certificate, Line
from shared.errors import ModelRefused, ModelUnavailable
from shared.event.payload import View
from shared.model import prompt
from shared.model.question import Answer, Question
from shared.model.together import version_of
from shared.settings import Settings
from shared.task.schemas import AutomationTask
from shared.wiring.desk import Desk
from tests.world import REGISTRY

LONG_S = 50.0


def question(number: int, priority: int = 1, **more: Any) -> Question:
    text = f"Where is my order #{20_000 + number}?"
    task = AutomationTask(task_id=f"t{number}", source="helpdesk", raw_payload={"text": text}, priority=priority)
    return replace(prompt.build(task, View({"/text": text}, {}), REGISTRY), **more)


class Model:
    """Answers as the local Gemini server does, each call when the test lets it; `faults`: of the coming calls."""

    model = "fake"

    def __init__(self, *faults: str | Exception) -> None:
        self.calls: list[list[str]] = []  # the orders asked about in each
        self.faults = list(faults)
        self.gate = asyncio.Event()
        self.ended = 0

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        items = items_of(question.content)
        self.calls.append([texts["/text"][-7:-1] for _, texts in items])
        fault = self.faults.pop(0) if self.faults and question.answers > 1 else "ok"
        try:
            await self.gate.wait()
        finally:
            self.ended += 1
        if isinstance(fault, Exception):
            raise fault
        said = answered(items, answer, fault) if question.answers > 1 else answer(items[0][1])
        return Answer(json.dumps(said), self.model, 100, 5.0)

    async def close(self) -> None:
        self.gate.set()


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def asking(desk: Desk, model: Model, asked: Sequence[Question]) -> list[asyncio.Task[Answer]]:
    return [asyncio.create_task(desk.before(model).ask(q, LONG_S)) for q in asked]


async def all_of(desk: Desk, model: Model, asked: Sequence[Question]) -> list[Any]:
    """Have all wait behind the first, then let the model go on; their answers or errors."""
    tasks = asking(desk, model, asked)
    await settle()
    model.gate.set()
    async with asyncio.timeout(5):
        return await asyncio.gather(*tasks, return_exceptions=True)


def orders(answers: Sequence[Any]) -> list[str]:
    return [json.loads(a.text)["parameters"]["order_id"] for a in answers]


async def test_an_idle_desk_makes_one_call_for_each_task_at_once() -> None:
    model = Model()
    model.gate.set()
    for number in range(5):
        said = await Desk(1, 30.0, 10).before(model).ask(question(number), LONG_S)
        assert said.prompt_version == ""
    assert model.calls == [[f"#{20_000 + n}"] for n in range(5)]


async def test_a_backlog_takes_few_calls_and_everybody_has_the_answer_to_their_own_question() -> None:
    model, asked = Model(), [question(n) for n in range(200)]
    answers = await all_of(Desk(5, 30.0, 10), model, asked)
    assert orders(answers) == [f"#{20_000 + n}" for n in range(200)]
    assert len(model.calls) <= 0.15 * len(asked)
    assert max(map(len, model.calls)) == 10
    assert sum(a.tokens_used for a in answers) == 100 * len(model.calls)


async def test_the_urgent_go_first_and_together() -> None:
    model = Model()
    asked = [question(n, priority=5 if n % 10 == 0 else 1) for n in range(31)]
    await all_of(Desk(1, 30.0, 4), model, asked)
    assert {"#20010", "#20020", "#20030"} < set(model.calls[1])


async def test_one_at_a_time_is_a_setting() -> None:
    model = Model()
    answers = await all_of(Desk(1, 30.0, 1), model, [question(n) for n in range(4)])
    assert [len(call) for call in model.calls] == [1] * 4
    assert {a.prompt_version for a in answers} == {""}


async def test_who_has_to_be_alone_is() -> None:
    model = Model()
    asked = [question(n, alone=n in (2, 4)) for n in range(7)]
    await all_of(Desk(1, 30.0, 10), model, asked)
    assert sorted(map(len, model.calls)) == [1, 1, 1, 4]


async def test_forms_and_models_are_not_mixed() -> None:
    desk, model, other = Desk(1, 30.0, 10), Model(), Model()
    other.gate.set()
    mixed = [question(n, version="another" if n % 2 else "one") for n in range(9)]
    waiting = asking(desk, model, mixed[:1]) + asking(desk, other, [question(n, version="one") for n in range(50, 53)])
    await all_of(desk, model, mixed[1:])
    await asyncio.gather(*waiting)
    assert {len({int(order[1:]) % 2 for order in call}) for call in model.calls} == {1}
    assert {order for call in other.calls for order in call} == {"#20050", "#20051", "#20052"}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_a_call_has_no_answer_for_is_asked_alone_once(fault: str) -> None:
    model = Model(fault)
    answers = await all_of(Desk(1, 30.0, 10), model, [question(n) for n in range(6)])
    again = {"swaps_ids": 0, "no_list": 5}.get(fault, 1)
    assert [len(call) for call in model.calls] == [1, 5, *[1] * again]
    assert sum(a.tokens_used for a in answers) == 100 * len(model.calls)
    right = [f"#{20_000 + n}" for n in range(6)]
    assert orders(answers) == right or (fault == "swaps_ids" and sorted(orders(answers)) == right)


@pytest.mark.parametrize("code", ["safety_block", "cut_off", "empty_answer", "model_rejected_request"])
async def test_a_refusal_is_of_nobody_until_each_was_asked_alone(code: str) -> None:
    model = Model(ModelRefused("no", code=code))
    answers = await all_of(Desk(1, 30.0, 10), model, [question(n) for n in range(6)])
    assert orders(answers) == [f"#{20_000 + n}" for n in range(6)]
    assert [len(call) for call in model.calls] == [1, 5, *[1] * 5]


async def test_a_model_that_always_refuses_several_costs_one_call_in_ten_more() -> None:
    model = Model(*(ModelRefused("no", code="model_rejected_request") for _ in range(100)))
    asked = [question(n) for n in range(101)]
    await all_of(Desk(1, 30.0, 10), model, asked)
    assert len(model.calls) == 101 + 10


async def test_a_model_that_is_down_sends_all_of_a_call_back_with_its_pause() -> None:
    model = Model(ModelUnavailable("over quota", retry_after_s=7.0))
    first, *others = await all_of(Desk(1, 30.0, 10), model, [question(n) for n in range(6)])
    assert first.text
    assert {(type(e), e.code, e.retry_after_s) for e in others} == {(ModelUnavailable, "model_unavailable", 7.0)}
    assert len({id(e) for e in others}) == 5
    assert len(model.calls) == 2


@pytest.mark.parametrize(
    ("error", "sizes"),
    [
        (ModelUnavailable("it did not answer", is_timeout=True), [1, 5, *[1] * 6]),
        (ModelUnavailable("HTTP 500"), [1, 5, *[1] * 6]),
        (ModelUnavailable("over quota", is_overload=True), [1, 5, 1, 5]),
    ],
)
async def test_one_that_makes_a_call_fail_does_so_once_to_those_beside_it(
    error: ModelUnavailable, sizes: list[int]
) -> None:
    model, desk = Model(error), Desk(1, 30.0, 10)
    _, *others = await all_of(desk, model, [question(n) for n in range(6)])
    assert {(type(e), e.is_timeout, e.is_overload) for e in others} == {
        (ModelUnavailable, error.is_timeout, error.is_overload)
    }
    model.gate.clear()
    assert orders(await all_of(desk, model, [question(n) for n in (10, 1, 2, 3, 4, 5)]))[1:] == [
        f"#{20_000 + n}" for n in range(1, 6)
    ]
    assert [len(call) for call in model.calls] == sizes


async def test_what_is_kept_apart_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.wiring.desk.MOST_APART", 3)
    model, desk = Model(ModelUnavailable("HTTP 500")), Desk(1, 30.0, 10)
    await all_of(desk, model, [question(n) for n in range(6)])
    model.gate.clear()
    await all_of(desk, model, [question(n) for n in range(6)])
    assert [len(call) for call in model.calls] == [1, 5, 1, 2, 1, 1, 1]


async def test_tokens_of_what_was_refused_are_counted() -> None:
    model = Model(ModelRefused("no", code="cut_off", tokens_used=1000))
    answers = await all_of(Desk(1, 30.0, 10), model, [question(n) for n in range(6)])
    assert sum(a.tokens_used for a in answers) == 100 * 6 + 1000


async def test_a_mistake_of_ours_is_told_to_all_and_leaves_the_permit() -> None:
    model, desk = Model(ZeroDivisionError()), Desk(1, 30.0, 10)
    _, *others = await all_of(desk, model, [question(n) for n in range(4)])
    assert [type(e) for e in others] == [ZeroDivisionError] * 3
    assert (await desk.before(model).ask(question(9), LONG_S)).text


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    model, desk = Model(), Desk(1, 30.0, 10)
    tasks = asking(desk, model, [question(n) for n in range(5)])
    await settle()
    model.gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(model.calls) == 2  # of which the second is under way
    tasks[2].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers.pop(2), asyncio.CancelledError)
    assert orders(answers) == ["#20000", "#20001", "#20003", "#20004"]


async def test_all_can_end_at_once() -> None:
    """As a process that is told to stop does: nobody is handed what was meant for one who is gone."""
    model, desk = Model(), Desk(1, 30.0, 10)
    tasks = asking(desk, model, [question(n) for n in range(30)])
    await settle()
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(error) for error in ended} == {asyncio.CancelledError}
    model.gate.set()
    assert (await desk.before(model).ask(question(99), LONG_S)).text


@pytest.mark.parametrize("under_way", [False, True])
async def test_one_who_asks_for_others_and_gives_up_leaves_that_to_another(under_way: bool) -> None:
    model, desk = Model(), Desk(1, 30.0, 10)
    first, second, *others = asking(desk, model, [question(n) for n in range(5)])
    await settle()
    first.cancel()
    await asyncio.sleep(0)  # the second has the permit, and does not know it yet
    if under_way:
        await settle()
        assert [len(call) for call in model.calls] == [1, 4]
    second.cancel()
    await settle()
    assert len(model.calls[-1]) == 3
    model.gate.set()
    assert orders(await asyncio.gather(*others)) == ["#20002", "#20003", "#20004"]


# --- where something is proven

ONE = question(0).version


def certificate(*versions: str) -> Certificate:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    line = Line(intents=("order_status",), threshold=0.9, right=99, counted=100, bound=0.95)
    return Certificate(
        model="fake",
        prompt_versions=versions,
        target=0.95,
        delta=0.05,
        look=1,
        since=now,
        until=now,
        valid_until=now,
        labels_sha256="0" * 64,
        acted_share=0.5,
        lines=(line,),
    )


@pytest.mark.parametrize(
    ("settings", "together"),
    [
        (Settings(), True),
        (Settings(coalesce=1), False),
        (Settings(certification=True), False),
        (Settings(certification=True, certificate=certificate(ONE)), False),
        (Settings(certificate=certificate(ONE)), False),
        (Settings(certification=True, certificate=certificate(ONE, version_of(ONE))), True),
    ],
)
async def test_what_is_proven_of_a_task_alone_is_not_taken_for_proof_of_several(
    settings: Settings, together: bool
) -> None:
    model = Model()
    await all_of(Desk.of(replace(settings, max_concurrent_calls=1)), model, [question(n) for n in range(5)])
    assert [len(call) for call in model.calls] == ([1, 4] if together else [1] * 5)
