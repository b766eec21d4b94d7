"""The ways to providers: a client, places in flight and a circuit per host; in the cloud to public addresses only."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from shared.intent.outcomes import HandlerOutcome, LockedOut, NotApplied, Permanent

if TYPE_CHECKING:
    import httpx

# Below the 5 s after which many servers drop an idle connection: a request on a dead one would be ambiguous.
KEEPALIVE_S = 4.0
TOLERATED_FAILURES = 3
MAX_REST_S = 60.0  # of our own choice, so that a host that is well again is found soon
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(slots=True)
class Circuit:
    """Whether a host is worth a request. After failures in a row, and at its own wish, it is left alone for a while.

    What is not sent has certainly done nothing, so that tasks wait for a sick provider instead of ending in doubt.
    The rest is short, because a wish may hold for one task only; that task waits longer by itself.
    """

    _refusal: type[NotApplied] = NotApplied
    _code: str = ""  # of the failure that opened it
    _failures: int = 0
    _rests_until: float = 0.0  # in seconds of the event loop's clock

    def rest_s(self) -> float:
        """Return for how long the host should be left alone; 0 where it should not."""
        return max(0.0, self._rests_until - asyncio.get_running_loop().time())

    def check(self, request: str) -> None:
        """Raise what the last failure was, as a definite one, while the host should be left alone."""
        if rest_s := self.rest_s():
            why = f"{request}: not sent while the provider is in trouble"
            raise self._refusal(why, code=self._code, retry_after_s=rest_s)

    def worked(self) -> None:
        """The host answers as it should. What it asked for before still holds."""
        self._failures = 0

    def failed(self, outcome: HandlerOutcome, asked_s: float | None) -> None:
        """The host is down, over its quota or refuses our key; `asked_s` is for how long it wants to be left alone."""
        if self.rest_s():  # requests that were under way together are one failure
            return
        self._failures += 1
        grown_s = 2.0 ** min(self._failures - TOLERATED_FAILURES, 10) if self._failures >= TOLERATED_FAILURES else 0.0
        rest_s = min(max(grown_s, asked_s or 0.0), MAX_REST_S)
        if rest_s:
            self._rests_until = asyncio.get_running_loop().time() + rest_s
            self._code, self._refusal = outcome.code, LockedOut if isinstance(outcome, LockedOut) else NotApplied


@dataclass(frozen=True, slots=True)
class Lane:
    """The way to one provider host: the client, the places in flight, and whether it is open."""

    client: Any  # `SocketClient`, or as much of `httpx.AsyncClient`
    slots: asyncio.Semaphore
    circuit: Circuit = field(default_factory=Circuit)


class Pool:
    """One client and one semaphore per provider host and event loop, shared by all tasks of the process."""

    def __init__(self) -> None:
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, Lane]] = WeakKeyDictionary()

    def lane(self, origin: str, allow_private: bool, max_in_flight: int, transport: Any) -> Lane:
        """Return the lane of `origin` in the running loop, built on first use; the first `max_in_flight` holds."""
        lanes = self._lanes.setdefault(asyncio.get_running_loop(), {})
        key = (origin, allow_private, transport)
        if key not in lanes:
            client = _client(allow_private, transport)
            lanes[key] = Lane(client, asyncio.Semaphore(max_in_flight))
        return lanes[key]

    async def close(self) -> None:
        """Close the connections of the running loop."""
        for lane in self._lanes.pop(asyncio.get_running_loop(), {}).values():
            await lane.client.aclose()


POOL = Pool()


def _client(allow_private: bool, transport: Any) -> Any:
    from shared.wiring.sockets import SocketClient, SocketTransport

    inner: Any = transport or SocketTransport(KEEPALIVE_S)
    return SocketClient(inner if allow_private else _PublicOnly(inner))


class _PublicOnly:
    """A transport (as httpx expects it) that connects to public addresses only.

    It resolves the name, refuses unless every address is public, and puts a checked address into the URL: nothing
    looks the name up a second time, so DNS rebinding has no window. SNI and certificate are still checked against the
    name, the Host header keeps it, and as a client serves one host, no pooled connection ever serves another name.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        import httpx

        host, url = request.url.host, request.url
        addresses = await _public_addresses(host, url.port or 443, request.extensions["timeout"]["connect"])
        request.extensions["sni_hostname"] = host
        for address in addresses[:-1]:
            request.url = url.copy_with(host=address)
            try:
                return await self._inner.handle_async_request(request)
            except httpx.ConnectError:
                continue  # such as no route for IPv6: nothing was sent
        request.url = url.copy_with(host=addresses[-1])
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _public_addresses(host: str, port: int, timeout_s: float) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM), timeout_s)
    except OSError:  # also TimeoutError
        raise NotApplied("the provider's host has no address", code="no_connection") from None
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    if not addresses or not all(is_public(address) for address in addresses):
        raise Permanent("the provider's host has an address that is not public", code="address_refused")
    return addresses


def is_public(address: str) -> bool:
    """Return whether an IP address, and any IPv4 address embedded in it, is global unicast."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner and not is_public(str(inner)):
            return False
        if ip.ipv4_mapped:
            return True
    return ip.is_global and not ip.is_multicast
