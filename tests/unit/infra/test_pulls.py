"""Waiting pulls: never more asked than there is room for, and nothing lost between them, at a failure or at the end."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from infra.emulators.pulls import PULLS, Pulls


class Subscription:
    """Stands for the emulator: a call takes what is there, or waits until something is, or until `end`."""

    def __init__(self, *messages: str) -> None:
        self.messages = deque(messages)
        self.calls: list[tuple[int, bool]] = []  # most, whether at once
        self.asking: list[int] = []
        self._news, self._asked = asyncio.Event(), asyncio.Event()
        self._has_ended = False
        self.failure: Exception | None = None

    async def ask(self, most: int, at_once: bool) -> list[str]:
        self.calls.append((most, at_once))
        self.asking.append(most)
        self._asked.set()
        try:
            while not (self.messages or at_once or self._has_ended or self.failure):
                self._news.clear()
                await self._news.wait()
            if self.failure:
                failure, self.failure = self.failure, None
                raise failure
            return [self.messages.popleft() for _ in range(min(most, len(self.messages)))]
        finally:
            self.asking.remove(most)

    def publish(self, *messages: str) -> None:
        self.messages.extend(messages)
        self._news.set()

    def fail(self, failure: Exception) -> None:
        self.failure = failure
        self._news.set()

    def end(self) -> None:
        self._has_ended = True
        self._news.set()

    async def is_asked(self, calls: int) -> None:
        async with asyncio.timeout(5):
            while len(self.asking) < calls:
                self._asked.clear()
                await self._asked.wait()


@pytest.mark.parametrize(
    ("most", "shares"), [(1, [1]), (3, [1] * 3), (20, [20 // PULLS + (n < 20 % PULLS) for n in range(PULLS)])]
)
async def test_what_may_be_taken_is_shared_among_the_waiting_calls(most: int, shares: list[int]) -> None:
    there = Subscription()
    pulls = Pulls(there.ask)
    taking = asyncio.create_task(pulls.take(most, 10))
    await there.is_asked(len(shares))
    assert (sorted(there.asking, reverse=True), len(shares) <= PULLS) == (shares, True)
    there.publish("a")
    assert await taking == ["a"]
    there.end()
    await pulls.close()


async def test_call_that_waits_between_two_takes_asks_within_the_room_that_is_left() -> None:
    there = Subscription()
    pulls = Pulls(there.ask)
    assert await pulls.take(20, 0.001) == []
    await there.is_asked(PULLS)
    assert await pulls.take(20, 0.001) == []
    assert (sum(there.asking), len(there.calls)) == (20, PULLS)
    there.publish("a")
    assert await pulls.take(20, 10) == ["a"]
    there.end()
    await pulls.close()


async def test_full_answer_is_followed_by_one_call_for_all_that_there_is_room_for() -> None:
    there = Subscription(*map(str, range(30)))
    pulls = Pulls(there.ask)
    first = await pulls.take(PULLS, 10)
    assert there.calls[0] == (1, False)
    taken = [*first, *await pulls.take(100, 10)]
    while len(taken) < 30:
        taken += await pulls.take(100, 10)
    assert any(at_once and most > 80 for most, at_once in there.calls)
    assert sorted(taken, key=int) == [str(n) for n in range(30)]
    before = len(there.calls)
    assert await pulls.take(100, 0.2) == []  # not asked over and over
    assert len(there.calls) - before <= PULLS + 1
    there.end()
    await pulls.close()


async def test_while_there_is_much_to_do_one_call_waits_for_all() -> None:
    there, is_busy = Subscription(), True
    pulls = Pulls(there.ask, lambda: is_busy)
    assert await pulls.take(20, 0.001) == []
    assert there.calls == [(20, False)]
    is_busy = False
    there.publish("a")
    assert await pulls.take(20, 10) == ["a"]
    assert await pulls.take(19, 0.001) == []
    await there.is_asked(PULLS)
    there.end()
    await pulls.close()


async def test_no_more_is_given_than_asked_and_the_rest_is_there_for_the_next() -> None:
    there = Subscription()
    pulls = Pulls(there.ask)
    assert await pulls.take(24, 0.001) == []
    await there.is_asked(PULLS)
    there.publish("a", "b", "c")
    assert [*await pulls.take(2, 10), *await pulls.take(2, 10)] == ["a", "b", "c"]
    there.end()
    await pulls.close()


async def test_failed_call_is_told_and_what_others_bring_is_kept() -> None:
    there = Subscription()
    pulls = Pulls(there.ask)
    assert await pulls.take(20, 0.001) == []
    await there.is_asked(PULLS)
    there.fail(ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError):
        await pulls.take(20, 10)
    there.publish("a")
    assert await pulls.take(20, 10) == ["a"]
    there.end()
    await pulls.close()


async def test_cancelled_take_loses_nothing() -> None:
    there = Subscription()
    pulls = Pulls(there.ask)
    taking = asyncio.create_task(pulls.take(20, 10))
    await there.is_asked(PULLS)
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    there.publish("a")
    assert await pulls.take(20, 10) == ["a"]
    there.end()
    await pulls.close()


async def test_end_waits_for_the_calls_and_returns_what_nobody_took() -> None:
    there = Subscription()
    pulls = Pulls(there.ask)
    assert await pulls.take(20, 0.001) == []
    await there.is_asked(PULLS)
    closing = asyncio.create_task(pulls.close())
    await asyncio.sleep(0)
    there.publish("a", "b")
    there.end()
    assert sorted(await closing) == ["a", "b"]
    assert (there.asking, there.messages) == ([], deque())
    assert len(there.calls) == PULLS  # none began again
