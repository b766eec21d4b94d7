"""What decisions say of the classifier: the right label for each, in the same commit, through whichever door."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import CommitUnknown, Conflict, Refused, StoreUnavailable, SwitchyardError
from shared.intent.outcomes import Permanent
from shared.records import decisions, repairs
from shared.records.decisions import Change
from shared.records.tombstones import entomb
from shared.task.label import Label
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.steps.test_two_people import two
from tests.store import Unapplied
from tests.world import REFUND, SUMMARY, paused, says, started, ticket

KAY = Person("kay@example.com", "console")
KEY = "k" * 32
LOWER = {"order_id": "#10021", "amount_minor": 1000, "currency": "USD"}
OTHER: dict[str, Any] = {"intent": "order_status", "parameters": {"order_id": "#10021"}}
NOTHING = ticket("Lovely weather, order #10021"), says("unclassified", 0.1)
INCOMPLETE = ticket("Please refund order #10021"), says("refund_request", order_id="#10021")
PROBATION: dict[str, Any] = {"certification": True}


def told(label: Label | None) -> tuple[Any, ...] | None:
    return None if label is None else (label.verdict, label.intent, label.right)


@pytest.mark.parametrize(
    ("case", "decision", "wish", "expected"),
    [
        (REFUND, "approve", {}, ("right", "refund_request", True)),
        (REFUND, "approve", {"parameters": LOWER}, ("corrected", "refund_request", False)),
        (
            INCOMPLETE,
            "approve",
            {"intent": "refund_request", "parameters": LOWER},
            ("corrected", "refund_request", True),
        ),
        (REFUND, "approve", OTHER, ("relabelled", "order_status", False)),
        (NOTHING, "approve", OTHER, ("relabelled", "order_status", False)),
        (REFUND, "reject", {"cause": "wrong_intent"}, ("wrong_intent", "unclassified", False)),
        (NOTHING, "reject", {"cause": "wrong_intent"}, ("wrong_intent", "unclassified", True)),
        (REFUND, "reject", {"cause": "not_wanted"}, ("not_wanted", "refund_request", None)),
        (INCOMPLETE, "reject", {"cause": "not_wanted"}, ("not_wanted", "refund_request", None)),
        (REFUND, "reject", {"cause": "duplicate"}, ("duplicate", None, None)),
        (REFUND, "reject", {}, ("other", None, None)),
    ],
)
async def test_each_decision_says_of_the_answer_what_it_means(
    case: Any, decision: str, wish: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    world = await paused(case)
    await world.decide("t1", decision, **wish)
    assert told(await world.label()) == expected


async def test_label_tells_who_said_what_of_which_answer_and_hides_who_asked() -> None:
    world = await paused(privacy_key=KEY, **PROBATION)
    await world.decide("t1", by=KAY.name)
    label, record = await world.label(), await world.record("t1")
    assert label is not None
    assert (label.by, label.at, label.said, label.confidence) == (KAY.name, world.now, "refund_request", 0.95)
    assert (label.model, label.prompt_version) == (record.classification.model, record.classification.prompt_version)
    assert (label.source, label.drawn, label.above) == ("helpdesk", "probation", 0.0)
    assert record.requester is not None
    assert (label.requester_key, label.text) == (record.requester.key, "")
    assert "kim" not in label.model_dump_json()


async def test_text_is_a_hash_under_the_secret_alone_or_as_the_classifier_read_it() -> None:
    case = ticket("Refund order #10021, my card is 4242 4242 4242 4242"), REFUND[1]
    labels = []
    for settings in ({}, {"privacy_key": KEY}, {"privacy_key": "x" * 32}, {"privacy_key": KEY, "label_texts": "keep"}):
        world = await paused(case, **settings)
        await world.decide("t1")
        labels.append(await world.label())
    without, hashed, other, kept = labels
    assert without
    assert hashed
    assert other
    assert kept
    assert (without.text_sha256, len(hashed.text_sha256), hashed.text) == ("", 64, "")
    assert hashed.text_sha256 == kept.text_sha256 != other.text_sha256
    assert kept.text == "Help\nRefund order #10021, my card is [card number]"


async def test_what_was_edited_first_is_judged_by_what_was_approved() -> None:
    world = await paused()
    await decisions.edit(world.ports, "t1", KAY, await world.look("t1"), Change(parameters=LOWER))
    assert await world.label() is None
    await world.decide("t1")
    assert told(await world.label()) == ("corrected", "refund_request", False)


async def test_another_intent_that_somebody_set_and_nobody_wanted_was_wrong_all_the_same() -> None:
    world = await paused()
    await decisions.edit(world.ports, "t1", KAY, await world.look("t1"), Change(**OTHER))
    await world.decide("t1", "reject", cause="not_wanted")
    assert told(await world.label()) == ("not_wanted", "order_status", False)


async def test_of_two_people_the_last_one_decides() -> None:
    world = await two()
    await world.decide("t1", by="kay@example.com")
    assert await world.label() is None
    await world.decide("t1", by="lee@example.com")
    label = await world.label()
    assert label
    assert (label.by, label.verdict) == ("lee@example.com", "right")


async def test_nobodys_silence_and_no_cancellation_is_a_label() -> None:
    for end in ("expire", "cancel"):
        world = await paused(**PROBATION)
        if end == "expire":
            world.pass_time(days=4)
            await world.sweep()
        else:
            await repairs.cancel(world.ports, "t1", KAY, await world.look("t1"), reason="mistake")
        assert (await world.record("t1")).state == {"expire": "EXPIRED", "cancel": "CANCELLED"}[end]
        assert await world.label() is None


async def test_refused_decision_leaves_no_label() -> None:
    world = await paused()
    with pytest.raises(Refused):
        await world.decide("t1", params_hash="0" * 64)
    assert await world.label() is None


async def test_who_decides_again_says_it_anew_and_what_is_only_repeated_stays_said() -> None:
    world = await paused(**PROBATION)
    await world.decide("t1", "reject", cause="wrong_intent")
    await repairs.redrive(world.ports, "t1", KAY, await world.look("t1"), reason="it was right after all")
    label = await world.label()
    assert label
    assert (told(label), label.by, label.drawn) == (("right", "refund_request", True), KAY.name, "probation")
    await world.execute("t1", ScriptedHandler(Permanent("no")))
    await repairs.redrive(world.ports, "t1", Person("lee@example.com", "console"), await world.look("t1"), reason="x")
    assert await world.label() == label


async def test_what_nobody_had_decided_and_somebody_runs_again_is_no_proof() -> None:
    world = await paused(**PROBATION)
    world.pass_time(days=4)
    await world.sweep()
    await repairs.redrive(world.ports, "t1", KAY, await world.look("t1"), reason="overlooked")
    label = await world.label()
    assert label
    assert (label.verdict, label.drawn) == ("right", "")


async def test_rerun_takes_nothing_away_that_is_proof() -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Permanent("no")))
    world.store.put("labels/t1", **_audited(await world.record("t1")))
    audited = await world.label()
    await repairs.redrive(world.ports, "t1", KAY, await world.look("t1"), reason="again")
    assert await world.label() == audited


async def test_of_words_that_were_taken_back_a_decision_says_nothing() -> None:
    world = await paused(**PROBATION)
    followup = {"kind": "edited", "at": world.now, "revision": "2", "text": "cancel it instead", "task_id": None}
    world.store.put("tasks/t1", followups=[followup])
    await world.decide("t1", "approve", **OTHER)
    assert told(await world.label()) == ("other", None, None)


@pytest.mark.parametrize(
    ("errors", "is_decided"),
    [
        ([StoreUnavailable("down")], False),
        ([Unapplied("lost")] * 3, False),
        ([CommitUnknown("lost answer")], True),
        ([Conflict()], True),
    ],
)
async def test_label_is_there_exactly_if_the_decision_is(errors: list[SwitchyardError], is_decided: bool) -> None:
    world = await paused()
    world.network.fail_next = [*errors]
    try:
        await world.decide("t1")
    except (StoreUnavailable, CommitUnknown):
        assert not is_decided
    assert ((await world.record("t1")).approval is not None) is is_decided
    assert (await world.label() is not None) is is_decided


async def test_label_outlives_its_task() -> None:
    world = await paused()
    await world.decide("t1", "reject", cause="duplicate")
    label = await world.label()
    await world.sweep()
    await entomb(world.ports, "t1")
    assert label is not None
    assert await world.label() == label


async def test_door_in_the_database_labels_as_the_page_does() -> None:
    for status, expected in (("approved", ("right", "refund_request", True)), ("rejected", ("other", None, None))):
        world = await paused()
        await world.edit("t1", status=status)
        await world.resume("t1", author="kay@example.com")
        label = await world.label()
        assert label
        assert (told(label), label.by) == (expected, "kay@example.com")


def _audited(record: Any) -> dict[str, Any]:
    said = record.classification
    return Label(
        task_id=record.task_id,
        at=record.created_at,
        by="lee@example.com",
        source=record.source,
        said=said.intent,
        confidence=said.confidence,
        model=said.model,
        prompt_version=said.prompt_version,
        verdict="wrong_intent",
        intent="unclassified",
        right=False,
        drawn="audit",
        above=0.8,
        text_sha256="",
    ).model_dump()


async def test_cause_that_is_written_into_the_document_counts_with_the_rejection() -> None:
    world = await paused()
    await world.edit("t1", cause="wrong_intent")
    assert (await world.resume("t1")).code == "nothing_to_do"
    await world.edit("t1", comment="no refund at all")
    await world.resume("t1")
    await decisions.edit(world.ports, "t1", KAY, await world.look("t1"), Change(parameters=LOWER))
    approval = await world.approval("t1")
    assert (approval["cause"], approval["comment"]) == ("wrong_intent", "no refund at all")
    await world.edit("t1", status="rejected")
    assert (await world.resume("t1")).code == "decided"
    assert told(await world.label()) == ("wrong_intent", "unclassified", False)
    assert (await world.approval("t1"))["cause"] == "wrong_intent"


@pytest.mark.parametrize("fields", [{"cause": "fraud"}, {"cause": ["other"]}, {"cause": "x", "status": "rejected"}])
async def test_unknown_cause_in_the_document_is_put_back_with_its_code(fields: dict[str, Any]) -> None:
    world = await paused()
    await world.edit("t1", **fields)
    assert (await world.resume("t1")).code == "edit_refused"
    approval = await world.approval("t1")
    assert (approval["status"], approval["cause"]) == ("pending", "")
    assert approval["error"].startswith("bad_cause: cause must be one of wrong_intent, not_wanted")
    assert ((await world.record("t1")).state, await world.label()) == ("AWAITING_APPROVAL", None)


async def test_document_of_before_there_were_causes_is_decided_as_before() -> None:
    world = await paused()
    data = dict(world.store.documents["approvals/t1"][0])
    del data["cause"]
    world.store.write("approvals/t1", data)
    await world.edit("t1", status="rejected")
    assert (await world.resume("t1")).code == "decided"
    assert told(await world.label()) == ("other", None, None)
