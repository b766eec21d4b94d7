"""The ways out of AWAITING_APPROVAL."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import Refused
from shared.task import waiting
from shared.task.moves import Skip
from tests.unit.task.records import BY_KEY, EXPIRY, LATER, OPS, PARAMETERS, RECORDS, Arrow, born


def test_approval_of_what_was_shown_keeps_the_generation() -> None:
    record = waiting.approve(born("approve"), OPS, LATER, intent=BY_KEY, parameters=PARAMETERS, comment="ok")
    assert (record.generation, record.params_hash) == (1, born().params_hash)
    assert record.approval is not None
    assert (record.approval.by, record.approval.at, record.approval.comment) == (OPS.name, LATER, "ok")


def test_edited_parameters_are_a_new_generation_with_a_hash_of_their_own() -> None:
    edited = PARAMETERS | {"amount_minor": 100}
    record = waiting.approve(born("approve"), OPS, LATER, intent=BY_KEY, parameters=edited, reasons=["ceiling: over"])
    assert (record.generation, record.parameters) == (2, edited)
    assert record.params_hash != born().params_hash
    assert record.outbox is not None
    assert record.outbox.generation == 2
    assert record.decision.reasons == ["edited: ceiling: over"]


@pytest.mark.parametrize(
    "decide",
    [
        lambda r: waiting.reject(r, OPS, EXPIRY),
        lambda r: waiting.approve(r, OPS, EXPIRY, intent=BY_KEY, parameters=PARAMETERS),
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
