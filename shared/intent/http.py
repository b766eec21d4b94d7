"""What a handler sees of HTTP: `Http`, bound to its provider, and the `Reply` that it answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

SUCCESS = (200, 201, 202, 204)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with an expected status. `data` is the body as JSON, None where it is none; `headers` is a subset."""

    status: int
    data: Any = field(repr=False)
    text: str = field(repr=False)
    headers: Mapping[str, str]

    def get(self, name: str) -> Any:
        """Return a field of the JSON object; None where there is no such field or no object."""
        return self.data.get(name) if isinstance(self.data, dict) else None


class Http(Protocol):
    """Requests to one provider, for one attempt of one task."""

    async def call(
        self,
        method: str,
        path: str,
        *,
        fill: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
        expect: Collection[int] = SUCCESS,
    ) -> Reply:
        """Send one request and return the answer if its status is in `expect`.

        `path` is a fixed template such as `/orders/{order_id}`; `fill` holds its values, quoted here. Values belong
        there or in the other arguments: `path` is the only one that errors show. `key` becomes `Idempotency-Key`.

        Raises:
            NotApplied: definitely nothing happened: no connection, no free slot, deadline passed, 429, a failed read;
                or the host is left alone for a while after failures, and nothing was sent.
            LockedOut: the same, because the provider does not take our key: 401, 403.
            Permanent: the provider refused (any other 4xx, a read's redirect), or the request may not be sent.
            Ambiguous: a write that may have been applied: a redirect, 5xx, 409 on a key, or no readable answer.
        """
