"""Decisions written straight into the approval document: with their author, or answered where they were written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import StoreUnavailable
from shared.intent.outcomes import Permanent
from shared.records.edits import NOBODY, Edit
from shared.task.schemas import Review
from tests.scripted import ScriptedHandler
from tests.store import BEGINNING
from tests.world import REFUND, World, paused, says, ticket


@pytest.mark.parametrize(("status", "state"), [("approved", "READY"), ("rejected", "REJECTED")])
async def test_decision_in_the_document_is_applied_with_the_author_of_the_event(status: str, state: str) -> None:
    world = await paused()
    await world.edit("t1", status=status, comment="seen")
    assert (await world.resume("t1", author="kay@example.com")).code == "decided"
    record = await world.record("t1")
    assert record.approval is not None
    assert (record.state, record.approval.by, record.approval.channel, record.approval.comment) == (
        state,
        "kay@example.com",
        "firestore",
        "seen",
    )


async def test_name_in_the_document_is_not_the_author() -> None:
    world = await paused()
    await world.edit("t1", status="approved", decided_by="ceo@example.com")
    outcome = await world.resume("t1", author="kay@example.com")
    assert (outcome.fields["error_code"], outcome.fields["author"]) == ("immutable_field", "kay@example.com")
    assert (await world.approval("t1"))["decided_by"] is None
    await world.edit("t1", status="approved")
    await world.resume("t1", author="kay@example.com")
    assert (await world.approval("t1"))["decided_by"] == "kay@example.com"


async def test_of_two_decisions_at_odds_the_later_write_counts_in_any_order_of_the_events() -> None:
    for order in (0, 1):
        world = await paused()
        edits = [await world.edit("t1", status="approved"), await world.edit("t1", status="rejected")]
        codes = [(await world.resume("t1", edit, author="kay@example.com")).code for edit in edits[:: 1 - 2 * order]]
        assert codes == (["stale_event", "decided"] if order == 0 else ["decided", "edited_after_decision"])
        assert (await world.record("t1")).state == "REJECTED"


async def test_own_writes_to_the_document_cause_nothing() -> None:
    world = await paused()
    assert (await world.resume("t1")).code == "nothing_to_do"
    await world.decide("t1")
    before = await world.record("t1")
    assert (await world.resume("t1")).code == "nothing_to_do"
    assert await world.record("t1") == before


@pytest.mark.parametrize(
    "status", ["APPROVED", "yes", "", "approve", " approved", "expired", 1, None, True, ["approved"]]
)
async def test_status_nobody_understands_is_answered_in_the_document_which_waits_on(status: Any) -> None:
    world = await paused()
    await world.edit("t1", status=status)
    assert (await world.resume("t1")).code == "edit_refused"
    approval = await world.approval("t1")
    assert (approval["status"], approval["error"]) == ("pending", "bad_status: status must be approved or rejected")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    await world.edit("t1", status="approved")
    await world.resume("t1")
    assert ((await world.record("t1")).state, (await world.approval("t1"))["error"]) == ("READY", None)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"parameters": {"order_id": "#10021", "amount_minor": "25 dollars", "currency": "USD"}}, "parameters_invalid"),
        ({"parameters": {}}, "parameters_invalid"),
        ({"intent": "give_money"}, "unprocessable"),
        ({"params_hash": "0" * 64}, "params_changed"),
        ({"params_hash": None}, "params_changed"),
        ({"generation": 2}, "params_changed"),
    ],
)
async def test_edit_that_does_not_hold_is_answered_in_the_document(edit: dict[str, Any], code: str) -> None:
    world = await paused()
    await world.edit("t1", status="approved", **edit)
    outcome = await world.resume("t1")
    approval = await world.approval("t1")
    assert (outcome.code, outcome.fields["error_code"], approval["status"]) == ("edit_refused", code, "pending")
    assert approval["error"].startswith(f"{code}: ")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


@pytest.mark.parametrize("field", ["parameters", "intent"])
@pytest.mark.parametrize("junk", [7, '{"order_id": "#10021", "amount_minor": 100, "currency": "USD"}' * 2, None, []])
async def test_what_was_shown_does_not_run_when_something_unreadable_was_approved(field: str, junk: Any) -> None:
    world = await paused()
    await world.edit("t1", status="approved", **{field: junk})
    outcome = await world.resume("t1")
    assert outcome.code == "edit_refused"
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    assert (await world.approval("t1"))[field] == (await world.record("t1")).model_dump()[field]


@pytest.mark.parametrize("field", ["comment", "a note of mine"])
@pytest.mark.parametrize("junk", [7, None, [], {}, [7], "x"])
async def test_field_of_another_type_never_breaks_the_step(field: str, junk: Any) -> None:
    world = await paused()
    await world.edit("t1", status="approved", **{field: junk})
    assert (await world.resume("t1")).code == "decided"
    assert (await world.record("t1")).parameters == REFUND[1]["parameters"]


LATER = BEGINNING + timedelta(days=30)


@pytest.mark.parametrize("status", ["approved", "rejected"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task_id", "t2"),
        ("confidence", 1.0),
        ("reasons", []),
        ("reasons", 7),
        ("requested_at", LATER),
        ("expires_at", LATER),
        ("expires_at", None),
        ("expire_at", "never"),
        ("decided_by", "ceo@example.com"),
        ("decided_at", BEGINNING),
        ("outcome", "READY"),
        ("plan", "Refund nothing"),
        ("plan", 7),
        ("plan", None),
        ("plan_at", LATER),
        ("approved_by", ["ceo@example.com"]),
        ("edited_by", "ceo@example.com"),
        ("missing", 0),
        ("error", "all is well"),
        ("refusals", []),
    ],
)
async def test_field_that_only_we_write_is_put_back_and_the_edit_is_refused(
    field: str, value: Any, status: str
) -> None:
    world = await paused()
    await refused_once(world)
    shown = await world.approval("t1")
    await world.edit("t1", status=status, **{field: value})
    outcome = await world.resume("t1", author="kay@example.com")
    approval = await world.approval("t1")
    assert (outcome.code, outcome.severity, outcome.fields["error_code"], outcome.fields["author"]) == (
        "edit_refused",
        "WARNING",
        "immutable_field",
        "kay@example.com",
    )
    assert approval["error"] == f"immutable_field: {field} cannot be edited and is as before; set status again"
    refusal = {"at": world.store.now, "by": "kay@example.com", "code": "immutable_field"}
    assert approval["refusals"] == [*shown["refusals"], refusal]
    audit = {"error", "refusals"}
    assert {k: v for k, v in approval.items() if k not in audit} == {k: v for k, v in shown.items() if k not in audit}
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def refused_once(world: World) -> None:
    """Let the task have a plan, and a refusal behind it."""
    review = Review(plan="Refund 25.00 USD", plan_at=BEGINNING)
    world.store.put("tasks/t1", review=review.model_dump())
    await world.edit("t1", status="perhaps")
    await world.resume("t1")
    world.pass_time(seconds=1)


async def test_every_changed_field_is_named() -> None:
    world = await paused()
    await world.edit("t1", status="approved", reasons=[], confidence=1.0, plan="Refund nothing")
    await world.resume("t1")
    assert (await world.approval("t1"))["error"].startswith("immutable_field: confidence, reasons, plan cannot be")


async def test_the_last_ten_refusals_stay_also_after_the_decision() -> None:
    world = await paused()
    for n in range(12):
        world.pass_time(seconds=1)
        await world.edit("t1", status="perhaps")
        await world.resume("t1", author=f"p{n}@example.com")
    assert len((await world.approval("t1"))["refusals"]) == 10
    await world.edit("t1", status="approved")
    await world.resume("t1")
    approval = await world.approval("t1")
    assert [r["by"] for r in approval["refusals"]] == [f"p{n}@example.com" for n in range(2, 12)]
    assert {r["code"] for r in approval["refusals"]} == {"bad_status"}
    assert approval["outcome"] == "READY"


async def test_edited_parameters_run_as_a_new_generation() -> None:
    world, handler = await paused(), ScriptedHandler()
    await world.edit(
        "t1", status="approved", parameters={"order_id": "#10021", "amount_minor": 1000, "currency": "USD"}
    )
    await world.resume("t1")
    assert (await world.record("t1")).generation == 2
    await world.execute("t1", handler)
    assert handler.calls[0][0].amount_minor == 1000


async def test_unclassified_task_takes_the_intent_that_a_person_sets() -> None:
    world = await paused((ticket("Where is #47384?"), says("out_of_scope")))
    await world.edit("t1", status="approved", intent="order_status", parameters={"order_id": "#47384"})
    await world.resume("t1")
    record = await world.record("t1")
    assert (record.state, record.intent) == ("READY", "order_status")


@pytest.mark.parametrize(
    "edit",
    [
        {"parameters": {"order_id": "#10021", "amount_minor": 999_999, "currency": "USD"}},
        {"status": "rejected"},
        {"status": "approved", "outcome": None, "parameters": {"order_id": "#1", "amount_minor": 1, "currency": "USD"}},
        {"intent": "order_status"},
        {"params_hash": "0" * 64},
    ],
)
async def test_edits_after_the_decision_change_nothing(edit: dict[str, Any]) -> None:
    world, handler = await paused(), ScriptedHandler()
    await world.decide("t1")
    before = await world.record("t1")
    await world.edit("t1", **edit)
    await world.resume("t1", author="late@example.com")
    assert await world.record("t1") == before
    await world.execute("t1", handler)
    assert handler.calls[0][0].model_dump() == REFUND[1]["parameters"]


async def test_change_of_mind_after_the_decision_is_audited() -> None:
    world = await paused()
    await world.decide("t1")
    await world.edit("t1", status="rejected")
    assert (await world.resume("t1")).code == "edited_after_decision"


async def test_decision_after_expiry_is_answered_in_the_document() -> None:
    world = await paused(approval_ttl_s=60)
    world.pass_time(seconds=61)
    await world.edit("t1", status="approved")
    assert (await world.resume("t1")).fields["error_code"] == "expired"
    assert "expired" in (await world.approval("t1"))["error"]


async def test_author_who_may_not_approve_is_told_so_in_the_document() -> None:
    world = await paused(approvers={"*": frozenset({"lead@example.com"})})
    await world.edit("t1", status="approved")
    await world.resume("t1", author="kay@example.com")
    assert (await world.approval("t1"))["error"].startswith("not_an_approver")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_deleted_document_decides_nothing() -> None:
    world = await paused()
    shown = await world.approval("t1")
    world.store.delete("approvals/t1")
    outcome = await world.resume("t1", Edit("t1", NOBODY, shown, None), author="kay@example.com")
    assert (outcome.code, outcome.fields["error_code"]) == ("edit_refused", "deleted")
    approval = await world.approval("t1")
    assert {k: v for k, v in approval.items() if k not in ("error", "refusals")} == {
        k: v for k, v in shown.items() if k not in ("error", "refusals")
    }
    assert [(r["by"], r["code"]) for r in approval["refusals"]] == [("kay@example.com", "deleted")]
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    assert (await world.decide("t1", "reject")).state == "REJECTED"


async def test_document_without_a_task_is_reported() -> None:
    world = World()
    await world.edit("t9", status="approved")
    assert (await world.resume("t9")).code == "no_task"


async def test_edit_while_the_task_runs_changes_nothing() -> None:
    world = await paused()
    await world.decide("t1")

    async def meanwhile(params: Any, ctx: Any) -> Any:
        await world.edit("t1", status="rejected", parameters={})
        await world.resume("t1")
        raise Permanent("no", code="no")

    await world.execute("t1", ScriptedHandler(meanwhile))
    record = await world.record("t1")
    assert (record.state, record.parameters) == ("FAILED", REFUND[1]["parameters"])


async def test_store_that_is_down_sends_the_event_back() -> None:
    world = await paused()
    edit = await world.edit("t1", status="approved")
    world.network.fail_next = [StoreUnavailable("down")]
    with pytest.raises(StoreUnavailable):
        await world.resume("t1", edit)
    assert (await world.resume("t1", edit)).code == "decided"


async def test_refused_edit_is_asked_again_as_it_was_shown_with_the_comment_kept() -> None:
    world = await paused()
    shown = await world.approval("t1")
    edit: dict[str, Any] = {"params_hash": None, "note": "seen", "comment": "looks right", "parameters": {}}
    await world.edit("t1", status="approved", **edit)
    await world.resume("t1")
    approval = await world.approval("t1")
    audit = {"error", "refusals"}
    assert approval["error"].startswith("params_changed: ")
    assert {k: v for k, v in approval.items() if k not in audit} == {
        k: v for k, v in shown.items() if k not in audit
    } | {"comment": "looks right"}
    await world.edit("t1", status="approved")
    assert (await world.resume("t1")).code == "decided"
