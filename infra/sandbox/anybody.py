"""Any provider without a part of its own: a write is an effect and gets an id, a read shows what was written there."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.sandbox.desk import Answer, Desk, refusal
from infra.sandbox.ledger import Effect
from infra.sandbox.memory import newest

READS = ["GET", "HEAD"]
WRITES = ["POST", "PUT", "PATCH", "DELETE"]


class Anybody:
    """Every path that nobody else plays: vendor `other` in the ledger, the path as subject, Idempotency-Key honoured.

    A new intent's handler succeeds here before anybody has played its provider. What a real provider would check, or
    answer beyond an id and the fields that were sent, this one cannot know: script a provider for that (`infra.kit`).
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._writes: list[tuple[str, dict[str, Any]]] = []
        self._written: dict[str, list[dict[str, Any]]] = {}  # the same by path
        self._numbers: Counter[str] = Counter()  # of writes to each path, ever

    def known(self) -> Any:
        """Return what was written where."""
        writes = newest(self._writes)
        return {"writes": writes, "numbers": {path: self._numbers[path] for path, _ in writes}}

    def know(self, known: Any) -> None:
        """Know what was written in an earlier life."""
        self._numbers = Counter(known["numbers"])
        for path, one in known["writes"]:
            self._keep(path, one)

    def _keep(self, path: str, one: dict[str, Any]) -> None:
        self._writes.append((path, one))
        self._written.setdefault(path, []).append(one)

    def routes(self) -> list[Route]:
        """Return the endpoint of everything; it must come last."""
        return [Route("/{path:path}", self.read, methods=READS), Route("/{path:path}", self.write, methods=WRITES)]

    async def read(self, request: Request) -> Response:
        """Show the writes made to this very path, of one `idempotency_key` where the query has one."""
        path, query = request.url.path, dict(request.query_params)

        def show(_: bytes) -> Answer:
            if path.startswith("/_"):  # the sandbox's own
                return refusal("not_found", 404)
            key, found = query.get("idempotency_key"), self._written.get(path, [])
            return Answer({"path": path, "data": [one for one in found if key in (None, one["idempotency_key"])]})

        return await self._desk.serve(request, "other.read", show)

    async def write(self, request: Request) -> Response:
        """Do as asked: 201 for a POST, else 200, with an id and the fields that were sent."""
        path, key = request.url.path, request.headers.get("Idempotency-Key")

        def do(body: bytes) -> Answer:
            if path.startswith("/_"):
                return refusal("not_found", 404)
            self._numbers[path] += 1
            name = f"{path.strip('/').replace('/', '-')}-{self._numbers[path]}"
            one = _fields(body) | {"id": name, "idempotency_key": key}
            self._keep(path, one)
            return Answer(one, 201 if request.method == "POST" else 200, Effect(path))

        return await self._desk.serve(request, f"other.{request.method.lower()}", do, keyed=True)


def _fields(body: bytes) -> dict[str, Any]:
    """Return the fields of a JSON object; none of anything else."""
    try:
        sent = json.loads(body)
    except ValueError:
        return {}
    return sent if isinstance(sent, dict) else {}
