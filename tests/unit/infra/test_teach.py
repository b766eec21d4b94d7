"""Labels become weights: the same for the same labels, and a line that cannot be used is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.teach import main
from shared.model.artefact import load
from tests.world import REGISTRY

LABELS: list[dict[str, Any]] = [
    {"text": "my parcel is nowhere to be seen", "intent": "order_status"},
    {"text": "who may I ask about your opening hours", "intent": "unclassified"},
    {"text": "", "intent": "order_status", "text_sha256": "0" * 64},
    {"text": "twice the same request", "intent": None},
]


def taught(folder: Path, labels: list[Any], name: str = "model.bin") -> tuple[int, Path]:
    (folder / "labels.jsonl").write_text("".join(f"{json.dumps(label)}\n" for label in labels))
    return main([str(folder / "labels.jsonl"), str(folder / name)]), folder / name


def test_labels_become_weights_of_kilobytes_and_what_says_nothing_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = taught(tmp_path, LABELS)
    artefact = load(out.read_bytes(), REGISTRY)
    told = capsys.readouterr().out
    assert (status, artefact.decisions) == (0, 2)
    assert told.startswith(f"{artefact.name}: ")
    assert "from 2 labels: order_status 1, unclassified 1" in told
    assert "left out: 1 labels without text, 1 that say no intent" in told


def test_same_labels_make_the_same_bytes_and_others_another_name(tmp_path: Path) -> None:
    first, second = (taught(tmp_path, LABELS, name)[1].read_bytes() for name in ("a", "b"))
    other = taught(tmp_path, LABELS[:1], "c")[1].read_bytes()
    assert first == second
    assert load(other, REGISTRY).name != load(first, REGISTRY).name


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ({"text": "x", "intent": "gift_card"}, "line 1, field 'intent': is 'gift_card', which no folder declares"),
        ({"text": 7, "intent": "order_status"}, "line 1, field 'text': must be a text"),
        ({"text": "x", "intent": ["order_status"]}, "line 1, field 'intent': must be a text"),
        (["x"], "line 1"),
        ({"text": "", "intent": "order_status"}, "teaches nothing: 1 labels without text"),
    ],
)
def test_label_that_cannot_be_used_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], label: Any, why: str
) -> None:
    status, out = taught(tmp_path, [label])
    assert (status, out.exists()) == (1, False)
    assert why in capsys.readouterr().err
