"""The HTTP client handlers get as `ctx.http`: a request in, a `Reply` or one of the handler outcomes out.

It is bound to one provider, throttled per host, leaves a host in trouble alone, follows no redirect, keeps no cookie,
speaks to public addresses only (in the cloud), and says of every failure whether the effect may have happened. It never
retries: the bus does.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from shared import tracing
from shared.intent.outcomes import Ambiguous, HandlerOutcome, LockedOut, NotApplied, Permanent

if TYPE_CHECKING:
    import httpx
from shared.intent.http import SUCCESS, Reply
from shared.wiring.lanes import POOL, Lane, Pool
from shared.wiring.pauses import asked_pause_s

CALL_TIMEOUT_S = 10.0
MAX_REPLY_BYTES = 1024 * 1024
READS = frozenset({"GET", "HEAD"})
# Failures that say something of the host, not only of this request.
OF_THE_HOST = re.compile(r"no_connection|connection_lost|timeout|provider_(?:401|408|5\d\d)")
KEPT_HEADERS = frozenset({"content-type", "idempotent-replayed", "request-id", "retry-after", "x-request-id"})
_PATH = re.compile(r"/(?!/)[!$-\[\]-~]*")  # printable ASCII, no space, quote, hash or backslash
_HEADER = re.compile(r"[\t\x20-\x7e]*")


@dataclass(slots=True)
class Outbound:
    """HTTP to one provider, for one attempt of one task.

    Args:
        base_url: where the provider is; https unless `allow_private`. A path in it is kept as prefix.
        name: of the provider, for spans.
        token: sent as Bearer token where not empty.
        allow_private: whether private, loopback and link-local addresses may be spoken to; never in the cloud.
        max_in_flight: requests at once per host, of all tasks in this process.
        deadline: in seconds of the event loop's clock; no request outlives it.
        before_write: awaited once, right before the first request that is not GET or HEAD. If it raises, that request
            is not sent and the exception goes through the handler.
    """

    base_url: str
    _: KW_ONLY
    name: str
    token: str = field(default="", repr=False)
    allow_private: bool
    max_in_flight: int
    deadline: float
    before_write: Callable[[], Awaitable[None]] | None = None
    transport: httpx.AsyncBaseTransport | None = None
    pool: Pool = POOL
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

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
        """As `Http.call`."""
        call = _Call(method.upper(), path, key, frozenset(expect))
        left_s = self._left(call)
        origin = origin_of(self.base_url, self.allow_private)
        if not origin:
            schemes = "http or https" if self.allow_private else "https"
            raise Permanent(f"{call}: the provider's URL must be {schemes}://host", code="bad_provider_url")
        lane = self.pool.lane(origin, self.allow_private, self.max_in_flight, self.transport)
        request = self._request(lane, call, fill or {}, json=json, data=form, params=params, headers=headers)
        if lane.slots.locked():
            await self._queue(lane, call, left_s)
        else:
            await lane.slots.acquire()  # at once
        try:
            lane.circuit.check(str(call))
            if call.write:
                await self._start()
            # The host alone is told of, as paths may hold names; and no context is sent to another company.
            host = origin.partition("://")[2]
            with tracing.span(f"{call.method} {self.name}", kind="client", method=call.method, host=host) as seen:
                reply = await self._send(lane, call, request)
                seen.tell(status=reply.status)
                return reply
        finally:
            lane.slots.release()

    def _request(
        self, lane: Lane, call: _Call, fill: Mapping[str, str], *, headers: Mapping[str, str] | None, **body: Any
    ) -> httpx.Request:
        sent = {"User-Agent": "Switchyard", "Accept-Encoding": "identity"}  # nothing to inflate: the size cap holds
        if self.token:
            sent["Authorization"] = f"Bearer {self.token.strip()}"  # secrets often end with a newline
        if call.key is not None:
            sent["Idempotency-Key"] = call.key
        sent.update(headers or {})
        if not all(_HEADER.fullmatch(name + value) for name, value in sent.items()):
            raise Permanent(f"{call}: a header is not printable ASCII", code="bad_request")
        try:
            url = self.base_url.rstrip("/") + _path(call, fill)
            request: httpx.Request = lane.client.build_request(call.method, url, headers=sent, **body)
        except HandlerOutcome:
            raise
        except Exception:  # nothing is sent yet, whatever is wrong; httpx.InvalidURL is no ValueError
            raise Permanent(f"{call}: the request cannot be built", code="bad_request") from None
        return request

    async def _queue(self, lane: Lane, call: _Call, left_s: float) -> None:
        try:
            async with asyncio.timeout(left_s):
                await lane.slots.acquire()
        except TimeoutError:
            raise NotApplied(f"{call}: no free slot before the deadline", code="throttled") from None

    async def _start(self) -> None:
        async with self._starting:
            if self.before_write is not None:
                await self.before_write()
            self.before_write = None  # only once it has gone through: after a refusal every write is refused

    async def _send(self, lane: Lane, call: _Call, request: httpx.Request) -> Reply:
        """Send the request, and tell the host's circuit how that went."""
        try:
            reply = await self._exchange(lane, call, request)
        except HandlerOutcome as outcome:
            asked_s = outcome.retry_after_s if isinstance(outcome, NotApplied) else None
            if asked_s or OF_THE_HOST.fullmatch(outcome.code):
                lane.circuit.failed(outcome, asked_s)
            raise
        lane.circuit.worked()
        return reply

    async def _exchange(self, lane: Lane, call: _Call, request: httpx.Request) -> Reply:
        import httpx

        left_s = min(CALL_TIMEOUT_S, self._left(call))
        # A third each for the address and for the connection: the timeout of the whole call strikes only after them.
        request.extensions["timeout"] = {"connect": left_s / 3, "read": left_s, "write": left_s, "pool": left_s}
        try:
            async with asyncio.timeout(left_s):
                response = await lane.client.send(request, stream=True)
                try:
                    if response.status_code not in call.expect:
                        raise _outcome(call, response.status_code, response.headers)
                    return await _read(call, response)
                finally:
                    await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise NotApplied(f"{call}: no connection", code="no_connection") from None
        except (TimeoutError, httpx.TimeoutException):
            raise call.unsure("no answer in time", "timeout") from None
        except (httpx.HTTPError, OSError):
            raise call.unsure("the connection broke", "connection_lost") from None

    def _left(self, call: _Call) -> float:
        left_s = self.deadline - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise NotApplied(f"{call}: the deadline has passed", code="deadline_passed")
        return left_s


