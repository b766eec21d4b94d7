"""What only the approval document holds, beside what it shows of the task: the plan of the effect, the refused edits.

People may edit all of it, so everything read from such a document is checked here first. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from shared.canonical import sha256_hex
from shared.task.approval import Refusal
from shared.task.moves import Person
from shared.wiring.ports import Document

MAX_PLAN_CHARS = 500
MAX_REFUSALS = 10
MAX_NAME_CHARS = 200


def is_open(approval: Mapping[str, Any] | None) -> bool:
    """Whether nobody has decided yet, neither in the document nor in the task."""
    return approval is not None and approval.get("status") == "pending" and approval.get("outcome") is None


def plan_fields(text: str, at: datetime) -> Document:
    """Return the fields that tell what would happen, as of `at`: printable text of one line, capped."""
    line = "".join(c if c.isprintable() else " " for c in text)[:MAX_PLAN_CHARS].strip()
    return {"plan": line, "plan_at": at, "plan_hash": _seal(line, at)}


def plan_is_ours(approval: Mapping[str, Any]) -> bool:
    """Whether the plan is as the executor wrote it; the task's record does not hold it, so its hash has to tell."""
    plan, at, seal = (approval.get(name) for name in ("plan", "plan_at", "plan_hash"))
    if isinstance(plan, str) and isinstance(at, datetime):
        return bool(seal == _seal(plan, at))
    return not (plan or at or seal)


def kept(approval: Document | None) -> Document:
    """Return what outlives a rewriting of the document from its task: the plan, unless it was edited, and refusals."""
    data = approval or {}
    fields: Document = {"refusals": _refusals(data.get("refusals"))}
    if data.get("plan_at") is not None and plan_is_ours(data):
        fields |= {name: data[name] for name in ("plan", "plan_at", "plan_hash")}
    return fields


def refused(approval: Document | None, person: Person, code: str, at: datetime) -> Document:
    """Return what is kept, with one refusal more."""
    fields = kept(approval)
    refusal = Refusal(at=at, by=person.name[:MAX_NAME_CHARS], code=code)
    return fields | {"refusals": [*fields["refusals"], refusal][-MAX_REFUSALS:]}


def _refusals(value: Any) -> list[Refusal]:
    found = []
    for item in value[-MAX_REFUSALS:] if isinstance(value, list) else ():
        try:
            found.append(Refusal.model_validate(item))
        except ValidationError:
            continue
    return found


def _seal(plan: str, at: datetime) -> str:
    return sha256_hex(f"{at.isoformat()} {plan}".encode("utf-8", "replace"))
