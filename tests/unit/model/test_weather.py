"""When the next call may begin: budgets by the minute, calls in flight, and what a model says is too much."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from shared.limits import Limits
from shared.model.weather import FAILED_IN_A_ROW, LONGEST_S, SHORTEST_S, Budget, Flight, Weather


def weather(permits: int = 10, chance: float = 0.0, **limits: Any) -> Weather:
    return Weather(permits, Limits(**limits), lambda: chance)


def shut(sky: Weather, at_s: float, retry_after_s: float = 0.0) -> None:
    """Let one call be told that it is too much."""
    sky.end(sky.begin(1, at_s), "overloaded", at_s, retry_after_s=retry_after_s)


def fill(sky: Weather, at_s: float) -> list[Flight]:
    """Begin as many calls as are allowed."""
    flights = []
    while sky.wait_s(1, at_s) == 0:
        flights.append(sky.begin(1, at_s))
    return flights


@pytest.mark.parametrize("a_minute", [1, 5, 60, 601])
def test_in_no_minute_more_calls_begin_than_are_allowed(a_minute: int) -> None:
    sky, now_s, begun = weather(1000, requests_a_minute=a_minute), 0.0, []
    while now_s < 200:
        wait_s = sky.wait_s(1, now_s)
        if wait_s:
            now_s += wait_s + 1e-9
        else:
            begun.append(now_s)
            sky.end(sky.begin(1, now_s), "answered", now_s)
    most = max(sum(at <= other < at + 60 for other in begun) for at in begun)
    assert a_minute - 1 <= most <= a_minute
    assert len(begun) >= a_minute * 2.9


def test_tokens_are_counted_as_they_are_used_and_a_large_call_is_paid_off() -> None:
    sky = weather(tokens_a_minute=6000)  # 1,000 at once
    flight = sky.begin(900, 0)
    assert sky.wait_s(900, 0) > 0
    sky.end(flight, "answered", 0, used=100)
    assert sky.wait_s(900, 0) == 0
    sky.end(sky.begin(50_000, 0), "answered", 0, used=50_000)  # more than a minute has
    assert 500 < sky.wait_s(900, 0) < 700


def test_budget_is_never_more_than_a_burst_after_a_long_rest() -> None:
    budget = Budget(600, 1)
    budget.take(100, 3600)
    assert budget.wait_s(1, 3600) > 0


def test_named_delay_is_kept_to_and_one_call_probes_afterwards() -> None:
    sky = weather(chance=0.5)
    shut(sky, 0, retry_after_s=30)
    assert sky.wait_s(1, 1) == pytest.approx(32)  # and a tenth more, by chance
    assert len(fill(sky, 33)) == 1
    assert sky.wait_s(1, 33) == math.inf


def test_calls_grow_by_one_a_round_after_they_were_halved() -> None:
    sky = weather()
    shut(sky, 0, retry_after_s=1)
    flown = []
    for now_s in range(10, 22):
        flights = fill(sky, now_s)
        flown.append(len(flights))
        for flight in flights:
            sky.end(flight, "answered", now_s)
    assert flown[0] == 1
    assert flown[1] in (5, 6)
    assert flown == sorted(flown)
    assert all(b - a <= 1 for a, b in pairwise(flown[1:]))
    assert flown[-1] == 10


def test_many_calls_of_one_storm_halve_it_once() -> None:
    sky = weather()
    for flight in fill(sky, 0):
        sky.end(flight, "overloaded", 0.1, retry_after_s=5)
    (probe,) = fill(sky, 6)
    sky.end(probe, "answered", 6)
    assert sky.allowed == 5


def test_probe_that_fails_shuts_it_for_twice_as_long_up_to_a_minute() -> None:
    sky, now_s, waits = weather(), 0.0, []
    for _ in range(FAILED_IN_A_ROW):
        sky.end(sky.begin(1, 0), "failed", 0)
    for _ in range(12):
        waits.append(sky.shut_s(now_s))
        now_s += waits[-1]
        (probe,) = fill(sky, now_s)
        sky.end(probe, "failed", now_s)
    assert waits[:3] == pytest.approx([SHORTEST_S, 2 * SHORTEST_S, 4 * SHORTEST_S])
    assert waits[-1] == pytest.approx(LONGEST_S)


def test_failures_between_answers_shut_nothing() -> None:
    sky = weather()
    for _ in range(20):
        for ending in ("failed", "overloaded", "answered"):
            sky.end(sky.begin(1, 0), ending, 0)
    assert (sky.shut_s(0), sky.allowed) == (0, 10)


def test_probe_whose_caller_has_gone_leaves_the_way_to_the_next() -> None:
    sky = weather()
    shut(sky, 0, retry_after_s=1)
    (probe,) = fill(sky, 2)
    sky.end(probe, "given_up", 3)
    assert len(fill(sky, 3)) == 1


def test_answer_of_a_call_that_began_before_opens_nothing() -> None:
    sky = weather()
    before = sky.begin(1, 0)
    shut(sky, 1, retry_after_s=20)
    sky.end(before, "answered", 2)
    assert sky.is_doubtful
    assert sky.shut_s(2) > 18


def test_it_is_down_from_the_first_failure_until_an_answer_or_a_long_silence() -> None:
    sky = weather()
    for now_s in (10, 70, 130):
        sky.end(sky.begin(1, now_s), "failed", now_s)
    assert sky.down_s(140) == 130
    assert sky.down_s(1000) == 0  # nobody has asked since
    sky.end(sky.begin(1, 150), "failed", 150)
    sky.end(sky.begin(1, 151), "answered", 151)
    assert sky.down_s(152) == 0