@dataclass(frozen=True, slots=True)
class _Call:
    """What of a request may be shown, and what decides the meaning of its failures."""

    method: str
    path: str
    key: str | None
    expect: frozenset[int]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def write(self) -> bool:
        return self.method not in READS

    def unsure(self, why: str, code: str, retry_after_s: float | None = None) -> HandlerOutcome:
        if self.write:
            return Ambiguous(f"{self}: {why}", code=code)
        return NotApplied(f"{self}: {why}", code=code, retry_after_s=retry_after_s)


def _outcome(call: _Call, status: int, headers: Mapping[str, str]) -> HandlerOutcome:
    """Return what an unexpected status says of the effect."""
    why, code = f"answered {status}", f"provider_{status}"
    over_quota = status == 429 or (status == 403 and headers.get("x-ratelimit-remaining") == "0")
    retry_after_s = asked_pause_s(headers, over_quota=over_quota)
    if status == 429:
        return NotApplied(f"{call}: {why}", code=code, retry_after_s=retry_after_s)
    if status in (401, 403):
        return LockedOut(f"{call}: {why}", code=code, retry_after_s=retry_after_s)
    in_use = status == 409 and call.key is not None
    # Whoever answers a write with 2xx or sends it elsewhere may have processed it; 408 and 5xx leave it open.
    if status >= 500 or in_use or status == 408 or (status < 400 and call.write):
        return call.unsure(why, code, retry_after_s)
    if 300 <= status < 400:
        return Permanent(f"{call}: {why}, a redirect", code="redirect_refused")
    return Permanent(f"{call}: {why}", code=code)


async def _read(call: _Call, response: httpx.Response) -> Reply:
    if "content-encoding" in response.headers:  # not asked for, and inflating it would go past the cap
        raise call.unsure("the answer is compressed", "reply_unreadable")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            outcome = Ambiguous if call.write else Permanent
            raise outcome(f"{call}: the answer is over {MAX_REPLY_BYTES} bytes", code="reply_too_large")
    headers = {name: value for name, value in response.headers.items() if name in KEPT_HEADERS}
    try:
        data = jsonlib.loads(body)
    except (ValueError, RecursionError):
        data = None
    return Reply(response.status_code, data, body.decode("utf-8", "replace"), headers)


@lru_cache(maxsize=64)
def origin_of(base_url: str, allow_private: bool) -> str:
    """Return `scheme://host[:port]` of a provider's URL; an empty string where it cannot be used."""
    parts = urlsplit(base_url)
    schemes = ("http", "https") if allow_private else ("https",)
    if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        return ""
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _path(call: _Call, fill: Mapping[str, str]) -> str:
    try:
        path = call.path.format(**{name: quote(value, safe="") for name, value in fill.items()})
    except (LookupError, ValueError, TypeError, AttributeError):
        path = ""
    if not all(fill.values()) or not _PATH.fullmatch(path) or "?" in path or ".." in unquote(path):
        raise Permanent("the path of a request must be relative, printable and complete", code="bad_path")
    return path
