"""The ways to providers: a client and a semaphore per host and event loop; in the cloud to public addresses only."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from shared.intent.outcomes import NotApplied, Permanent

if TYPE_CHECKING:
    import httpx

# Below the 5 s after which many servers drop an idle connection: a request on a dead one would be ambiguous.
KEEPALIVE_S = 4.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Lane:
    """The way to one provider host: the client and the places in flight."""

    client: Any  # httpx.AsyncClient
    slots: asyncio.Semaphore


class Pool:
    """One client and one semaphore per provider host and event loop, shared by all tasks of the process."""

    def __init__(self) -> None:
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, Lane]] = WeakKeyDictionary()

    def lane(self, origin: str, allow_private: bool, max_in_flight: int, transport: Any) -> Lane:
        """Return the lane of `origin` in the running loop, built on first use; the first `max_in_flight` holds."""
        lanes = self._lanes.setdefault(asyncio.get_running_loop(), {})
        key = (origin, allow_private, transport)
        if key not in lanes:
            client = _client(allow_private, max_in_flight, transport)
            lanes[key] = Lane(client, asyncio.Semaphore(max_in_flight))
        return lanes[key]

    async def close(self) -> None:
        """Close the connections of the running loop."""
        for lane in self._lanes.pop(asyncio.get_running_loop(), {}).values():
            await lane.client.aclose()


POOL = Pool()


def _client(allow_private: bool, max_in_flight: int, transport: Any) -> httpx.AsyncClient:
    import httpx

    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it logs whole URLs
    limits = httpx.Limits(max_connections=max_in_flight, keepalive_expiry=KEEPALIVE_S)
    inner = transport or httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
    return httpx.AsyncClient(
        transport=inner if allow_private else _PublicOnly(inner),  # type: ignore[arg-type]
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # the client is shared: no task sees another's
        trust_env=False,  # a proxy would resolve names behind our back
    )


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
