"""One ticket in a call with others, and a model that obeys it: what it can do to the others, and what it cannot.

Whose answer an entry is says an id that the writer cannot know. A model that obeys may all the same say of every other
ticket what this one wants. Then nothing moves on that answer: what moves money, credentials or goods is asked about
alone, and the rest runs only with parameters that stand in its own ticket, and as what it is when read by itself.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from infra.gemini_server.answers import answer
from infra.gemini_server.requests import items_of
from infra.gemini_server.several import answered
from shared.event.payload import view
from shared.model import prompt
from shared.model.question import Answer, Question
from shared.model.together import join, split
from shared.task.schemas import AutomationTask, TaskRecord
from tests.injection.pipeline import ALLOWANCE, cases, task_of
from tests.shipped import REQUESTS
from tests.world import REGISTRY, World, ticket

FIRST = ticket("Where is my order #10001?", task_id="first", email="first@example.com")
BESIDE = [ticket(text, task_id=name, email=f"{name}@example.com") for name, text in REQUESTS.items()]
STEPS = [(case.name, step) for case in cases() for step in case.steps]
ATTACKS = {
    name: (task, step.answer)
    for name, step in STEPS
    if (task := task_of(step.source, step.payload)) and isinstance(step.answer, dict)
}
POSITIONS = 3


def asked(task: AutomationTask) -> Question:
    return prompt.build(task, view(task.source, task.raw_payload, task.metadata), REGISTRY)


def position(question: Question, hostile: str) -> int:
    return [id for id, _ in items_of(question.content)].index(hostile)


def of_itself(items: Sequence[Any], hostile: str, said: Any) -> list[Any]:
    """Answer like a model that says of the hostile ticket what it wants, and of the others what they say."""
    return [e if e["id"] != hostile else {"id": hostile, **said} for e in answered(items, answer)]


@pytest.mark.parametrize("name", list(ATTACKS))
def test_what_a_ticket_gets_for_itself_is_in_no_other_answer_wherever_it_stands(name: str) -> None:
    task, said = ATTACKS[name]
    others = [asked(ticket) for ticket in BESIDE[: POSITIONS - 1]]
    alone = [answer(items_of(question.content)[0][1]) for question in others]
    seen: set[int] = set()
    while len(seen) < POSITIONS:
        together = join([asked(task), *others])
        items, hostile = items_of(together.question.content), together.ids[0]
        assert len(items) == POSITIONS
        seen.add(position(together.question, hostile))
        own, *rest = split(together, Answer(json.dumps(of_itself(items, hostile, said)), "m", 9, 1.0))
        assert [json.loads(a.text) for a in rest] == alone
        assert not own.text or json.loads(own.text) == said


class Obedient:
    """Says of every ticket of a call what the attacker wants; of one that is asked about alone, what it says itself."""

    model = "obedient"

    def __init__(self, said: Any) -> None:
        self._said = said
        self.gate = asyncio.Event()
        self.several: list[int] = []
        self.alone: set[str] = set()

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        items = items_of(question.content)
        await self.gate.wait()
        if question.answers > 1:
            self.several.append(question.answers)
            of = self._said if callable(self._said) else lambda _: self._said
            said: Any = [{"id": id, **of(texts)} for id, texts in items]
        else:
            self.alone.add(question.version)
            said = answer(items[0][1])
        return Answer(json.dumps(said), self.model, 10, 1.0)

    async def close(self) -> None:
        self.gate.set()


async def poisoned(said: Any) -> tuple[Obedient, dict[str, TaskRecord]]:
    """Have the neighbours decided in one call whose every answer is this one."""
    model, world = Obedient(said), World(max_concurrent_calls=1, automatic=ALLOWANCE)
    world.ports.__dict__["classifier"] = world.ports.desk.before(model)
    waiting = [asyncio.create_task(world.classify(task)) for task in (FIRST, *BESIDE)]
    for _ in range(40):
        await asyncio.sleep(0)
    model.gate.set()
    await asyncio.gather(*waiting)
    return model, {task.task_id: await world.record(task.task_id) for task in BESIDE}


WANTED = {json.dumps(said, sort_keys=True): said for _, said in ATTACKS.values()}


@pytest.mark.parametrize("said", list(WANTED.values())[:: max(1, len(WANTED) // 60)], ids=lambda said: f"{said}"[:60])
async def test_a_model_that_obeys_one_ticket_moves_nothing_for_the_others(said: Any) -> None:
    model, records = await poisoned(said)
    assert model.several == [len(BESIDE)]
    for name, record in records.items():
        if record.state != "READY":  # a person looks
            continue
        if record.classification.prompt_version in model.alone:  # asked about alone: as if nobody had been beside it
            own = answer({"/text": REQUESTS[name], "fields/requester/email": f"{name}@example.com"})
            assert (record.intent, record.parameters) == (
                name,
                own["parameters"] if name != "ticket_summary" else {"summary": "Help"},
            )
        else:  # what moves nothing, about what this very ticket names
            assert REGISTRY[record.intent].policy.risk == "none"
            assert all(str(value).lstrip("#") in REQUESTS[name] + "Help" for value in record.parameters.values())


def looks_up(texts: Mapping[str, str]) -> dict[str, Any]:
    """Say that a ticket only asks where its own order is."""
    order = re.search(r"#\d+", texts["/text"])
    return {"intent": "order_status", "parameters": {"order_id": order[0] if order else ""}, "confidence": 1.0}


def sums_up(texts: Mapping[str, str]) -> dict[str, Any]:
    """Say that a ticket only wants its own words posted."""
    return {"intent": "ticket_summary", "parameters": {"summary": texts["/text"]}, "confidence": 1.0}


@pytest.mark.parametrize("said", [looks_up, sums_up])
async def test_nobody_is_done_with_by_something_smaller_that_was_not_asked_for(said: Any) -> None:
    _, records = await poisoned(said)
    runs = {name: record.intent for name, record in records.items() if record.state == "READY"}
    assert {"refund_request", "cancel_order", "change_address"} <= set(runs)
    assert runs == {name: name for name in runs}


async def test_nothing_of_the_guarantee_is_there_by_chance() -> None:
    """A refund for everybody is one for nobody; whoever asked for it has it on a call of their own."""
    wish = {"order_id": "#10021", "amount_minor": 2500, "currency": "USD"}
    model, records = await poisoned({"intent": "refund_request", "parameters": wish, "confidence": 1.0})
    ready = {name for name, record in records.items() if record.state == "READY"}
    assert ready == {"refund_request"}
    assert records["refund_request"].classification.prompt_version in model.alone
    assert records["refund_request"].classification.confidence == 0.93
