"""What one instance knows of how a model is doing, and how much it may be asked: when the next call may begin. Pure.

Calls in flight grow by one in each round of calls that are answered, and are halved when the model says that it is too
much (additive increase, multiplicative decrease; Chiu and Jain 1989, as in TCP). While it is shut nothing is asked;
then one call probes whether it is over. Times are seconds of one clock that does not jump.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from shared.limits import Limits

Ending = Literal["answered", "overloaded", "failed", "given_up"]

FAILED_IN_A_ROW = 4  # without an answer between them: some calls fail on any day
SHORTEST_S, LONGEST_S = 0.5, 60.0  # how long it is shut where the model does not say: doubled each time
LONGEST_NAMED_S = 600.0  # where it does
SPREAD = 0.2  # of a wait: not all instances probe at once
SAME_TROUBLE_S = 180.0  # failures further apart than that are not of one outage
BURST = 1 / 6  # of a minute's budget, for what comes at once


class Budget:
    """So much a minute: in no minute is more begun, but for what a single large call is beyond a burst."""

    def __init__(self, a_minute: float, least: float = 0.0) -> None:
        self._most = max(least, a_minute * BURST)
        self._rate = (a_minute - self._most + least) / 60
        self._level, self._at_s = self._most, -math.inf

    def wait_s(self, amount: float, now_s: float) -> float:
        """Return how long until `amount` is there."""
        self._refill(now_s)
        return max(0.0, (min(amount, self._most) - self._level) / self._rate)

    def take(self, amount: float, now_s: float) -> None:
        """Use `amount`, or give it back (negative)."""
        self._refill(now_s)
        self._level -= amount

    def _refill(self, now_s: float) -> None:
        self._level = min(self._most, self._level + max(0.0, now_s - self._at_s) * self._rate)
        self._at_s = max(self._at_s, now_s)


@dataclass(frozen=True, slots=True)
class Flight:
    """A call that has begun. `tokens` is what it was taken to need; `shuts` how often the model was shut before."""

    tokens: int
    shuts: int
    probes: bool


class Weather:
    """At most `permits` calls at once; `chance` returns a number from 0 to 1."""

    def __init__(self, permits: int, limits: Limits, chance: Callable[[], float]) -> None:
        self._permits, self._chance = permits, chance
        self._requests = Budget(limits.requests_a_minute, 1) if limits.requests_a_minute else None
        self._tokens = Budget(limits.tokens_a_minute) if limits.tokens_a_minute else None
        self._allowed = float(permits)  # calls in flight
        self._flying = 0
        self._shuts = 0
        self._shut_until_s = -math.inf
        self._in_a_row = 0  # failures, and how often it was shut, since the last answer
        self._shut_in_a_row = 0
        self._is_probed = False
        self._down: tuple[float, float] | None = None  # first and last failure since the last answer

    @property
    def is_doubtful(self) -> bool:
        """Whether nothing was answered since the model was shut."""
        return self._shut_in_a_row > 0

    @property
    def allowed(self) -> int:
        """How many calls may be in flight."""
        return 1 if self.is_doubtful else int(self._allowed)

    def shut_s(self, now_s: float) -> float:
        """Return how long no call begins, whatever it is about; 0: one may."""
        return max(0.0, self._shut_until_s - now_s)

    def down_s(self, now_s: float) -> float:
        """Return for how long nothing was answered although it was asked."""
        if self._down is None or now_s - self._down[1] > SAME_TROUBLE_S:
            return 0.0
        return now_s - self._down[0]

    def wait_s(self, tokens: int, now_s: float) -> float:
        """Return how long until a call of so many tokens may begin; infinite: until another one has ended."""
        if shut_s := self.shut_s(now_s):
            return shut_s
        is_full = self._is_probed if self.is_doubtful else self._flying >= int(self._allowed)
        if is_full:
            return math.inf
        budgets = ((self._requests, 1), (self._tokens, tokens))
        return max((budget.wait_s(amount, now_s) for budget, amount in budgets if budget), default=0.0)

    def begin(self, tokens: int, now_s: float) -> Flight:
        """Count a call that begins now."""
        self._flying += 1
        flight = Flight(tokens, self._shuts, self.is_doubtful)
        self._is_probed = self._is_probed or flight.probes
        if self._requests:
            self._requests.take(1, now_s)
        if self._tokens:
            self._tokens.take(tokens, now_s)
        return flight

    def end(self, flight: Flight, ending: Ending, now_s: float, *, used: int = 0, retry_after_s: float = 0.0) -> bool:
        """Count a call that ended, `used` tokens if it was answered; return whether the weather changed by it."""
        self._flying -= 1
        if flight.probes:
            self._is_probed = False
        if self._tokens and ending == "answered":
            self._tokens.take(used - flight.tokens, now_s)
        if ending == "given_up":
            return False
        if ending == "answered":
            return self._answered(flight)
        first_s, last_s = self._down or (now_s, now_s)
        self._down = (first_s if now_s - last_s <= SAME_TROUBLE_S else now_s, now_s)
        return self._failed(flight, retry_after_s if ending == "overloaded" else 0.0, now_s)

    def _answered(self, flight: Flight) -> bool:
        self._down, self._in_a_row = None, 0
        if flight.shuts < self._shuts:  # it began before: it says nothing of now
            return False
        was_doubtful, self._shut_in_a_row = self.is_doubtful, 0
        self._allowed = min(float(self._permits), self._allowed + 1 / self._allowed)
        return was_doubtful

    def _failed(self, flight: Flight, retry_after_s: float, now_s: float) -> bool:
        self._in_a_row += 1
        until_s = now_s + min(retry_after_s, LONGEST_NAMED_S)
        if flight.shuts < self._shuts:  # of the same trouble
            self._shut_until_s = max(self._shut_until_s, until_s)
            return False
        if not (retry_after_s or flight.probes or self._in_a_row >= FAILED_IN_A_ROW):
            return False
        self._shuts += 1
        if not flight.probes:
            self._allowed = max(1.0, self._allowed / 2)
        own_s = min(LONGEST_S, SHORTEST_S * 2 ** min(self._shut_in_a_row, 10))
        wait_s = min(retry_after_s, LONGEST_NAMED_S) or own_s
        self._shut_until_s = now_s + wait_s * (1 + SPREAD * self._chance())
        self._shut_in_a_row += 1
        return True
