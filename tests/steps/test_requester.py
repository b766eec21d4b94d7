"""Whose request it is: looked up once, kept in the record, or said by whoever approves; never guessed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import ModelUnavailable, Unprocessable
from shared.event.payload import FIELDS
from shared.event.requester import Author
from shared.task.requester import requester_of, view_of
from shared.task.schemas import AutomationTask, TaskRecord
from shared.wiring.ports import Write
from tests.scripted import ScriptedHandler
from tests.world import GOODS, ORDER_STATUS, PASSWORD_RESET, World, paused, says, started

KIM = "kim@example.com"


class Known:
    """`People` who know one address, and note whom they were asked for."""

    def __init__(self, email: str | None = KIM) -> None:
        self.email, self.asked = email, list[Author]()

    async def email_of(self, author: Author) -> str | None:
        await asyncio.sleep(0)
        self.asked.append(author)
        return self.email


def message(text: str = "Where is my order #47384?", **event: Any) -> AutomationTask:
    """Return a message of Slack, exactly as Slack sends it: without an address."""
    payload = {"team_id": "T1", "event": {"type": "message", "user": "U1", "text": text, "ts": "1.2", **event}}
    return AutomationTask(task_id="t1", source="slack", raw_payload=payload)


def world_of(people: Known, answer: Any = ORDER_STATUS[1], **settings: Any) -> World:
    world = World(answer, **settings)
    vars(world.ports)["people"] = people
    return world


async def test_address_is_looked_up_and_kept_for_everything_after() -> None:
    people, handler = Known(), ScriptedHandler("told")
    world = world_of(people)
    await world.classify(message())
    record = await world.record("t1")
    assert (record.state, people.asked) == ("READY", [Author("slack", "T1", "U1")])
    assert record.requester is not None
    assert record.requester.model_dump(exclude={"name", "key"}) == {
        "email": KIM,
        "id": "U1",
        "vouched_by": "the users API of slack",
    }
    people.email = "somebody-else@example.com"
    await world.execute("t1", handler)
    [(_, context)] = handler.calls
    assert (context.requester["email"], len(people.asked)) == (KIM, 1)


async def test_address_is_there_before_the_model_is_asked() -> None:
    world = world_of(Known(), PASSWORD_RESET[1], automatic={"password_reset": None})
    await world.classify(message("I forgot my password"))
    assert (await world.record("t1")).state == "READY"


@pytest.mark.parametrize("task", [ORDER_STATUS[0], message(text=""), message(user_team="T2"), message(user=None)])
async def test_nobody_is_looked_up_where_it_is_known_useless_or_not_ours(task: AutomationTask) -> None:
    people = Known()
    await world_of(people).classify(task)
    assert people.asked == []


async def test_nobody_is_looked_up_where_no_intent_needs_it() -> None:
    people = Known()
    world = world_of(people, disabled_intents=frozenset({i.name for i in World().ports.registry.values() if i.needs}))
    await world.classify(message())
    assert people.asked == []


async def test_lookup_that_finds_nothing_neither_loses_nor_fails_the_task() -> None:
    world = world_of(Known(None))
    assert (await world.classify(message())).code == "classified"
    record = await world.record("t1")
    assert record.state == "AWAITING_APPROVAL"
    assert [reason.partition(":")[0] for reason in record.decision.reasons] == ["requester_unknown"]


async def test_model_that_is_down_does_not_cost_the_address() -> None:
    people = Known()
    world = world_of(people, ModelUnavailable("down"))
    with pytest.raises(ModelUnavailable):
        await world.classify(message())
    world.model.answers = [ORDER_STATUS[1]]
    await world.classify(message())
    assert (await world.record("t1")).state == "READY"


# --- a person says whose it is


async def unknown(**settings: Any) -> World:
    return await paused((message(), ORDER_STATUS[1]), **settings)


async def test_approval_without_knowing_whose_it_is_is_refused_not_failed_later() -> None:
    world = await unknown()
    with pytest.raises(Unprocessable) as refused:
        await world.decide("t1")
    assert (refused.value.code, refused.value.field) == ("requester_unknown", "/requester_email")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    assert (await world.decide("t1", "reject")).state == "REJECTED"


async def test_person_who_approves_says_whose_it_is_and_the_history_tells() -> None:
    world, handler = await unknown(), ScriptedHandler("told")
    await world.decide("t1", by="ops@example.com", requester_email=" Kim@Example.com ")
    record = await world.record("t1")
    assert record.requester is not None
    assert (record.requester.email, record.requester.vouched_by) == (KIM, "ops@example.com")
    assert (record.history[-1].by, record.history[-1].why) == ("ops@example.com", "approved, requester set")
    assert (record.generation, record.parameters) == (2, ORDER_STATUS[1]["parameters"])
    await world.execute("t1", handler)
    assert handler.calls[0][1].requester == {"email": KIM, "id": "U1"}
    assert (await world.record("t1")).state == "SUCCEEDED"


@pytest.mark.parametrize(
    "email", ["kim", "kim@", "@example.com", "kim@example", "kim @example.com", "a@b@c.com", "x" * 300]
)
async def test_requester_that_is_no_address_is_refused(email: str) -> None:
    world = await unknown()
    with pytest.raises(Unprocessable) as refused:
        await world.decide("t1", requester_email=email)
    assert refused.value.field == "/requester_email"


async def test_document_of_an_unknown_requester_says_what_is_missing() -> None:
    world = await unknown()
    await world.edit("t1", status="approved")
    await world.resume("t1")
    approval = await world.approval("t1")
    assert (approval["status"], approval["error"].partition(":")[0]) == ("pending", "requester_unknown")


async def test_person_in_the_document_says_whose_it_is() -> None:
    world = await unknown()
    assert (await world.approval("t1"))["requester_email"] == ""
    await world.edit("t1", requester_email=" Kim@Example.com ")
    assert (await world.resume("t1", author="kay@example.com")).code == "edited"
    assert (await world.approval("t1"))["requester_email"] == KIM
    await world.edit("t1", status="approved")
    assert (await world.resume("t1", author="lee@example.com")).code == "decided"
    record = await world.record("t1")
    assert record.requester is not None
    assert (record.state, record.requester.email, record.requester.vouched_by) == ("READY", KIM, "kay@example.com")


@pytest.mark.parametrize("odd", ["kim", "kim@example", 7, [], {"email": KIM}, False])
async def test_requester_in_the_document_that_is_no_address_is_answered_there(odd: Any) -> None:
    world = await unknown()
    await world.edit("t1", status="approved", requester_email=odd)
    assert (await world.resume("t1")).fields["error_code"] == "bad_requester"
    approval = await world.approval("t1")
    assert (approval["status"], approval["error"].partition(":")[0]) == ("pending", "bad_requester")
    assert approval["requester_email"] == ""
    await world.edit("t1", status="approved", requester_email=KIM)
    assert (await world.resume("t1")).code == "decided"


async def test_no_needs_no_requester_and_documents_of_before_name_none() -> None:
    world = await unknown()
    await world.edit("t1", status="rejected", requester_email=7)
    assert (await world.resume("t1")).code == "decided"
    world = await paused()
    newer = {"requester_email", "generation", "edited_by", "approved_by", "missing"}
    before = {k: v for k, v in (await world.approval("t1")).items() if k not in newer}
    await world.store.commit(Write("approvals/t1", before, None))
    await world.edit("t1", status="approved")
    assert (await world.resume("t1")).code == "decided"


async def test_expired_task_is_redriven_only_with_whose_it_is() -> None:
    from shared.records.decisions import Change
    from shared.records.repairs import redrive
    from shared.task.moves import Person

    world, person = await unknown(approval_ttl_s=60), Person("ops@example.com", "console")
    world.pass_time(hours=2)
    await world.sweep()
    assert (await world.record("t1")).state == "EXPIRED"
    with pytest.raises(Unprocessable):
        await redrive(world.ports, "t1", person, await world.look("t1"), reason="seen")
    change = Change(requester_email=KIM)
    await redrive(world.ports, "t1", person, await world.look("t1"), reason="seen", change=change)
    record = await world.record("t1")
    assert (record.state, requester_of(record)["email"]) == ("READY", KIM)
    assert record.history[-1].why == "requester set: seen"


async def test_edited_parameters_are_gated_for_the_requester_of_the_record() -> None:
    task, answer = message("Cancel order #10021"), says("cancel_order", order_id="#10021")
    world = await paused((task, answer), automatic=GOODS)
    await world.decide("t1", requester_email=KIM, parameters={"order_id": "#10022"})
    record = await world.record("t1")
    assert [r for r in record.decision.reasons if r.startswith("edited: ")] == [
        "edited: provenance: order_id is not in the text"
    ]


# --- records of before


async def test_record_without_a_requester_has_the_one_of_its_event() -> None:
    world = await started(ORDER_STATUS)
    record = (await world.record("t1")).model_copy(update={"requester": None})
    assert requester_of(record) == {"email": KIM, "id": "u1"}
    assert view_of(record).at("/requester/email") == KIM
    document = record.model_dump()
    del document["requester"]
    assert TaskRecord.model_validate(document).requester is None
    assert replace(view_of(record), fields={}).texts


async def test_record_is_read_by_the_map_that_it_was_taken_by() -> None:
    payload = {"says": "Where is my order #47384?", "mail": KIM, "customer": {"email": "mallory@example.com"}}
    metadata = {FIELDS: "words=/says,email=/mail"}
    world = World(ORDER_STATUS[1])
    await world.classify(AutomationTask(task_id="t1", source="webshop", raw_payload=payload, metadata=metadata))
    for kept in (record := await world.record("t1"), record.model_copy(update={"requester": None})):
        seen = view_of(kept)
        assert (dict(seen.texts), seen.at("/requester/email")) == ({"/says": payload["says"]}, KIM)
    assert record.state == "READY"
