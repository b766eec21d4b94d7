"""Writes into the approval document: judged by what they changed and by who made them, in any order of the events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.intent.outcomes import Permanent
from shared.records.edits import Edit
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.world import REFUND, World, paused, says, ticket

LEAD, INTERN = "lead@example.com", "intern@example.com"
LEADS = {"*": frozenset({LEAD})}
HIGHER = {"order_id": "#10021", "amount_minor": 900_000, "currency": "USD"}
LOWER = {"order_id": "#10021", "amount_minor": 1000, "currency": "USD"}


KAY = Person("kay@example.com", "console")


async def write(world: World, by: str, **fields: Any) -> Edit:
    """Write into the approval document without anybody having heard of it yet."""
    return replace(await world.edit("t1", **fields), author=Person(by, "firestore"))


async def hear(world: World, *edits: Edit) -> list[str]:
    return [(await world.resume("t1", edit, author=edit.author.name)).code for edit in edits]


async def test_edit_by_somebody_who_may_not_decide_is_put_back_at_once_and_recorded() -> None:
    world, handler = await paused(approvers=LEADS), ScriptedHandler()
    shown = await world.approval("t1")
    assert await hear(world, await write(world, INTERN, parameters=HIGHER)) == ["edit_refused"]
    approval = await world.approval("t1")
    assert (approval["parameters"], approval["params_hash"]) == (shown["parameters"], shown["params_hash"])
    assert [(r["by"], r["code"]) for r in approval["refusals"]] == [(INTERN, "not_an_approver")]
    assert await hear(world, await write(world, LEAD, status="approved")) == ["decided"]
    await world.execute("t1", handler)
    assert handler.calls[0][0].model_dump() == REFUND[1]["parameters"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    "field",
    [{"parameters": HIGHER}, {"intent": "order_status"}, {"plan": "Refund 1.00 USD"}, {"requester_email": INTERN}],
)
async def test_yes_of_an_approver_never_covers_what_somebody_else_has_just_written(
    field: dict[str, Any], order: tuple[int, int]
) -> None:
    world = await paused(approvers=LEADS)
    edits = [await write(world, INTERN, **field), await write(world, LEAD, status="approved")]
    await hear(world, *(edits[n] for n in order))
    record = await world.record("t1")
    if record.state == "READY":  # only a plan is no part of what would run: what was approved is what was asked about
        assert "plan" in field
        assert (record.parameters, record.approval and record.approval.by) == (REFUND[1]["parameters"], LEAD)
    else:
        assert record.state == "AWAITING_APPROVAL"
    assert (record.intent, record.parameters) == ("refund_request", REFUND[1]["parameters"])
    assert record.state == "READY" or INTERN in {r.by for r in record.review.refusals}


async def test_edit_by_an_approver_is_asked_anew_with_a_plan_and_hash_of_its_own() -> None:
    world, handler = await paused(approvers={"*": frozenset({LEAD, "kay@example.com"})}), ScriptedHandler()
    before = await world.approval("t1")
    world.publisher.messages.clear()
    assert await hear(world, await write(world, LEAD, parameters=LOWER)) == ["edited"]
    approval = await world.approval("t1")
    assert (approval["parameters"], approval["edited_by"], approval["generation"]) == (LOWER, LEAD, 2)
    assert approval["params_hash"] != before["params_hash"]
    assert (approval["status"], approval["plan"], approval["error"]) == ("pending", "", None)
    assert world.publisher.on("intent-refund-request") == [{"task_id": "t1", "generation": 2, "schema_version": 1}]
    assert await hear(world, await write(world, "kay@example.com", status="approved")) == ["decided"]
    await world.execute("t1", handler)
    assert handler.calls[0][0].amount_minor == 1000


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_two_approvers_who_write_at_once_ask_again_instead_of_mixing(order: tuple[int, int]) -> None:
    world = await paused()
    edits = [await write(world, LEAD, parameters=LOWER), await write(world, "kay@example.com", status="approved")]
    codes = await hear(world, *(edits[n] for n in order))
    assert sorted(codes) == ["edit_refused", "edited"]
    record = await world.record("t1")
    assert (record.state, record.parameters, record.review.edited_by) == ("AWAITING_APPROVAL", LOWER, LEAD)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("approvers", [{}, LEADS])
async def test_comment_of_somebody_else_makes_no_decision_theirs(order: tuple[int, int], approvers: Any) -> None:
    world = await paused(approvers=approvers)
    edits = [await write(world, LEAD, status="approved"), await write(world, INTERN, comment="hm")]
    await hear(world, *(edits[n] for n in order))
    record = await world.record("t1")
    assert (record.state, record.approval and record.approval.by) == ("READY", LEAD)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_comment_of_an_approver_approves_nothing(order: tuple[int, int]) -> None:
    world = await paused(approvers=LEADS)
    edits = [
        await write(world, INTERN, status="approved", parameters=HIGHER),
        await write(world, LEAD, comment="who wants that?"),
    ]
    await hear(world, *(edits[n] for n in order))
    approval = await world.approval("t1")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    assert (approval["status"], approval["parameters"]) == ("pending", REFUND[1]["parameters"])
    assert [(r["by"], r["code"]) for r in approval["refusals"]] == [(INTERN, "not_an_approver")]


async def test_what_does_not_hold_yet_stays_as_a_draft_until_it_does() -> None:
    world, handler = await paused((ticket("Where is #47384?"), says("out_of_scope"))), ScriptedHandler()
    assert await hear(world, await write(world, LEAD, intent="order_status")) == ["edited"]
    assert (await world.approval("t1"))["intent"] == "order_status"
    assert await hear(world, await write(world, LEAD, status="approved")) == ["edit_refused"]
    assert (await world.approval("t1"))["error"].startswith("parameters_invalid: ")
    assert await hear(world, await write(world, LEAD, parameters={"order_id": "#47384", "note": ""})) == ["edited"]
    assert (await world.approval("t1"))["parameters"] == {"order_id": "#47384", "note": ""}
    assert await hear(world, await write(world, LEAD, parameters={"order_id": "#47384"})) == ["edited"]
    assert await hear(world, await write(world, LEAD, status="approved")) == ["decided"]
    await world.execute("t1", handler)
    assert handler.calls[0][0].order_id == "#47384"


@pytest.mark.parametrize("kind", [{"is_person": False}, {"name": "run@p.iam.gserviceaccount.com", "is_person": False}])
async def test_account_that_is_no_person_decides_only_where_it_is_named(kind: dict[str, Any]) -> None:
    robot = replace(Person("robot@example.com", "firestore"), **kind)
    world = await paused()
    edit = replace(await world.edit("t1", status="approved"), author=robot)
    from shared.records.edits import take

    assert (await take(world.ports, edit)).fields["error_code"] == "not_a_person"
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    world.set(approvers={"refund_request": frozenset({robot.name})})
    edit = replace(await world.edit("t1", status="approved"), author=robot)
    assert (await take(world.ports, edit)).code == "decided"


async def test_decision_whose_event_was_lost_is_asked_for_again_for_nobody_knows_whose_it_was() -> None:
    world = await paused()
    await world.edit("t1", status="approved")
    world.pass_time(minutes=3)
    assert await world.sweep() == {"asked_again": 1}
    approval = await world.approval("t1")
    assert (approval["status"], approval["error"].partition(":")[0]) == ("pending", "unattributed")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    assert await world.sweep() == {}


async def test_late_copy_of_an_event_decides_nothing_about_a_later_generation() -> None:
    from shared.records.repairs import redrive

    world = await paused()
    edit = await write(world, LEAD, status="approved")
    assert await hear(world, edit) == ["decided"]
    await world.execute("t1", ScriptedHandler(Permanent("no")))
    world.store.put("tasks/t1", approval=None)  # as if nobody had approved: a redrive in bulk asks again
    await redrive(world.ports, "t1", KAY, await world.look("t1", alone=False), reason="again")
    assert await hear(world, edit) == ["edit_refused"]
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_plan_of_other_parameters_is_not_shown_beside_edited_ones() -> None:
    world = await paused()

    class Planner(ScriptedHandler):
        async def plan(self, params: Any, ctx: Any) -> str:
            if params.amount_minor == 2500:
                await hear(world, await write(world, LEAD, parameters=LOWER))
            return f"Refund {params.amount_minor}"

    assert (await world.execute("t1", Planner())).code == "already_done"
    assert (await world.approval("t1"))["plan"] == ""
    assert (await world.execute("t1", Planner())).code == "previewed"
    assert (await world.approval("t1"))["plan"] == "Refund 1000"


async def test_edit_that_changes_nothing_voids_nothing() -> None:
    from shared.errors import Unprocessable
    from shared.records.decisions import Change, edit

    world = await paused()
    before = await world.record("t1")
    for change in (Change(), Change(intent="refund_request", parameters=dict(before.parameters))):
        with pytest.raises(Unprocessable) as refused:
            await edit(world.ports, "t1", KAY, await world.look("t1"), change)
        assert (refused.value.code, await world.record("t1")) == ("unchanged", before)
