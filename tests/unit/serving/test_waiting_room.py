"""A function holds so much at once, whatever it is sent: what is usual never waits, what is large does."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request

from shared.errors import Retry
from shared.serving.waiting_room import HEAVIEST_MIB, MIB, TIMES, WaitingRoom, weight_mib

SMALL, LARGE = b"2000", b"10000000"


def request(length: bytes | None = SMALL) -> Request:
    return Request({"type": "http", "headers": [] if length is None else [(b"content-length", length)]})


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Visitors:
    """Go in when they may, and out when they are told."""

    def __init__(self, room: WaitingRoom) -> None:
        self._room, self._out = room, asyncio.Event()
        self.inside: list[str] = []
        self.most_mib = self.held_mib = 0.0

    def come(self, name: str, length: bytes = SMALL) -> asyncio.Task[None]:
        return asyncio.create_task(self._visit(name, request(length)))

    async def _visit(self, name: str, visitor: Request) -> None:
        async with self._room.place(visitor):
            self.inside.append(name)
            self.held_mib += weight_mib(visitor)
            self.most_mib = max(self.most_mib, self.held_mib)
            await self._out.wait()
            self.held_mib -= weight_mib(visitor)

    def leave(self) -> None:
        self._out.set()


@pytest.mark.parametrize(
    ("length", "weight"),
    [
        (b"0", 0.0),
        (SMALL, 2000 * TIMES / MIB),
        (LARGE, HEAVIEST_MIB),
        (None, HEAVIEST_MIB),
        (b"-1", HEAVIEST_MIB),
        (b"9" * 4000, HEAVIEST_MIB),
        ("²".encode(), HEAVIEST_MIB),
    ],
)
def test_weight_is_what_a_request_may_come_to_need(length: bytes | None, weight: float) -> None:
    assert weight_mib(request(length)) == weight


async def test_hundreds_of_usual_messages_are_let_in_at_once() -> None:
    visitors = Visitors(WaitingRoom(256.0))
    tasks = [visitors.come(str(n)) for n in range(500)]
    await settle()
    assert len(visitors.inside) == 500
    visitors.leave()
    await asyncio.gather(*tasks)


async def test_large_ones_wait_in_the_order_they_came_and_never_more_are_in_than_there_is_room_for() -> None:
    visitors = Visitors(WaitingRoom(2 * HEAVIEST_MIB))
    tasks = [visitors.come(str(n), LARGE) for n in range(7)]
    await settle()
    assert visitors.inside == ["0", "1"]
    visitors.leave()
    await asyncio.gather(*tasks)
    assert visitors.inside == [str(n) for n in range(7)]
    assert visitors.most_mib == 2 * HEAVIEST_MIB


async def test_who_waits_too_long_is_sent_away_and_comes_again() -> None:
    room = WaitingRoom(HEAVIEST_MIB, patience_s=0.01)
    visitors = Visitors(room)
    task = visitors.come("first", LARGE)
    await settle()
    with pytest.raises(Retry, match="too many large messages"):
        async with room.place(request(LARGE)):
            pytest.fail("there was no room")
    visitors.leave()
    await task
    async with room.place(request(LARGE)):
        pass


async def test_whoever_goes_away_while_waiting_leaves_no_hole() -> None:
    room = WaitingRoom(HEAVIEST_MIB)
    visitors = Visitors(room)
    first, gone, small = visitors.come("first", LARGE), visitors.come("gone", LARGE), visitors.come("small", b"0")
    await settle()
    gone.cancel()
    await settle()
    assert visitors.inside == ["first", "small"]
    visitors.leave()
    await asyncio.gather(first, small)
    async with asyncio.timeout(1), room.place(request(LARGE)):
        pass
