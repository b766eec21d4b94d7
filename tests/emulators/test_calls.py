"""A push is answered by its status alone; a connection is used again only when its whole answer was read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from infra.emulators.calls import KEEPALIVE_S, Calls
from shared.serving.connections import IDLE_S

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Open = Callable[..., Awaitable["Server"]]


class Server:
    """Answers each request with the same bytes, then waits for the next one; `heads` holds what came."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0])))
                writer.write(self._answer)
                if not self._answer or b"close" in self._answer:
                    return
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def serving() -> AsyncIterator[Open]:
    async with AsyncExitStack() as exits:

        async def serving(answer: bytes) -> Server:
            server = Server(answer)
            listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
            exits.callback(listening.close)
            server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            return server

        yield serving


async def test_instances_of_a_function_are_called_in_turn(serving: Open) -> None:
    servers = [await serving(b"HTTP/1.1 %d x\r\ncontent-length: 0\r\n\r\n" % status) for status in (200, 503)]
    calls = Calls({"f": [s.url for s in servers]})
    assert [await calls.post("f", {}, b"", 10) for _ in range(4)] == [200, 503, 200, 503]
    await calls.close()


async def test_request_arrives_as_it_was(serving: Open) -> None:
    server = await serving(OK)
    calls = Calls({"f": [server.url]})
    assert await calls.post("f", {"ce-authid": "ü@example.com"}, b"\x00body", 10) == 200
    assert server.heads[0].startswith(b"POST / HTTP/1.1\r\nhost: 127.0.0.1:")
    assert "ce-authid: ü@example.com\r\n".encode() in server.heads[0]
    assert server.bodies == [b"\x00body"]
    await calls.close()


async def test_connection_is_used_again(serving: Open) -> None:
    server = await serving(OK)
    calls = Calls({"f": [server.url]})
    assert [await calls.post("f", {}, b"x", 10) for _ in range(3)] == [200] * 3
    assert server.connections == 1
    await calls.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 413 x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 413 x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 413 x\r\n\r\nuntil the end",
    ],
    ids=["closed", "chunked", "no length"],
)
async def test_status_is_told_and_the_connection_left_where_the_answer_has_no_end(serving: Open, answer: bytes) -> None:
    server = await serving(answer)
    calls = Calls({"f": [server.url]})
    assert [await calls.post("f", {}, b"x", 10) for _ in range(2)] == [413, 413]
    assert server.connections == 2
    await calls.close()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: close\r\n\r\n12", b"SSH-2.0 x\r\n\r\n"]
)
async def test_answer_that_breaks_off_or_is_none_is_an_error(serving: Open, answer: bytes) -> None:
    server = await serving(answer)
    calls = Calls({"f": [server.url]})
    with pytest.raises((EOFError, OSError, ValueError)):
        await calls.post("f", {}, b"x", 10)
    await calls.close()


async def test_late_answer_is_never_taken_for_the_next_one(serving: Open) -> None:
    slow = await serving(b"HTTP/1.1 200 OK\r\n")  # the rest never comes
    calls = Calls({"f": [slow.url]})
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await calls.post("f", {}, b"x", 0.1)
    assert slow.connections == 2
    await calls.close()


async def test_header_cannot_end_its_own_line(serving: Open) -> None:
    calls = Calls({"f": [(await serving(OK)).url]})
    with pytest.raises(ValueError, match="header"):
        await calls.post("f", {"ce-authid": "a\r\nx-evil: 1"}, b"", 10)
    await calls.close()


def test_connections_end_before_the_functions_close_them() -> None:
    assert IDLE_S / 2 >= KEEPALIVE_S
