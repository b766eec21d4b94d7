"""One file per vendor: how its webhooks are signed and which business fact each of them is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.canonical import canonical_json, sha256_hex, task_id_for
from shared.event.signatures import Verify
from shared.task.schemas import AutomationTask


@dataclass(frozen=True, slots=True)
class Fact:
    """A business fact that becomes a task.

    `key` is the provider's own id of it, equal for every redelivery; None where the payload carries none.
    """

    key: str | None
    priority: int = 1


@dataclass(frozen=True, slots=True)
class Ignore:
    """An event that asks nothing of anybody: answered with 200 and forgotten. `reason` is a stable word."""

    reason: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """A handshake: the vendor wants `value` back as proof that we own the route."""

    value: str


Payload = Mapping[str, Any]
Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """A sending system: `verify` checks the raw bytes, `read` says what a payload is."""

    name: str
    verify: Verify
    read: Callable[[Payload, Headers], Fact | Ignore | Challenge]

    def to_task(self, payload: dict[str, Any], headers: Headers) -> AutomationTask | Ignore | Challenge:
        """Return the task of a verified payload, or why it is none.

        Raises:
            pydantic.ValidationError: the payload is over its limit once it is written as canonical JSON.
        """
        fact = self.read(payload, headers)
        if not isinstance(fact, Fact):
            return fact
        key = fact.key or sha256_hex(canonical_json(payload))
        task_id = task_id_for(f"{self.name}:{key}")
        return AutomationTask(task_id=task_id, source=self.name, raw_payload=payload, priority=fact.priority)


def at(payload: Any, *path: str) -> Any | None:
    """Return the member at `path`, or None where there is none."""
    for key in path:
        payload = payload.get(key) if isinstance(payload, Mapping) else None
    return payload


def joined(*ids: Any) -> str | None:
    """Return ids (text or integers) as one key, or None if one of them is missing."""
    words = [str(i) for i in ids if isinstance(i, str | int) and not isinstance(i, bool) and i != ""]
    return ":".join(words) if len(words) == len(ids) else None
