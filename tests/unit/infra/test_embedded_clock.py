"""The embedded backend's time goes on when this machine's clock steps, and says for how long nothing may be final."""

from __future__ import annotations

import pytest

from infra.embedded.clock import ADOPTED_AFTER_US, SECOND_US, STEP_US, TRUSTED_AFTER_US, Clock

DAY_US = 24 * 3600 * SECOND_US
NOW_US = 1_767_603_600 * SECOND_US


class Hands:
    """A wall clock and what has elapsed, both standing still until they are moved."""

    def __init__(self) -> None:
        self.wall, self.elapsed = NOW_US, 5 * SECOND_US

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.elapsed)

    def pass_(self, us: int) -> None:
        self.wall += us
        self.elapsed += us


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.mark.parametrize("by_us", [-STEP_US, -1, 0, 1, STEP_US])
def test_what_a_time_service_does_is_followed_at_once(hands: Hands, by_us: int) -> None:
    clock = hands.clock()
    hands.wall += by_us
    assert clock.now_us() == hands.wall
    assert clock.look() == 0
    assert (clock.now_us(), clock.trouble) == (hands.wall, "")


@pytest.mark.parametrize("by_us", [100 * DAY_US, STEP_US + 1, -STEP_US - 1, -100 * DAY_US])
def test_step_is_told_once_and_the_time_goes_on_as_before(hands: Hands, by_us: int) -> None:
    clock = hands.clock()
    hands.wall += by_us
    assert clock.now_us() == NOW_US
    assert clock.look() == by_us
    hands.pass_(SECOND_US)
    assert (clock.look(), clock.now_us()) == (0, NOW_US + SECOND_US)
    assert ("ahead" if by_us > 0 else "back") in clock.trouble


def test_step_that_is_taken_back_changes_nothing_but_is_told_and_costs_trust(hands: Hands) -> None:
    clock = hands.clock()
    hands.wall += 100 * DAY_US
    clock.look()
    hands.pass_(70 * SECOND_US)
    hands.wall -= 100 * DAY_US
    assert (clock.look(), clock.now_us()) == (-100 * DAY_US, hands.wall)
    hands.pass_(TRUSTED_AFTER_US - 1)
    assert clock.look() == 0
    assert clock.trouble
    hands.pass_(1)
    clock.look()
    assert not clock.trouble


@pytest.mark.parametrize("by_us", [100 * DAY_US, -3600 * SECOND_US])
def test_clock_that_holds_is_followed_after_an_hour_and_trusted_after_a_day(hands: Hands, by_us: int) -> None:
    clock = hands.clock()
    hands.wall += by_us
    clock.look()
    hands.pass_(ADOPTED_AFTER_US - 1)
    clock.look()
    assert clock.now_us() == hands.wall - by_us
    hands.pass_(1)
    clock.look()
    assert clock.now_us() == hands.wall
    assert clock.trouble
    hands.pass_(TRUSTED_AFTER_US - ADOPTED_AFTER_US)
    clock.look()
    assert not clock.trouble


def test_clock_that_keeps_stepping_is_never_followed(hands: Hands) -> None:
    clock = hands.clock()
    for _ in range(100):
        hands.wall += DAY_US
        assert clock.look() == DAY_US
        hands.pass_(ADOPTED_AFTER_US - 1)
        clock.look()
    assert clock.now_us() == NOW_US + 100 * (ADOPTED_AFTER_US - 1)


def test_machine_that_slept_did_not_step(hands: Hands) -> None:
    clock = hands.clock()
    hands.pass_(100 * DAY_US)
    assert (clock.look(), clock.now_us(), clock.trouble) == (0, hands.wall, "")


@pytest.mark.parametrize(
    ("gap_us", "told"),
    [(0, False), (-STEP_US, False), (-STEP_US - 1, True), (DAY_US, False), (DAY_US + 1, True), (100 * DAY_US, True)],
)
def test_start_is_compared_with_the_last_look(hands: Hands, gap_us: int, told: bool) -> None:
    clock = hands.clock()
    assert clock.resume(hands.wall - gap_us, TRUSTED_AFTER_US) == (gap_us if told else 0)
    assert bool(clock.trouble) == told
    assert clock.now_us() == hands.wall


def test_restart_does_not_forget_that_the_clock_stepped(hands: Hands) -> None:
    before = hands.clock()
    hands.wall += DAY_US
    before.look()
    hands.wall -= DAY_US
    before.look()
    hands.pass_(DAY_US // 2)
    before.look()
    after = hands.clock()
    assert after.resume(before.now_us(), before.plausible_us) == 0
    assert after.trouble.endswith("12.0 hours more")
    hands.pass_(DAY_US // 2)
    after.look()
    assert not after.trouble
