"""Cards, secrets and national ids on their way: no model, chat or result has them, who decides finds them."""

from __future__ import annotations

from typing import Any

from functions.console.dossier import Dossier
from shared.intent.provenance import check
from shared.records.news import tell
from shared.task.requester import view_of
from shared.task.schemas import MAX_OUTPUT_CHARS, TaskRecord
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REGISTRY, World, says, ticket

CARD, PASSWORD, SSN, CODE = "4111 1111 1111 1111", "hunter2!", "078-05-1120", "737"
PRIVATE = (CARD, PASSWORD, SSN, CODE)
WORDS = f"Where is my order #47384? Card {CARD}, CVV {CODE}, 12/29. My password is {PASSWORD}, SSN {SSN}"


async def test_model_sees_none_of_them_and_the_record_keeps_them_all() -> None:
    asked: list[Any] = []

    async def answer(question: Any) -> Any:
        asked.append(question)
        return ORDER_STATUS[1]

    world = World(answer)
    await world.classify(ticket(WORDS))
    [question] = asked
    record = await world.record("t1")
    shown = question.content.replace(question.nonce, "") + str(question.view)  # a nonce may have any three digits
    assert not [p for p in PRIVATE if p in shown]
    assert "#47384" in shown
    assert (record.state, record.parameters["order_id"]) == ("READY", "#47384")
    assert all(p in record.payload for p in PRIVATE)


async def test_parameter_that_was_written_is_found_although_the_model_did_not_see_it() -> None:
    """Some shop numbers its orders like cards: the model cannot name such a one, a person can."""
    number = "4111111111111111"
    world = World(says("order_status", order_id="[card number]"))
    await world.classify(ticket(f"Where is my order {number}?"))
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    await world.decide("t1", intent="order_status", parameters={"order_id": number})
    record = await world.record("t1")
    assert (record.state, record.parameters) == ("READY", {"order_id": number})
    assert check(record.parameters, REGISTRY["order_status"].parameters, view_of(record)) == []


async def test_result_goes_out_masked_and_is_kept_as_it_was() -> None:
    world = World(ORDER_STATUS[1])
    said = f"{SSN} paid with {CARD}. "
    await world.run(ORDER_STATUS[0], ScriptedHandler(said * 100))
    record = await world.record("t1")
    [result] = world.publisher.on("results")
    assert record.result is not None
    assert CARD in record.result.output
    assert CARD not in result["output"]
    assert result["output"].startswith("[national id] paid with [card number]. [national id]")
    assert len(result["output"]) <= MAX_OUTPUT_CHARS


async def test_people_read_the_words_masked_and_the_event_as_it_came() -> None:
    world = World(ORDER_STATUS[1])
    await world.classify(ticket(WORDS))
    await tell(world.ports, "t1", kind="edited", revision="2", text=WORDS)
    record: TaskRecord = await world.record("t1")
    dossier = Dossier(record)
    shown = str(dossier.view) + str(dossier.followups)
    assert not [p for p in PRIVATE if p in shown]
    assert CARD in record.followups[0].text
