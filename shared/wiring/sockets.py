"""An HTTP request of a handler in, the answer out: httpcore's connections, on sockets of asyncio, one request on each.

httpcore's own pool looks at every connection once per connection and request, and its sockets are anyio's: both took
half of the time of a call. What a failure says of the effect is decided in `outbound`, where the whole exchange also
has its timeout: reading and writing need none.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import AsyncIterator, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpcore
    import httpx


class SocketClient:
    """What `outbound` needs of a client, and nothing more: no redirect, no cookie, no proxy, no URL in a log."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def build_request(self, method: str, url: str, *, headers: dict[str, str], **body: Any) -> httpx.Request:
        """Return the request, as httpx builds it."""
        import httpx

        return httpx.Request(method, url, headers={"Accept": "*/*", **headers}, **body)

    async def send(self, request: httpx.Request, *, stream: bool) -> Any:
        """Send it; see `SocketTransport`. The answer is always a stream."""
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class SocketTransport:
    """Connections that are used again, the last one first. Whoever calls bounds how many requests there are at once.

    Idle ones are closed `keepalive_expiry` seconds after their last answer, when the next request comes.
    """

    def __init__(self, keepalive_expiry: float) -> None:
        self._expiry = keepalive_expiry
        self._idle: dict[tuple[str, str, int | None], list[httpcore.AsyncHTTPConnection]] = {}

    async def handle_async_request(self, request: httpx.Request) -> Answer:
        """Send it; once its answer is closed the connection is free.

        Raises:
            httpx.ConnectError, httpx.ConnectTimeout: nothing was sent.
            httpx.TransportError: anything else, the request may have arrived.
        """
        import httpcore

        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        idle = self._idle.setdefault((request.url.scheme, request.url.host, request.url.port), [])
        connection = await self._connection(url.origin, idle)
        sent = httpcore.Request(
            request.method,
            url,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            answer = await connection.handle_async_request(sent)
        except Exception as error:
            raise _translated(error) from error
        return Answer(answer, connection, idle)

    async def aclose(self) -> None:
        """Close what is idle."""
        for connections in self._idle.values():
            while connections:
                await connections.pop().aclose()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        import httpx

        return httpx.create_ssl_context(trust_env=False)

    async def _connection(
        self, origin: httpcore.Origin, idle: list[httpcore.AsyncHTTPConnection]
    ) -> httpcore.AsyncHTTPConnection:
        while idle and idle[0].has_expired():  # the oldest
            await idle.pop(0).aclose()
        while idle:
            connection = idle.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        import httpcore

        return httpcore.AsyncHTTPConnection(
            origin,
            ssl_context=self._tls if origin.scheme == b"https" else None,
            keepalive_expiry=self._expiry,
            network_backend=_Backend(),  # type: ignore[arg-type]
        )


class Answer:
    """What `outbound` needs of a response."""

    def __init__(
        self,
        answer: httpcore.Response,
        connection: httpcore.AsyncHTTPConnection,
        idle: list[httpcore.AsyncHTTPConnection],
    ) -> None:
        import httpx

        self.status_code, self.headers = answer.status, httpx.Headers(answer.headers)
        self._answer, self._connection, self._idle = answer, connection, idle

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes; nothing is inflated."""
        try:
            async for part in self._answer.aiter_stream():
                yield part
        except Exception as error:
            raise _translated(error) from error

    async def aclose(self) -> None:
        """Give the connection back if it can be used again; else close it."""
        await self._answer.aclose()
        if self._connection.is_idle():
            self._idle.append(self._connection)


def _translated(error: Exception) -> Exception:
    """Return what httpx calls an error of httpcore; one of neither as it is."""
    import httpcore
    import httpx

    if isinstance(error, httpcore.ConnectError):
        return httpx.ConnectError(str(error))
    if isinstance(error, httpcore.ConnectTimeout):
        return httpx.ConnectTimeout(str(error))
    if isinstance(error, httpcore.NetworkError | httpcore.ProtocolError | httpcore.TimeoutException):
        return httpx.TransportError(str(error))
    return error


class _Backend:
    """What httpcore expects of an `AsyncNetworkBackend`."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> _Stream:
        import httpcore

        try:
            async with asyncio.timeout(timeout):
                return _Stream(*await asyncio.open_connection(host, port))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error


class _Stream:
    """What httpcore expects of an `AsyncNetworkStream`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        import httpcore

        try:
            return await self._reader.read(max_bytes)
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        import httpcore

        try:
            self._writer.write(buffer)
            await self._writer.drain()
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        self._writer.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        import httpcore

        try:
            async with asyncio.timeout(timeout):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException as error:
            self._writer.transport.abort()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout(str(error)) from error
            if isinstance(error, OSError):  # also ssl.SSLError
                raise httpcore.ConnectError(str(error)) from error
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # on an idle connection: the other side has closed it
            return self._writer.transport.is_closing() or _is_readable(self._writer.get_extra_info("socket").fileno())
        return self._writer.get_extra_info(info)


def _is_readable(file: int) -> bool:
    if file < 0:  # closed
        return True
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(0))
