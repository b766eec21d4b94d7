"""What can go wrong at a vendor, scripted call by call or drawn at a rate, and how it looks on the wire."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

HANG_S = 60.0
ABORT = "switchyard.abort"  # ASGI extension of `infra.sandbox.server`: drops the connection


@dataclass(frozen=True, slots=True)
class Kind:
    """`applies`: the effect happens. `stores`: the answer is what the idempotency key answers from now on."""

    then: Literal["answer", "hang", "abort"] = "answer"
    applies: bool = False
    stores: bool = False
    status: int | None = None  # None: the true answer
    becomes: str = ""  # what status a refund has that the call makes; but for "succeeded" no money has moved


KINDS = {
    "refuse": Kind("abort"),  # before the body is read
    "reset_after": Kind("abort", applies=True, stores=True),
    "timeout_before": Kind("hang"),
    "timeout_after": Kind("hang", applies=True, stores=True),
    "500": Kind(status=500),
    "503": Kind(status=503),
    "500_after": Kind(status=500, applies=True, stores=True),  # the key remembers the true answer
    "stored_500": Kind(status=500, stores=True),  # the key remembers the 500
    "302": Kind(status=302),
    "302_after": Kind(status=302, applies=True, stores=True),  # post, redirect, get
    "401": Kind(status=401),  # the key was revoked
    "403": Kind(status=403),
    "stored_402": Kind(status=402, stores=True),  # the key remembers the refusal
    "429": Kind(status=429),
    "409": Kind(status=409),
    "error": Kind(status=200),  # Slack's way: 200 with ok: false
    "slow": Kind(applies=True, stores=True),
    "pending": Kind(applies=True, stores=True, becomes="pending"),
    "requires_action": Kind(applies=True, stores=True, becomes="requires_action"),
    "failed": Kind(applies=True, stores=True, becomes="failed"),
    "canceled": Kind(applies=True, stores=True, becomes="canceled"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with one call of `vendor.operation`."""

    vendor: str
    operation: str
    fault: str
    retry_after_s: float | None = None
    ms: float = 0.0  # for `slow`
    error: str = "internal_error"  # for `error`
    headers: Mapping[str, str] = field(default_factory=dict)  # of the answer, such as X-RateLimit-Reset

    @property
    def kind(self) -> Kind:
        """How the fault behaves."""
        return KINDS[self.fault]

    async def happen(self, request: Request, answer: Response) -> Response:
        """Do to the caller what the fault does, once the effect is applied or not; `answer` is the true one."""
        if self.kind.then == "hang":
            await _hang(request)
        if self.kind.then != "answer":
            return await _abort(request)
        return answer if self.kind.status is None else self.refusal()

    def refusal(self) -> Response:
        """Return the answer of a vendor in trouble."""
        headers = dict(self.headers)
        if self.retry_after_s is not None:
            headers["Retry-After"] = f"{self.retry_after_s:g}"
        if self.kind.status == 302:
            headers["Location"] = "/done"
        error: Any = self.error if self.vendor == "slack" else {"type": self.error, "message": "scripted"}
        return JSONResponse({"ok": False, "error": error}, self.kind.status or 500, headers)


class Faults:
    """The faults to come: scripted ones first, one per call, then those drawn at a rate from a seeded generator."""

    def __init__(self, seed: int = 0) -> None:
        self._scripted: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._rates: defaultdict[str, list[tuple[Fault, float]]] = defaultdict(list)
        self._random = random.Random(seed)  # noqa: S311

    def script(self, items: Iterable[dict[str, Any]]) -> None:
        """Queue faults: `{vendor, operation, fault, times?, retry_after_s?, ms?, error?, headers?}`.

        Raises:
            TypeError, KeyError: an item has an unknown field or fault; none of the items is queued.
        """
        faults = [fault for item in items for fault in [_fault(item)] * int(item.get("times", 1))]
        for fault in faults:
            self._scripted[f"{fault.vendor}.{fault.operation}"].append(fault)

    def rate(self, items: Iterable[dict[str, Any]]) -> None:
        """Let faults happen at random: like `script`, with `share` (0 to 1 of all calls) instead of `times`.

        Raises:
            TypeError, KeyError: an item has an unknown field or fault; no rate was changed.
        """
        rates = [(_fault(item), float(item["share"])) for item in items]
        self._rates.clear()
        for fault, share in rates:
            self._rates[f"{fault.vendor}.{fault.operation}"].append((fault, share))

    def draw(self, operation: str) -> Fault | None:
        """Return what goes wrong with this call."""
        if self._scripted[operation]:
            return self._scripted[operation].popleft()
        point = self._random.random()
        for fault, share in self._rates[operation]:
            point -= share
            if point < 0:
                return fault
        return None


def _fault(item: dict[str, Any]) -> Fault:
    fault = Fault(**{name: value for name, value in item.items() if name not in ("times", "share")})
    KINDS[fault.fault]
    return fault


async def _hang(request: Request) -> None:
    """Wait until the caller gives up, for a minute at most."""
    try:
        async with asyncio.timeout(HANG_S):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass


async def _abort(request: Request) -> Response:
    abort = request.scope.get("extensions", {}).get(ABORT)
    if abort is None:  # no socket: the app is called in process
        raise ConnectionResetError("scripted")
    abort()
    await asyncio.sleep(0)  # let the server notice, so that it sends nothing
    return Response(status_code=500)
