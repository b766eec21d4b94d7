"""How much the model may be asked, and who answers in its place: a part of the settings, read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from shared.entries import choice, number

InPlace = Literal["people", "local"]

MOST = 10**12


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for the calls to one model. 0: there is none."""

    requests_a_minute: int = 0  # of an instance
    tokens_a_minute: int = 0  # of an instance
    tokens_a_day: int = 0  # of all instances together, by UTC
    in_place: InPlace = "people"  # who decides while the day's tokens are spent, or the model is down
    cache_s: float = 600.0  # how long an answer is good for the very same question; 0: it is not kept


def read(env: Mapping[str, str]) -> Limits:
    """Return the limits that `env` says.

    Raises:
        SettingError: a variable cannot be used.
    """

    def whole(name: str) -> int:
        return int(number(env, name, 0, 0, MOST, whole=True))

    d = Limits()
    return Limits(
        requests_a_minute=whole("MODEL_REQUESTS_A_MINUTE"),
        tokens_a_minute=whole("MODEL_TOKENS_A_MINUTE"),
        tokens_a_day=whole("MODEL_TOKENS_A_DAY"),
        in_place=choice(env, "MODEL_IN_PLACE", get_args(InPlace), d.in_place),  # type: ignore[arg-type]
        cache_s=number(env, "ANSWER_CACHE_S", d.cache_s, 0, 86_400),
    )
