"""A file of labels is hostile input: what cannot be used is refused with its line, its field and the cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.calibrate.labels import digest, read
from infra.errors import StackError
from infra.evaluate.tickets import MAX_LINE_BYTES
from tests.unit.infra.calibrate.made import NOW, label, run_of, written

GOOD: dict[str, Any] = json.loads(label(1).model_dump_json())


def test_labels_are_read_from_the_oldest_on(tmp_path: Path) -> None:
    made = run_of((3, {}), (1, {"right": None}))  # of words that were edited since, nobody knows
    assert read(written(tmp_path / "labels.jsonl", reversed(made)), NOW) == made


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"confidence": 1.5}, "field 'confidence'"),
        ({"confidence": "0.9"}, "field 'confidence'"),
        ({"right": "yes"}, "field 'right'"),
        ({"right": False}, "field 'right': cannot be false where the verdict is 'right'"),
        ({"verdict": "not_wanted"}, "field 'right': cannot be true where the verdict is 'not_wanted'"),
        ({"verdict": "wrong_intent"}, "field 'right': cannot be true where the verdict is 'wrong_intent'"),
        ({"verdict": "approved"}, "field 'verdict'"),
        ({"drawn": "chosen"}, "field 'drawn'"),
        ({"at": "2026-09-01T08:00:00"}, "field 'at': needs an offset"),
        ({"at": "2126-09-01T08:00:00Z"}, "field 'at': lies in the future"),
        ({"at": "yesterday"}, "field 'at'"),
        ({"extra": 1}, "field 'extra'"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{json.dumps(GOOD | {'task_id': 't2'} | change)}\n")
    with pytest.raises(StackError) as refused:
        read(path, NOW)
    assert f"{path}, line 3, {says}" in str(refused.value)
    assert str(refused.value).endswith("or leave the line out")


@pytest.mark.parametrize("line", ["{", "[]", '{"task_id": NaN}', '{"task_id": "a", "task_id": "b"}', "[" * 10_000])
def test_what_is_no_label_is_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(line)
    with pytest.raises(StackError, match="line 1"):
        read(path, NOW)


def test_a_line_without_end_is_not_read_to_it(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"task_id": "' + "x" * MAX_LINE_BYTES)
    with pytest.raises(StackError, match="is over"):
        read(path, NOW)


def test_a_task_counts_once(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"line 3, field 'task_id': line 1 is about 'task-0', too"):
        read(written(tmp_path / "labels.jsonl", [label(0), label(1), label(0, confidence=0.8)]), NOW)


def test_a_file_without_labels_and_one_that_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("\n")
    with pytest.raises(StackError, match="holds no labels"):
        read(tmp_path / "none.jsonl", NOW)
    with pytest.raises(StackError, match="cannot be read"):
        read(tmp_path / "nowhere.jsonl", NOW)


def test_digest_is_of_what_is_proof_alone() -> None:
    assert digest([label(1)]) == digest([label(1, text="some words", by="kim@example.com")])
    assert digest([label(1)]) != digest([label(1, confidence=0.91)])
