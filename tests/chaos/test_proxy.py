"""The proxy carries bytes both ways, breaks connections when it is told to, and swallows answers but no questions."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGUSR1, SIGUSR2

from infra.emulators.process import Process, free_port

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]
WAIT_S = 20.0


@dataclass
class Echo:
    """A server that answers every line with itself, and what it has heard."""

    heard: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.heard.append(line)
                writer.write(line)
        except OSError:
            pass
        writer.close()


@asynccontextmanager
async def proxied(folder: Path, echo: Echo | None) -> AsyncIterator[tuple[Process, list[Pair]]]:
    """Yield a proxy before the echo, if there is one, and twenty connections through it."""
    port, behind = free_port(), free_port()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", behind) if echo else None
    command = [sys.executable, "-m", "tests.chaos.proxy", str(port), f"127.0.0.1:{behind}", "1"]
    proxy = Process("proxy", command, folder / "proxy.log")
    await proxy.start()
    pairs: list[Pair] = []
    async with asyncio.timeout(WAIT_S):
        while len(pairs) < 20:
            try:
                pairs.append(await asyncio.open_connection("127.0.0.1", port))
            except OSError:
                await asyncio.sleep(0.01)
    try:
        yield proxy, pairs
    finally:
        for _, writer in pairs:
            writer.close()
        await proxy.stop()
        if server:
            server.close()


async def says(pair: Pair, line: bytes) -> bytes:
    """Return the answer, or nothing if the connection broke."""
    reader, writer = pair
    try:
        writer.write(line)
        return await reader.readline()
    except OSError:
        return b""


async def ask(pairs: list[Pair], line: bytes) -> list[bytes]:
    return await asyncio.gather(*(says(pair, line) for pair in pairs))


async def until_some_break(pairs: list[Pair]) -> list[bytes]:
    """Ask one question after another until some are not answered; return the answers to that one."""
    async with asyncio.timeout(WAIT_S):
        n = 0
        while b"" not in (answers := await ask(pairs, b"%d\n" % n)):
            n += 1
            await asyncio.sleep(0.01)
    return answers


async def test_bytes_go_both_ways(tmp_path: Path) -> None:
    async with proxied(tmp_path, Echo()) as (_, pairs):
        assert await ask(pairs, b"hello\n") == [b"hello\n"] * 20


async def test_reset_breaks_some_connections_and_not_the_others(tmp_path: Path) -> None:
    async with proxied(tmp_path, Echo()) as (proxy, pairs):
        await ask(pairs, b"hello\n")
        proxy.signal(SIGUSR1)
        answers = await until_some_break(pairs)
        assert 0 < answers.count(b"") < 20


async def test_swallowed_answers_belong_to_questions_that_arrived(tmp_path: Path) -> None:
    echo = Echo()
    async with proxied(tmp_path, echo) as (proxy, pairs):
        await ask(pairs, b"hello\n")
        proxy.signal(SIGUSR2)
        answers = await until_some_break(pairs)
        assert 0 < answers.count(b"") < 20
        assert echo.heard.count(max(answers)) == 20


async def test_a_server_that_is_gone_is_a_broken_connection(tmp_path: Path) -> None:
    async with proxied(tmp_path, None) as (_, pairs), asyncio.timeout(WAIT_S):
        assert await ask(pairs, b"hello\n") == [b""] * 20
