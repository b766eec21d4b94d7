"""Messages and documents: strict, closed, frozen, and silent about what they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from shared.canonical import canonical_json, params_hash, task_id_for
from shared.task.approval import Approval
from shared.task.schemas import MAX_PAYLOAD_BYTES, AutomationTask, TaskReady, TaskRecord
from tests.world import REFUND, paused

TASK: dict[str, Any] = {"task_id": "t1", "source": "helpdesk", "raw_payload": {"text": "hi"}}


def test_task_has_the_lowest_priority_unless_it_says_more() -> None:
    assert AutomationTask(**TASK).priority == 1


@pytest.mark.parametrize(
    "change",
    [
        {"task_id": ""},
        {"task_id": "a/b"},
        {"task_id": "../x"},
        {"task_id": ".x"},
        {"task_id": "x" * 129},
        {"task_id": "ä"},
        {"task_id": "a b"},
        {"task_id": "t1\n"},
        {"task_id": 1},
        {"source": ""},
        {"source": "Zendesk"},
        {"source": "a/b"},
        {"source": "x" * 64},
        {"priority": 0},
        {"priority": 6},
        {"priority": "3"},
        {"priority": 1.5},
        {"priority": True},
        {"raw_payload": []},
        {"raw_payload": "{}"},
        {"raw_payload": None},
        {"raw_payload": {"n": float("inf")}},
        {"metadata": {"a": 1}},
        {"metadata": []},
        {"metadata": {"": "x"}},
        {"metadata": {"__name__": "x"}},
        {"metadata": {"k" * 101: "x"}},
        {"metadata": {"k": "x" * 20_000}},
        {"extra": 1},
    ],
)
def test_task_that_is_not_one_is_refused_without_repeating_it(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        AutomationTask.model_validate(TASK | change)
    assert "input_value" not in str(error.value)


def test_labels_that_a_document_can_hold_are_taken() -> None:
    assert AutomationTask(**TASK, metadata={"X-Header Name": "ä", "_a.b": ""}).metadata


def test_payload_is_measured_in_bytes_as_json() -> None:
    around = len(canonical_json({"t": ""}))
    fits = {"t": "é" * ((MAX_PAYLOAD_BYTES - around) // 2)}
    assert AutomationTask.model_validate(TASK | {"raw_payload": fits})
    with pytest.raises(ValidationError):
        AutomationTask.model_validate(TASK | {"raw_payload": {"t": fits["t"] + "xx"}})


def test_task_crosses_the_bus_exactly() -> None:
    task = AutomationTask(**TASK, metadata={"k": "v"}, priority=5)
    assert AutomationTask.model_validate_json(task.model_dump_json()) == task


def test_pointer_of_a_later_schema_is_refused() -> None:
    with pytest.raises(ValidationError):
        TaskReady.model_validate_json('{"task_id":"t1","generation":1,"schema_version":2}')


async def test_documents_are_strict_closed_and_frozen() -> None:
    world = await paused()
    record = await world.record("t1")
    data = record.model_dump()
    assert data["history"][0]["from"] == ""
    for change in ({"extra": 1}, {"generation": "1"}, {"state": "DONE"}, {"schema_version": 2}, {"generation": 0}):
        with pytest.raises(ValidationError):
            TaskRecord.model_validate(data | change)
    with pytest.raises(ValidationError):
        record.state = "READY"  # type: ignore[misc]
    assert Approval.model_validate(await world.approval("t1")).status == "pending"


async def test_payload_is_one_string_in_the_document() -> None:
    world = await paused()
    record = await world.record("t1")
    assert json.loads(record.payload) == REFUND[0].raw_payload
    assert record.raw_payload == REFUND[0].raw_payload


async def test_people_are_shown_what_would_run_or_what_the_model_said() -> None:
    record = await (await paused()).record("t1")
    assert record.shown_parameters == record.parameters == REFUND[1]["parameters"]
    assert record.model_copy(update={"parameters": {}}).shown_parameters == record.classification.parameters


def test_hash_covers_intent_version_and_parameters_in_any_order() -> None:
    base = params_hash("a", 1, {"x": 1, "y": "2"})
    assert base == params_hash("a", 1, {"y": "2", "x": 1})
    others = [
        params_hash("b", 1, {"x": 1, "y": "2"}),
        params_hash("a", 2, {"x": 1, "y": "2"}),
        params_hash("a", 1, {"x": 1, "y": 2}),
        params_hash("a", 1, {"x": 1}),
    ]
    assert len({base, *others}) == 5


def test_same_fact_has_the_same_id_and_ids_are_valid() -> None:
    assert task_id_for("slack:C1:17.5") == task_id_for("slack:C1:17.5") != task_id_for("slack:C1:17.6")
    assert AutomationTask.model_validate(TASK | {"task_id": task_id_for("x")})
    assert len(task_id_for("x")) == 26


def test_canonical_json_has_no_room_for_choice() -> None:
    assert canonical_json({"b": 1, "a": "ä"}) == '{"a":"ä","b":1}'.encode()
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"a": float("nan")})
