"""What is counted of one subject for allowances and rates: which counter, what it says, what a task adds. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.event.payload import View
from shared.gate.policy import Usage, money_of, subject_of, usage_path
from shared.intent.declaration import Intent
from shared.task.subjects import Wish
from shared.task.usage import Use, Used, recent


def counter_of(intent: Intent | None, parameters: Mapping[str, Any], seen: View) -> str | None:
    """Return the path of the usage counter that a plan must respect, or None where its intent counts nothing."""
    if intent is None or (intent.policy.per_day is None and intent.policy.amount is None):
        return None
    subject = subject_of(intent, parameters, seen)
    return usage_path(intent, subject) if subject else None


def usage_of(used: Used | None, at: datetime, like: tuple[Wish, ...]) -> Usage:
    """Return what the last 24 hours before `at` hold, and what others asked about the same business subject."""
    uses, amounts = recent(used, at), Counter[str]()
    for use in uses:
        amounts[use.currency] += use.minor
    return Usage(len(uses), amounts, like)


def use_of(intent: Intent | None, parameters: Mapping[str, Any], at: datetime) -> Use:
    """Return what a task that runs without a person adds."""
    money = money_of(intent, parameters) if intent else None
    return Use(at=at, minor=money.minor, currency=money.currency) if money else Use(at=at)
