"""The path of every vendor call: fault, idempotency key, effect, ledger, answer."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.sandbox.echoes import Echoes
from infra.sandbox.faults import Fault, Faults
from infra.sandbox.ledger import Effect, Ledger
from infra.sandbox.memory import Memory, newest
from infra.sandbox.orders import Orders

READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor says, and the effect it had: None for reads and refusals."""

    body: Any
    status: int = 200
    effect: Effect | None = None

    def response(self, request_id: str, *, replayed: bool = False) -> Response:
        """Return the answer as HTTP: text as text, anything else as JSON."""
        headers = {"Request-Id": request_id} | ({"Idempotent-Replayed": "true"} if replayed else {})
        if isinstance(self.body, str):
            return Response(self.body, self.status, headers, media_type="text/plain")
        return JSONResponse(self.body, self.status, headers)


@dataclass(slots=True)
class Known:
    """An idempotency key in use. `answer` is None while the first call is under way."""

    asked: bytes
    answer: Answer | None = None


class Desk:
    """What the vendors share: orders, ledger, faults, idempotency keys and the count of calls by `vendor.operation`."""

    def __init__(self, ledger_path: Path | None = None, seed: int = 0, memory_path: Path | None = None) -> None:
        self.orders = Orders()
        self.memory = Memory(memory_path)
        self.ledger = Ledger(ledger_path, goes_on=memory_path is not None)
        self.faults = Faults(seed)
        self.echoes = Echoes()
        self.calls: Counter[str] = Counter()
        self._keys: dict[tuple[str, str], Known] = {}
        self._requests = 0  # ever

    def known(self) -> Any:
        """Return what every idempotency key answers."""
        used = newest((slot, known) for slot, known in self._keys.items() if known.answer)
        keys = [[*slot, known.asked.decode("latin-1"), asdict(known)["answer"]] for slot, known in used]
        return {"keys": keys, "requests": self._requests}

    def know(self, known: Any) -> None:
        """Know the idempotency keys of an earlier life."""
        self._requests = known["requests"]
        for operation, key, asked, answer in known["keys"]:
            effect = answer["effect"] and Effect(**answer["effect"])
            self._keys[operation, key] = Known(asked.encode("latin-1"), Answer(**answer | {"effect": effect}))

    def applied(self, operation: str, effect: Effect, *, key: str | None, request_id: str) -> None:
        """Record an effect, unless an earlier life of the ledger has it already."""
        if not self.memory.recalling:
            self.ledger.add(operation, effect, key=key, request_id=request_id)

    async def serve(
        self,
        request: Request,
        operation: str,
        apply: Callable[[bytes], Answer],
        *,
        keyed: bool = False,
        becomes: Callable[[Answer, str], Answer] | None = None,
    ) -> Response:
        """Answer one call of `vendor.operation`; `apply(body)` does the work. `keyed`: Idempotency-Key is honoured.

        `becomes(answer, status)` gives what was made the status that a fault asks for.

        As Stripe documents it: the same key and request get the stored answer, another request 400, a concurrent one
        409; refused requests are not stored.
        """

        def made(body: bytes) -> Answer:
            answer = apply(body)
            wanted = fault.kind.becomes if fault else self.memory.becomes
            return becomes(answer, wanted) if becomes and wanted and answer.status < 400 else answer

        self.calls[operation] += 1
        fault = self.faults.draw(operation)
        if fault and not (fault.kind.applies or fault.kind.stores):
            return await fault.happen(request, Response())
        self._requests += 1
        body, request_id = await request.body(), f"req_{self._requests}"
        key = request.headers.get("Idempotency-Key")
        slot = (operation, key) if keyed and key else None
        if slot in self._keys:
            response = self._replay(operation, slot, _asked(request, body), request_id)
        else:
            answer = await self._apply(slot, fault, _asked(request, body), lambda: made(body))
            if request.method not in READS and answer.status < 400:
                self.memory.keep(request, body, fault.kind.becomes if fault else "")
            if answer.effect:
                self.applied(operation, answer.effect, key=key, request_id=request_id)
            response = answer.response(request_id)
        return await fault.happen(request, response) if fault else response

    async def _apply(
        self, slot: tuple[str, str] | None, fault: Fault | None, asked: bytes, apply: Callable[[], Answer]
    ) -> Answer:
        known = Known(asked)
        if slot:
            self._keys[slot] = known
        if fault and fault.ms:
            await asyncio.sleep(fault.ms / 1000)
        if fault and not fault.kind.applies:
            known.answer = Answer(json.loads(bytes(fault.refusal().body)), fault.kind.status or 500)
            return known.answer
        answer = apply()
        if answer.status < 400:
            known.answer = answer
        elif slot:
            del self._keys[slot]
        return answer

    def _replay(self, operation: str, slot: tuple[str, str], asked: bytes, request_id: str) -> Response:
        known = self._keys[slot]
        if known.answer is None:
            return refusal("idempotency_key_in_use", 409).response(request_id)
        if known.asked != asked:
            return refusal("idempotency_error").response(request_id)
        if known.answer.effect:
            self.ledger.add(operation, known.answer.effect, key=slot[1], request_id=request_id, replayed=True)
        return known.answer.response(request_id, replayed=True)


def _asked(request: Request, body: bytes) -> bytes:
    """Return what two requests under one key are compared by: a form's parameters, however they are encoded."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        body = repr(sorted(parse_qsl(body.decode()))).encode()
    return request.url.path.encode() + body


def refusal(kind: str, status: int = 400, code: str = "") -> Answer:
    """Return an error in Stripe's shape; nothing was applied."""
    return Answer({"error": {"type": kind, "code": code or kind, "message": kind.replace("_", " ")}}, status)
