"""Every arrow of the state machine, from every state: taken or refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import Refused, Skip
from shared.task import execution, repair, waiting
from shared.task.schemas import TERMINAL, TaskRecord
from tests.unit.task.records import (
    BUSY,
    BY_KEY,
    EXPIRY,
    KEYLESS,
    LATER,
    NOW,
    OPS,
    PARAMETERS,
    RECORDS,
    RESULT,
    Arrow,
    claimed,
    redrive,
)

# arrow: how to take it; from which states it may be taken, and where it leads; what the others are told.
ARROWS: dict[str, tuple[Arrow, dict[str, str], type[Exception]]] = {
    "approve": (
        lambda r: waiting.approve(r, OPS, LATER, intent=BY_KEY),
        {"AWAITING_APPROVAL": "READY"},
        Refused,
    ),
    "approve as the first of two": (
        lambda r: waiting.approve(r, OPS, LATER, intent=BY_KEY, needed=2),
        {"AWAITING_APPROVAL": "AWAITING_APPROVAL"},
        Refused,
    ),
    "edit": (
        lambda r: waiting.edit(waiting.changed(r, OPS, intent=BY_KEY, parameters=PARAMETERS), OPS, LATER),
        {"AWAITING_APPROVAL": "AWAITING_APPROVAL"},
        Refused,
    ),
    "reject": (lambda r: waiting.reject(r, OPS, LATER), {"AWAITING_APPROVAL": "REJECTED"}, Refused),
    "expire": (lambda r: waiting.expire(r, EXPIRY), {"AWAITING_APPROVAL": "EXPIRED"}, Skip),
    "claim": (lambda r: claimed(r, message_id="other"), {"READY": "EXECUTING"}, Skip),
    "start": (
        lambda r: execution.start(r, 1, BY_KEY, NOW, None),
        dict.fromkeys(BUSY, "EXECUTING"),
        Skip,
    ),
    "start refused by policy": (
        lambda r: execution.start(r, 1, BY_KEY, NOW, "intent_disabled"),
        {"EXECUTING_UNSTARTED": "FAILED", "EXECUTING": "UNKNOWN"},
        Skip,
    ),
    "start while switched off": (
        lambda r: execution.start(r, 1, BY_KEY, NOW, execution.SWITCHED_OFF),
        {"EXECUTING_UNSTARTED": "READY", "EXECUTING": "UNKNOWN"},
        Skip,
    ),
    "ask people after all": (
        lambda r: execution.ask(r, 1, r.exec.epoch, NOW, reason="breaker: open", patience=timedelta(hours=1)),
        {"READY": "AWAITING_APPROVAL", "EXECUTING_UNSTARTED": "AWAITING_APPROVAL"},
        Skip,
    ),
    "succeed": (lambda r: execution.succeed(r, 1, RESULT, None, NOW), dict.fromkeys(BUSY, "SUCCEEDED"), Skip),
    "fail": (
        lambda r: execution.fail(r, 1, NOW, code="no", message="no"),
        dict.fromkeys(BUSY, "FAILED"),
        Skip,
    ),
    "retry": (lambda r: execution.retry(r, 1, BY_KEY, NOW, code="429"), dict.fromkeys(BUSY, "READY"), Skip),
    "ambiguous by key": (
        lambda r: execution.ambiguous(r, 1, BY_KEY, NOW, code="timeout"),
        dict.fromkeys(BUSY, "READY"),
        Skip,
    ),
    "ambiguous without key": (
        lambda r: execution.ambiguous(r, 1, KEYLESS, NOW, code="timeout"),
        {"EXECUTING": "UNKNOWN", "EXECUTING_UNSTARTED": "READY"},
        Skip,
    ),
    "reconciled as applied": (
        lambda r: repair.reconciled(r, 1, "applied", NOW),
        {"UNKNOWN": "SUCCEEDED"},
        Skip,
    ),
    "reconciled as not applied": (
        lambda r: repair.reconciled(r, 1, "not_applied", NOW),
        {"UNKNOWN": "FAILED"},
        Skip,
    ),
    "settle as applied": (
        lambda r: repair.settle(r, OPS, "applied", "seen", NOW, looked_at=NOW),
        {"UNKNOWN": "SUCCEEDED"},
        Refused,
    ),
    "settle as not applied": (
        lambda r: repair.settle(r, OPS, "not_applied", "seen", LATER, looked_at=LATER),
        {"UNKNOWN": "FAILED"},
        Refused,
    ),
    "redrive with verdict": (
        lambda r: redrive(r, not_applied=True),
        dict.fromkeys(("FAILED", "UNKNOWN", "EXPIRED", "REJECTED", "CANCELLED"), "READY"),
        Refused,
    ),
    "redrive out of a list": (
        lambda r: redrive(r, not_applied=True, approves=False),
        dict.fromkeys(("EXPIRED", "REJECTED"), "AWAITING_APPROVAL")
        | dict.fromkeys(("FAILED", "UNKNOWN", "CANCELLED"), "READY"),  # they ran, or would have, without a person
        Refused,
    ),
    "redrive where two must approve": (
        lambda r: redrive(r, not_applied=True, needed=2),
        dict.fromkeys(("FAILED", "UNKNOWN", "EXPIRED", "REJECTED", "CANCELLED"), "AWAITING_APPROVAL"),
        Refused,
    ),
    "cancel": (
        lambda r: repair.cancel(r, OPS, "mistake", NOW),
        dict.fromkeys(("READY", "AWAITING_APPROVAL", "EXECUTING_UNSTARTED"), "CANCELLED"),
        Refused,
    ),
    "dead_lettered": (lambda r: repair.dead_lettered(r, 1, NOW), {"READY": "FAILED"}, Skip),
}
PAIRS = [(arrow, state) for arrow in ARROWS for state in RECORDS]


@pytest.mark.parametrize(("arrow", "state"), PAIRS)
def test_arrow_is_taken_from_its_own_states_and_refused_from_all_others(arrow: str, state: str) -> None:
    take, allowed, refusal = ARROWS[arrow]
    before = RECORDS[state]
    if state not in allowed:
        with pytest.raises(refusal):
            take(before)
        return
    after = take(before)
    assert after.state == allowed[state]
    assert after.generation >= before.generation
    assert after.exec.epoch >= before.exec.epoch
    TaskRecord.model_validate(after.model_dump())


@pytest.mark.parametrize(("arrow", "state"), PAIRS)
def test_change_of_state_is_one_entry_of_the_history(arrow: str, state: str) -> None:
    take, allowed, _ = ARROWS[arrow]
    before = RECORDS[state]
    if state not in allowed or allowed[state] == before.state:
        return
    after = take(before)
    assert after.history[:-1] == before.history
    assert (after.history[-1].from_state, after.history[-1].to) == (before.state, after.state)


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_end_owes_its_result_and_holds_no_lease(state: str) -> None:
    record = RECORDS[state]
    assert record.outbox is not None
    assert (record.outbox.topic, record.exec.lease_until) == ("results", None)
    assert record.result is not None
    assert record.result.success == (state == "SUCCEEDED")
