"""What is asked while calls are under way shares the next one, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from shared.wiring.adapters.shared_calls import CALLS, MOST, SharedCalls


class Line:
    """A server of doubles that answers when it is told to; `sent` holds the calls."""

    def __init__(self) -> None:
        self.sent: list[list[int]] = []
        self.answers = asyncio.Event()
        self.calls = SharedCalls(self._send)

    async def _send(self, items: list[int]) -> Sequence[int | Exception]:
        self.sent.append(items)
        await self.answers.wait()
        if 0 in items:
            raise ZeroDivisionError
        return [OverflowError() if item > 99 else item * 2 for item in items]

    async def asked(self, *items: int) -> list[asyncio.Task[int]]:
        """Ask for items, and return once all that can be under way is."""
        asking = [asyncio.create_task(self.calls.ask(item)) for item in items]
        for _ in range(3):
            await asyncio.sleep(0)
        return asking


async def test_item_goes_at_once_while_nothing_is_under_way() -> None:
    line = Line()
    await line.asked(1)
    assert line.sent == [[1]]
    line.answers.set()


async def test_what_waits_goes_together_and_each_gets_its_own_answer() -> None:
    line = Line()
    asking = await line.asked(*range(1, 7))
    assert line.sent == [[n] for n in range(1, CALLS + 1)]
    line.answers.set()
    assert await asyncio.gather(*asking) == [2, 4, 6, 8, 10, 12]
    assert line.sent[CALLS:] == [list(range(CALLS + 1, 7))]


async def test_call_carries_no_more_than_it_may() -> None:
    line = Line()
    asking = await line.asked(*[1] * (CALLS + MOST + 1))
    line.answers.set()
    await asyncio.gather(*asking)
    assert [len(items) for items in line.sent[CALLS:]] == [MOST, 1]


async def test_error_of_one_is_its_own_and_of_a_call_everybodys() -> None:
    line = Line()
    asking = await line.asked(*[1] * CALLS, 2, 100, 3)
    line.answers.set()
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in ended[CALLS:]] == [int, OverflowError, int]
    asking = await line.asked(0, 1)
    assert [type(e) for e in await asyncio.gather(*asking, return_exceptions=True)] == [ZeroDivisionError, int]


async def test_whoever_gave_up_before_it_was_sent_is_never_sent() -> None:
    line = Line()
    asking = await line.asked(*[1] * CALLS, 2, 3)
    asking[CALLS].cancel()
    line.answers.set()
    assert await asking[CALLS + 1] == 6
    assert line.sent[CALLS:] == [[3]]


async def test_whoever_gives_up_takes_no_answer_from_the_others() -> None:
    line = Line()
    asking = await line.asked(*[1] * CALLS, 2, 3)
    line.answers.set()
    await asking[0]
    await asyncio.sleep(0)
    asking[CALLS].cancel()
    assert await asking[CALLS + 1] == 6


async def test_calls_cut_short_by_the_end_leave_nobody_waiting() -> None:
    line = Line()
    [asking] = await line.asked(1)
    for task in asyncio.all_tasks() - {asyncio.current_task(), asking}:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
