"""Exported labels: a JSONL file in, `Label`s out. A line that cannot be used is named, with the cure."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from infra.errors import StackError
from infra.evaluate.tickets import parsed
from shared.canonical import canonical_json, sha256_hex
from shared.errors import BadRequest
from shared.event.strict_json import parse_object
from shared.task.label import Label
from shared.task.schemas import UNCLASSIFIED

CURE = "export the labels anew with `switchyard labels export`, or leave the line out"
_MAY_BE_RIGHT = ("right", "corrected")


def read(path: Path, now: datetime) -> list[Label]:
    """Return the labels of a file from the oldest on; task ids are unique, and there is at least one.

    Raises:
        StackError: the file cannot be read, or a line of it cannot be used; it says line, field and what to change.
    """
    places: dict[str, int] = {}
    found: list[Label] = []
    for number, label in parsed(path, lambda line: _label(line, now), cure=CURE):
        if (first := places.setdefault(label.task_id, number)) != number:
            raise StackError(
                f"{path}, line {number}, field 'task_id': line {first} is about {label.task_id!r}, too; a task counts "
                f"once, {CURE}"
            )
        found.append(label)
    if not found:
        raise StackError(f"{path} holds no labels; `switchyard labels export` writes them")
    return sorted(found, key=lambda label: (label.at, label.task_id))


def digest(labels: list[Label]) -> str:
    """Return the SHA-256, in hex, of what of these labels a proof rests on, in their order."""
    facts = [[x.task_id, x.at.isoformat(), x.said, x.confidence, x.right, x.drawn, x.above] for x in labels]
    return sha256_hex(canonical_json(facts))


def _label(line: bytes, now: datetime) -> Label:
    parse_object(line)  # refuses what pydantic lets through, such as a key that stands there twice
    try:
        label = Label.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise BadRequest(first["msg"], field=".".join(map(str, first["loc"]))) from None
    if label.at.tzinfo is None:
        raise BadRequest("needs an offset, such as Z", field="at")
    if label.at > now:
        raise BadRequest("lies in the future", field="at")
    may_be_right = label.verdict in _MAY_BE_RIGHT or (label.verdict == "wrong_intent" and label.said == UNCLASSIFIED)
    if label.right and not may_be_right:
        raise BadRequest(f"cannot be true where the verdict is {label.verdict!r}", field="right")
    if label.right is False and label.verdict == "right":
        raise BadRequest("cannot be false where the verdict is 'right'", field="right")
    return label
