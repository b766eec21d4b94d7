"""What happens to a task while its effect is looked up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.records.decisions import Change, edit
from shared.task.moves import Person
from tests.steps.planning import POINTER, Planning
from tests.world import (
    REFUND,
    World,
    paused,
)


def during(world: World, late: bool, act: Callable[[], Any]) -> Planning:
    """Return a handler during whose plan, or during the write of it, somebody acts."""

    async def meanwhile(*_: Any) -> str:
        if late:
            world.network.before_commit = act
        else:
            await act()
        return "fine"

    return Planning(meanwhile)


LATE = pytest.mark.parametrize("late", [False, True], ids=["while it looks", "while it writes"])


@LATE
@pytest.mark.parametrize("wish", [{"decision": "reject"}, {"decision": "approve"}], ids=str)
async def test_what_was_decided_meanwhile_gets_no_plan(wish: dict[str, Any], late: bool) -> None:
    world = await paused()
    assert (await world.execute("t1", during(world, late, lambda: world.decide("t1", **wish)))).code == "already_done"
    assert ((await world.approval("t1"))["plan"], (await world.record("t1")).review.plan) == ("", "")


@LATE
async def test_plan_of_other_parameters_than_the_task_has_now_is_not_kept(late: bool) -> None:
    world = await paused()

    async def edited() -> None:
        change = Change(parameters=REFUND[1]["parameters"] | {"amount_minor": 1000})
        await edit(world.ports, "t1", Person("ops@example.com", "console"), await world.look("t1"), change)

    assert (await world.execute("t1", during(world, late, edited))).code == "already_done"
    approval = await world.approval("t1")
    assert (approval["plan"], approval["parameters"]["amount_minor"], approval["generation"]) == ("", 1000, 2)
    assert world.publisher.on("intent-refund-request")[-1] == POINTER | {"generation": 2}  # it is looked up anew


@LATE
@pytest.mark.parametrize(("status", "state"), [("approved", "READY"), ("rejected", "REJECTED")])
async def test_decision_that_is_just_being_written_stays_and_holds(status: str, state: str, late: bool) -> None:
    world = await paused()
    assert (await world.execute("t1", during(world, late, lambda: world.edit("t1", status=status)))).code == "previewed"
    approval = await world.approval("t1")
    assert (approval["status"], approval["plan"], (await world.record("t1")).review.plan) == (status, "", "fine")
    assert (await world.resume("t1")).code == "decided"
    record, approval = await world.record("t1"), await world.approval("t1")
    assert (record.state, record.review.plan, approval["plan"]) == (state, "fine", "fine")


async def test_half_made_edit_survives_the_preview() -> None:
    world = await paused()
    parameters = REFUND[1]["parameters"] | {"amount_minor": 1000}

    async def edits() -> None:
        await world.edit("t1", parameters=parameters, comment="less")

    world.network.before_commit = edits
    await world.execute("t1", Planning("fine"))
    approval = await world.approval("t1")
    assert (approval["parameters"], approval["comment"], approval["plan"]) == (parameters, "less", "fine")
    assert (await world.resume("t1")).code == "edited"
    approval = await world.approval("t1")
    assert (approval["parameters"], approval["comment"], approval["plan"]) == (parameters, "less", "")
    await world.edit("t1", status="approved")
    assert (await world.resume("t1")).code == "decided"
    assert (await world.record("t1")).parameters == parameters


async def test_deleted_approval_is_not_made_anew() -> None:
    world = await paused()
    world.store.delete("approvals/t1")
    assert (await world.execute("t1", Planning("fine"))).code == "previewed"
    assert world.store.all("approvals") == []
    assert (await world.record("t1")).review.plan == "fine"
