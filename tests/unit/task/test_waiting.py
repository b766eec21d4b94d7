"""The ways out of AWAITING_APPROVAL."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import Refused, Skip
from shared.task import waiting
from shared.task.moves import Person
from shared.task.schemas import Followup, Refusal, Review
from tests.unit.task.records import BY_KEY, EXPIRY, LATER, NOW, OPS, PARAMETERS, PATIENCE, RECORDS, Arrow, born


def test_approval_of_what_was_shown_keeps_the_generation() -> None:
    record = waiting.approve(born("approve"), OPS, LATER, intent=BY_KEY, comment="ok")
    assert (record.generation, record.params_hash) == (1, born().params_hash)
    assert record.approval is not None
    assert (record.approval.by, record.approval.at, record.approval.comment) == (OPS.name, LATER, "ok")
    assert record.review.approvals == [record.approval]


def test_edited_parameters_are_a_new_generation_with_a_hash_of_their_own() -> None:
    edited = PARAMETERS | {"amount_minor": 100}
    record = waiting.changed(born("approve"), OPS, intent=BY_KEY, parameters=edited, reasons=["ceiling: over"])
    assert (record.state, record.generation, record.parameters) == ("AWAITING_APPROVAL", 2, edited)
    assert record.params_hash != born().params_hash
    assert record.review.edited_by == OPS.name
    assert record.decision.reasons == ["edited: ceiling: over"]
    approved = waiting.approve(record, OPS, LATER, intent=BY_KEY, why=", edited")
    assert (approved.generation, approved.parameters, approved.history[-1].why) == (2, edited, "approved, edited")
    assert approved.outbox is not None
    assert approved.outbox.generation == 2


def test_change_voids_what_was_approved_planned_and_said_of_an_earlier_one() -> None:
    refusal = Refusal(at=NOW, by="somebody@example.com", code="params_changed")
    record = waiting.approve(born("approve"), OPS, NOW, intent=BY_KEY, needed=2)
    record = waiting.refused(waiting.planned(record, "refund 25.00 USD", NOW), refusal, "params_changed: look again")
    record = waiting.changed(record, OPS, intent=BY_KEY, parameters=PARAMETERS, reasons=["ceiling: over"])
    assert record.review == Review(edited_by=OPS.name, refusals=[refusal])
    again = waiting.changed(record, OPS, intent=BY_KEY, parameters=PARAMETERS, reasons=["confidence: low"])
    assert (again.generation, again.decision.reasons) == (3, ["edited: confidence: low"])


def test_draft_is_shown_and_cannot_run() -> None:
    draft = {"order_id": "no spaces please"}
    record = waiting.changed(born("approve"), OPS, intent=BY_KEY, parameters=draft, is_draft=True)
    assert (record.intent_version, record.parameters, record.review.draft) == (0, {}, draft)
    assert record.shown_parameters == draft
    assert record.params_hash != born().params_hash


def test_task_waits_until_as_many_have_approved_as_it_takes() -> None:
    other = Person("second@example.com", "console")
    first = waiting.approve(born("approve"), OPS, NOW, intent=BY_KEY, needed=2)
    assert (first.state, first.approval, first.generation) == ("AWAITING_APPROVAL", None, 1)
    assert first.history[-1].why == "approved, 1 of 2"
    assert first.decision.expires_at == EXPIRY  # nobody wins time by approving
    second = waiting.approve(first, other, LATER, intent=BY_KEY, needed=2)
    assert (second.state, [a.by for a in second.review.approvals]) == ("READY", [OPS.name, other.name])
    assert second.approval == second.review.approvals[-1]


def test_plan_is_one_printable_line_with_an_end() -> None:
    record = waiting.planned(born("approve"), "refund\n\x1b[31m25.00 USD " + "x" * 600, LATER)
    assert record.review.plan.startswith("refund  [31m25.00 USD xxx")
    assert (len(record.review.plan), record.review.plan_at) == (waiting.MAX_PLAN_CHARS, LATER)


def test_only_the_last_refusals_are_kept() -> None:
    record = born("approve")
    for number in range(waiting.MAX_REFUSALS + 2):
        refusal = Refusal(at=NOW, by=f"p{number}", code="bad_status")
        record = waiting.refused(record, refusal, f"bad_status: {number}")
    assert [r.by for r in record.review.refusals] == [f"p{n}" for n in range(2, waiting.MAX_REFUSALS + 2)]
    assert record.review.error == f"bad_status: {waiting.MAX_REFUSALS + 1}"
    approved = waiting.approve(record, OPS, LATER, intent=BY_KEY)
    assert (approved.review.error, len(approved.review.refusals)) == ("", waiting.MAX_REFUSALS)


def test_words_taken_back_void_an_approval_that_is_not_yet_enough() -> None:
    first = waiting.approve(born("approve"), OPS, NOW, intent=BY_KEY, needed=2)
    told = Followup(kind="edited", at=LATER, text="twice that")
    after = waiting.follow_up(first, told, "changed_since: edited", LATER, patience=PATIENCE)
    assert (after.state, after.review.approvals) == ("AWAITING_APPROVAL", [])


@pytest.mark.parametrize(
    "decide",
    [
        lambda r: waiting.reject(r, OPS, EXPIRY),
        lambda r: waiting.approve(r, OPS, EXPIRY, intent=BY_KEY),
        lambda r: waiting.approve(r, OPS, EXPIRY, intent=BY_KEY, needed=2),
        lambda r: waiting.edit(waiting.changed(r, OPS, intent=BY_KEY, parameters=PARAMETERS), OPS, EXPIRY),
    ],
)
def test_decision_at_the_moment_of_expiry_is_too_late(decide: Arrow) -> None:
    with pytest.raises(Refused) as refused:
        decide(born("approve"))
    assert refused.value.code == "expired"
    with pytest.raises(Skip):
        waiting.expire(born("approve"), EXPIRY - timedelta(microseconds=1))


def test_expiry_is_not_a_persons_no() -> None:
    record = RECORDS["EXPIRED"]
    assert (record.history[-1].by, record.approval) == ("system:expiry", None)


def test_source_that_tells_of_changes_without_end_makes_no_task_grow_without_end() -> None:
    record = born("approve")
    for n in range(200):
        told = Followup(kind="edited", at=NOW, revision=str(n), text="x")
        record = waiting.follow_up(
            record, told, "changed_since: the words were edited", NOW, patience=timedelta(hours=1)
        )
    assert record.decision.reasons.count("changed_since: the words were edited") == 1
    for n in range(200):
        told = Followup(kind="repeated", at=NOW, task_id=f"t{n}")
        record = waiting.follow_up(record, told, f"repeated: like task t{n}", NOW, patience=timedelta(hours=1))
    assert (len(record.decision.reasons), len(record.followups)) == (50, 20)
