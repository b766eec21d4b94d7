"""Labels as people would have made them, and files of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from shared.task.label import Label

BEGAN = datetime(2026, 9, 1, 8, tzinfo=UTC)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOURLY = timedelta(hours=1)
RIGHT: dict[str, Any] = {"verdict": "right", "right": True}
WRONG: dict[str, Any] = {"verdict": "wrong_intent", "right": False, "intent": "unclassified"}
REFUSED: dict[str, Any] = {"verdict": "not_wanted", "right": None}


def label(number: int = 0, **changes: Any) -> Label:
    """Return one label: a task on probation, an hour after the one before, approved as it was shown."""
    whole: dict[str, Any] = {
        "task_id": f"task-{number}",
        "at": BEGAN + number * HOURLY,
        "by": "mara@example.com",
        "source": "zendesk",
        "said": "order_status",
        "confidence": 0.9,
        "model": "m",
        "prompt_version": "p1",
        "intent": "order_status",
        "drawn": "probation",
        "text_sha256": "",
        **RIGHT,
    }
    return Label.model_validate(whole | changes)


def run_of(*parts: tuple[int, dict[str, Any]]) -> list[Label]:
    """Return so many labels of each kind, hour after hour."""
    numbers = count()
    return [label(next(numbers), **changes) for many, changes in parts for _ in range(many)]


def written(path: Path, labels: Iterable[Label]) -> Path:
    """Write labels as an export holds them."""
    path.write_text("".join(x.model_dump_json() + "\n" for x in labels), encoding="utf-8")
    return path
