"""Every effect the sandbox applied, in order: in memory, and as JSON lines in a file that outlives any client.

Where it goes on with a file of an earlier life, it begins with the newest `KEPT` of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.sandbox import lines
from infra.sandbox.memory import newest


@dataclass(frozen=True, slots=True)
class Effect:
    """What an operation changes, before anybody applied it."""

    subject: str  # an order, a mailbox or a channel
    amount_minor: int | None = None
    detail: str | None = None  # what else was asked for: a currency, an address, a text


@dataclass(frozen=True, slots=True)
class Entry:
    """One applied effect, or the replay of one, which changes nothing."""

    at: str
    vendor: str
    operation: str
    idempotency_key: str | None
    replayed: bool
    subject: str
    amount_minor: int | None
    request_id: str
    detail: str | None = None


class Ledger:
    """Append-only. `entries` were applied; `replays` were answered from memory and changed nothing."""

    def __init__(self, path: Path | None = None, *, goes_on: bool = False) -> None:
        """`goes_on`: what the file holds already was applied here, too."""
        earlier = read_ledger(path) if path and goes_on else []
        self.entries = newest(earlier)
        if path and len(earlier) > len(self.entries):
            lines.rewrite(path, map(asdict, self.entries))
        self.replays: list[Entry] = []
        self._path = path

    def add(self, operation: str, effect: Effect, *, key: str | None, request_id: str, replayed: bool = False) -> None:
        """Record an effect of `vendor.operation`; the file holds applied effects only."""
        vendor, _, name = operation.partition(".")
        at = datetime.now(UTC).isoformat()
        entry = Entry(at, vendor, name, key, replayed, effect.subject, effect.amount_minor, request_id, effect.detail)
        (self.replays if replayed else self.entries).append(entry)
        if self._path is not None and not replayed:
            lines.append(self._path, asdict(entry))


def read_ledger(path: Path) -> list[Entry]:
    """Return the applied effects in a ledger file; none where there is no file.

    Raises:
        StackError: the file is damaged.
    """
    return [Entry(**line) for line in lines.read(path)]
