"""Values in, what a person may safely read out: times, spans, amounts, and text whose tricks are made visible. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup, escape

from shared.currency import written
from shared.event.tricks import TRICKS
from shared.gate.policy import money_of
from shared.intent.declaration import Intent
from shared.intent.provenance import currency_field
from shared.intent.sentence import money, sentence
from shared.task.schemas import TaskRow

LETTERS = {
    "parked": "it never became a task",
    "task_not_found": "there is no task of its id",
    "already_done": "its task had ended already",
}
SOON_S = 4 * 3600  # as the reminder in the chat
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def visible(value: Any) -> Markup:
    """Return a value as escaped text in which hidden characters stand by their numbers."""
    return Markup(TRICKS.sub(_named, str(escape(str(value)))))  # noqa: S704  it is escaped


def span(duration: timedelta | float) -> str:
    """Return a duration in its two largest units: `2 d 3 h`, `4 min 5 s`, `320 ms`."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if abs(seconds) < 1:
        return f"{round(seconds * 1000)} ms"
    rest, parts = round(abs(seconds)), []
    for size, unit in _UNITS:
        if rest >= size:
            parts.append(f"{rest // size} {unit}")
            rest %= size
    return ("-" if seconds < 0 else "") + " ".join(parts[:2])


def when(at: datetime, now: datetime, form: str = "") -> Markup:
    """Return a time element: how long ago, or how long from now; the page's script keeps it current, in local time.

    `form`: `brief` says it in its largest unit, `left` how much is left in that, `exact` the time itself.
    """
    left = (at - now).total_seconds()
    length = span(abs(left))
    if form in ("brief", "left"):
        length = " ".join(length.split()[:2])
    exact = f"{at:%Y-%m-%d %H:%M} UTC"
    text = f"{length} ago" if left < 0 else f"{length} left" if form == "left" else f"in {length}"
    soon = " soon" if form == "left" and left < SOON_S else ""
    moment = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    shown = exact if form == "exact" else text
    return Markup('<time datetime="{}" title="{}" class="{}">{}</time>').format(moment, exact, f"{form}{soon}", shown)


def in_order(intent: Intent | None, parameters: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the parameters by names as people write them; money as money, its currency with it."""
    said, field = (money(intent, parameters), intent.policy.amount) if intent else ("", None)
    currency = currency_field(intent.parameters, field) if intent and field and said else None
    shown = {name: said if said and name == field else value for name, value in parameters.items() if name != currency}
    return [
        (name.removesuffix("_minor").replace("_", " ") if said else name.replace("_", " "), v)
        for name, v in shown.items()
    ]


def ended(outcome: str) -> str:
    """Return what became of the task that a dead letter belongs to."""
    return LETTERS.get(outcome, f"its task: {outcome.replace('_', ' ')}")


def effect(intent: Intent | None, parameters: Mapping[str, Any]) -> str:
    """Return what an intent would do as people say it; empty where there is no intent."""
    return sentence(intent, parameters) if intent else ""


def totals(registry: Mapping[str, Intent], rows: Iterable[TaskRow]) -> list[str]:
    """Return how much money several tasks would move together, by currency: `1,024.50 USD`."""
    found = Counter[str]()
    for row in rows:
        money = money_of(registry[row.intent], row.parameters) if row.intent in registry else None
        if money is not None:
            found[money.currency] += money.minor
    return [written(minor, currency) for currency, minor in sorted(found.items())]


def counted(number: int, up_to: int) -> str:
    """Return a count that stopped at `up_to`, as people read it: `1,000+`."""
    return f"{number:,}" + ("+" if number >= up_to else "")


def _named(match: re.Match[str]) -> str:
    return f'<span class="trick" title="hidden character">U+{ord(match[0]):04X}</span>'
