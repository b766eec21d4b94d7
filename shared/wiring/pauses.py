"""When a provider wants to be asked again: the headers of its answer in, seconds out.

`Retry-After` is RFC 9110's. The rest is custom: milliseconds at some, the end of the quota's window at others, as
seconds from now (drafts of RateLimit, Discord), or as Unix time in seconds (GitHub, Auth0) or milliseconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_PAUSE_S = 3600.0
# No window is as long as the 30 years that this many seconds are, and no clock as early.
_UNIX_S, _UNIX_MS = 1e9, 1e12
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")


def asked_pause_s(headers: Mapping[str, str], *, over_quota: bool) -> float | None:
    """Return how long the provider wants to be left alone, 0 to an hour; None where it does not say so readably.

    Args:
        headers: of the answer, looked up in lower case.
        over_quota: whether the answer refuses for the quota's sake: only then does the end of its window matter.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (milliseconds := _number(headers.get(name))) is not None:
            return _capped(milliseconds / 1000)
    if (asked_s := _retry_after_s(headers.get("retry-after"))) is not None:
        return _capped(asked_s)
    for name in ("x-ratelimit-reset-after", "x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"):
        if over_quota and (reset := _number(headers.get(name))) is not None:
            return _capped(_from_now_s(reset))
    return None


def _retry_after_s(value: str | None) -> float | None:
    """Read seconds or a date."""
    if not value:
        return None
    if (seconds := _number(value)) is not None:
        return seconds
    try:
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def _from_now_s(reset: float) -> float:
    if reset >= _UNIX_MS:
        return reset / 1000 - time.time()
    return reset - time.time() if reset >= _UNIX_S else reset


def _number(value: str | None) -> float | None:
    return float(value) if value and _NUMBER.fullmatch(value.strip()) else None


def _capped(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_PAUSE_S)
