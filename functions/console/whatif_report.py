"""A comparison of two policies in, what programs and terminals are told of it out: plain JSON. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from functions.console.whatif import Comparison, Flip, Side
from functions.console.whatif_settings import changes
from shared.event.money import Amount


def report(found: Comparison) -> dict[str, Any]:
    """Return what two policies make of the same tasks.

    `before` and `after`: counts of tasks, and what a day has of them; money in minor units by currency. `settings`:
    what differs, by variable. `paths`: tasks that would take the other way by intent and reasons; `matter`: the first.
    """
    days, first, last = found.days, found.first, found.last
    return {
        "tasks": found.tasks,
        "since": first.isoformat() if first else None,
        "until": last.isoformat() if last else None,
        "days": round(days, 2),
        "moved_on": found.moved_on,
        "settings": {
            name: {"today": old, "tried": new}
            for name, (old, new) in changes(found.today.settings, found.tried.settings).items()
        },
        "before": _side(found, found.before),
        "after": _side(found, found.after),
        "people": {name: _person(found, name) for name in found.people},
        "flips": len(found.flips),
        "paths": [asdict(path) for path in found.paths],
        "matter": [_flip(flip) for flip in found.matter],
    }


def _side(found: Comparison, side: Side) -> dict[str, Any]:
    days = found.days
    return {
        "runs": side.runs,
        "waits": side.waits,
        "approvals_a_day": _a_day(side.waits, days),
        "money_a_day": {currency: round(minor / days) for currency, minor in sorted(side.money.items())},
        "wrong": asdict(found.wrong(side)),
    }


def _person(found: Comparison, name: str) -> dict[str, Any]:
    def a_day(counted: Counter[str]) -> float:
        return _a_day(counted[name], found.days)

    return {
        "decided_a_day": a_day(found.decided),
        "asked_a_day_before": a_day(found.before.asked),
        "asked_a_day_after": a_day(found.after.asked),
    }


def _flip(flip: Flip) -> dict[str, Any]:
    return asdict(flip) | {"amount": _amount(flip.amount)}


def _amount(amount: Amount | None) -> dict[str, Any] | None:
    return {"minor": amount.minor, "currency": amount.currency} if amount else None


def _a_day(number: float, days: float) -> float:
    return round(number / days, 2)
