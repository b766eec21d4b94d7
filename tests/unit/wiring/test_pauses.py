"""How long a provider in trouble is left alone: by what its headers say, and by how often it failed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from shared.intent.outcomes import HandlerOutcome, LockedOut, NotApplied
from shared.wiring.lanes import MAX_REST_S, TOLERATED_FAILURES, Pool
from tests.clock import jumping
from tests.unit.wiring.calls import answering, outbound


def in_seconds(seconds: float, unit_s: float = 1.0) -> str:
    return str(int((time.time() + seconds) / unit_s))


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After-Ms": "1500"}, 1.5, 1.5),
        ({"x-ms-retry-after-ms": "250", "Retry-After": "9"}, 0.25, 0.25),
        ({"RateLimit-Reset": "30"}, 30, 30),
        ({"X-RateLimit-Reset-After": "1.25"}, 1.25, 1.25),
        ({"X-RateLimit-Reset": lambda: in_seconds(300)}, 295, 300),
        ({"X-RateLimit-Reset": lambda: in_seconds(300, 0.001)}, 295, 300),
        ({"X-RateLimit-Reset": lambda: in_seconds(-300)}, 0, 0),
        ({"X-RateLimit-Reset": lambda: in_seconds(86_400)}, 3600, 3600),
        ({"X-RateLimit-Reset": lambda: in_seconds(300), "Retry-After": "5"}, 5, 5),
    ],
)
async def test_the_end_of_a_quota_is_read_from_whatever_header_tells_it(
    headers: dict[str, Any], low: float, high: float, pool: Pool
) -> None:
    told = {name: value if isinstance(value, str) else value() for name, value in headers.items()}
    with pytest.raises(NotApplied) as caught:
        await outbound("http://a.test", pool, transport=answering(429, headers=told)).call("POST", "/")
    assert caught.value.retry_after_s is not None
    assert low <= caught.value.retry_after_s <= high


@pytest.mark.parametrize(("status", "left", "waits"), [(403, "0", True), (403, "12", False), (503, "0", False)])
async def test_the_end_of_a_quota_matters_only_where_it_is_used_up(
    status: int, left: str, waits: bool, pool: Pool
) -> None:
    headers = {"X-RateLimit-Reset": in_seconds(300), "X-RateLimit-Remaining": left}
    with pytest.raises(NotApplied) as caught:
        await outbound("http://a.test", pool, transport=answering(status, headers=headers)).call("GET", "/")
    assert (caught.value.retry_after_s is not None) == waits


# --- a host in trouble is left alone ----------------------------------------------------------------------------------


class Host:
    """A provider whose next answers are told, and which counts how often it is asked."""

    def __init__(self, *statuses: int, **headers: str) -> None:
        self.statuses, self.headers, self.asked = list(statuses), headers, 0
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return httpx.Response(status, json={}, headers=self.headers if status >= 400 else {})

    async def call(self, pool: Pool, method: str = "POST", **settings: Any) -> HandlerOutcome | None:
        try:
            await outbound("http://a.test", pool, transport=self.transport, **settings).call(method, "/orders")
        except HandlerOutcome as outcome:
            return outcome
        return None


@pytest.mark.parametrize(("status", "expected"), [(503, NotApplied), (500, NotApplied), (401, LockedOut)])
@jumping
async def test_after_three_failures_nothing_is_sent_and_what_is_not_sent_did_nothing(
    status: int, expected: type[HandlerOutcome], pool: Pool
) -> None:
    host, started = Host(status), []

    async def start() -> None:
        started.append(True)

    for _ in range(TOLERATED_FAILURES):
        await host.call(pool)
    refused = await host.call(pool, before_write=start)
    assert type(refused) is expected
    assert isinstance(refused, NotApplied)
    assert (refused.code, host.asked, started) == (f"provider_{status}", TOLERATED_FAILURES, [])
    assert refused.retry_after_s is not None
    assert 0 < refused.retry_after_s <= 1


@jumping
async def test_a_host_is_asked_again_after_its_rest_and_then_forgiven(pool: Pool) -> None:
    host = Host(503, 503, 503, 200)
    for _ in range(4):
        await host.call(pool)
    await asyncio.sleep(1.01)
    assert [await host.call(pool) for _ in range(3)] == [None] * 3
    assert host.asked == 6


@jumping
async def test_a_host_that_asks_for_time_gets_a_minute_at_most_and_its_task_all_of_it(pool: Pool) -> None:
    host = Host(429, **{"Retry-After": "300"})
    first, second = await host.call(pool), await host.call(pool, "GET")
    assert isinstance(first, NotApplied)
    assert isinstance(second, NotApplied)
    assert first.retry_after_s == 300
    assert second.retry_after_s is not None
    assert second.retry_after_s == MAX_REST_S
    assert host.asked == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 429])
@jumping
async def test_refusals_of_single_requests_leave_the_host_open(status: int, pool: Pool) -> None:
    host = Host(status)
    for _ in range(6):
        await host.call(pool)
    assert host.asked == 6


@jumping
async def test_requests_that_were_under_way_together_are_one_failure(pool: Pool) -> None:
    host = Host(503)
    await asyncio.gather(*(host.call(pool) for _ in range(10)))
    refused = await host.call(pool)
    assert isinstance(refused, NotApplied)
    assert refused.retry_after_s is not None
    assert refused.retry_after_s <= 1
