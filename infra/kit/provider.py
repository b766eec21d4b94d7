"""A provider for tests: a handler's requests in, what it is told to answer out, and a note of every request."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx

from infra.sandbox.app import create_app

READS = frozenset({"GET", "HEAD"})


class Crash(BaseException):
    """The process was killed: nothing after it runs. No handler can catch it by accident."""


class Trouble(enum.Enum):
    """What goes wrong with a request, and whether the provider has applied it."""

    REFUSED = "no connection: certainly not applied"
    BUSY = "429 with Retry-After: certainly not applied"
    BROKEN = "500: not applied, which nobody can tell"
    LOST = "applied, and the answer is lost"
    CRASH_BEFORE = "our process is killed before the request leaves"
    CRASH_AFTER = "applied, and our process is killed before it reads the answer"

    @property
    def applies(self) -> bool:
        """Whether the provider does what it was asked."""
        return self in (Trouble.LOST, Trouble.CRASH_AFTER)


REFUSED, BUSY, BROKEN, LOST, CRASH_BEFORE, CRASH_AFTER = Trouble
BUSY_S = 7


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of a handler. `body` is JSON or form fields, None without one; `key` its Idempotency-Key."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    key: str | None = None

    @property
    def write(self) -> bool:
        """Whether it may change something."""
        return self.method not in READS


Answers = Callable[[Sent], Any] | Sequence[Any]


class ScriptedProvider(httpx.AsyncBaseTransport):
    """Every provider of a run, whatever its address; without `answers` it is the sandbox, which plays any provider.

    Args:
        answers: one for each request in order, or a function of the request. An answer is a status, a JSON value
            (200), a pair of both, a `Trouble`, or None: as the sandbox.
        writes: what goes wrong with the requests that write, in order; None is nothing, as after the last one.

    `requests` are all, `effects` those that the provider applied: a key that it knows is answered, not applied again.
    """

    def __init__(self, answers: Answers | None = None, *, writes: Sequence[Trouble | None] = ()) -> None:
        self.requests: list[Sent] = []
        self.effects: list[Sent] = []
        self.sandbox = create_app()
        self._played = httpx.ASGITransport(self.sandbox)
        self._answers, self._writes = answers, list(writes)
        self._known: dict[tuple[str, str], httpx.Response] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as told, or raise what a broken connection raises."""
        sent = _sent(request)
        self.requests.append(sent)
        trouble = self._writes.pop(0) if sent.write and self._writes else None
        answer = None
        if trouble is None or trouble.applies:
            answer = self._answer(sent)
            if isinstance(answer, Trouble):
                trouble, answer = answer, {}
        if trouble is None or trouble.applies:
            response = await self._apply(request, sent, answer)
        if trouble is None:
            return response
        return _go_wrong(trouble, request)

    def _answer(self, sent: Sent) -> Any:
        if self._answers is None or callable(self._answers):
            return self._answers(sent) if self._answers else None
        if len(self._answers) < len(self.requests):
            raise AssertionError(f"request {len(self.requests)} has no answer: {sent.method} {sent.path}")
        return self._answers[len(self.requests) - 1]

    async def _apply(self, request: httpx.Request, sent: Sent, answer: Any) -> httpx.Response:
        known = (sent.path, sent.key or "")
        if answer is None:
            response = await self._played.handle_async_request(request)
            new = response.headers.get("idempotent-replayed") != "true"
        else:
            new = not (sent.key and known in self._known)
            response = _response(answer) if new else self._known[known]
        if sent.write and response.status_code < 400 and new:
            self.effects.append(sent)
            self._known[known] = response
        return response


def _sent(request: httpx.Request) -> Sent:
    kind, text = request.headers.get("content-type", ""), request.content.decode()
    body: Any = text or None
    if kind.startswith("application/json"):
        body = json.loads(text)
    elif "form" in kind:
        body = dict(parse_qsl(text))
    key = request.headers.get("idempotency-key")
    return Sent(request.method, request.url.path, dict(request.url.params), body, key)


def _response(answer: Any) -> httpx.Response:
    status, body = answer if isinstance(answer, tuple) else (answer, {}) if isinstance(answer, int) else (200, answer)
    return httpx.Response(status, json=body)


def _go_wrong(trouble: Trouble, request: httpx.Request) -> httpx.Response:
    match trouble:
        case Trouble.BUSY:
            return httpx.Response(429, headers={"retry-after": str(BUSY_S)}, json={})
        case Trouble.BROKEN:
            return httpx.Response(500, json={})
        case Trouble.REFUSED:
            raise httpx.ConnectError(trouble.value, request=request)
        case Trouble.LOST:
            raise httpx.ReadError(trouble.value, request=request)
        case _:
            raise Crash(trouble.value)
