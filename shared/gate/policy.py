"""When a person must look: switches, risk, ceilings and rates. Pure.

Reasons are `code: words` and never hold a value from the payload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from shared.canonical import canonical_json, sha256_hex
from shared.currency import written
from shared.event.mailbox import mailbox
from shared.event.money import Amount
from shared.event.payload import View
from shared.intent.declaration import MAX_A_DAY, REQUESTER, Intent
from shared.intent.provenance import currency_field
from shared.settings import Settings
from shared.task.subjects import Wish

MAX_LIKE = 3  # reasons; the page lists all

_UNKNOWN = "requester_unknown: the event does not say {}, which this intent needs"


@dataclass(frozen=True, slots=True)
class Usage:
    """What this subject was given in the last 24 hours by this intent without a person: tasks, and minor units by
    currency.

    `like`: what other tasks asked about the same business subject.
    """

    count: int = 0
    amounts: Mapping[str, int] = field(default_factory=dict)
    like: tuple[Wish, ...] = ()


def is_enabled(intent: Intent, source: str, settings: Settings) -> bool:
    """Whether this source may ask for this intent at all."""
    return intent.name not in settings.disabled_intents and (intent.sources is None or source in intent.sources)


def may_run_alone(intent: Intent, settings: Settings) -> bool:
    """Whether anything of this intent may run without a person at all."""
    return intent.policy.risk == "none" or intent.name in settings.automatic


def policy_reasons(
    intent: Intent, parameters: Mapping[str, Any], view: View, usage: Usage, settings: Settings
) -> list[str]:
    """Return why policy wants a person for these parameters (check 5)."""
    policy, reasons = intent.policy, [_UNKNOWN.format(p) for p in intent.needs if view.at(p) is None]
    reasons += risk_reasons(intent, parameters, usage, settings)
    if policy.subject is not None and subject_of(intent, parameters, view) is None:
        if policy.subject not in intent.needs and (policy.risk != "none" or policy.per_day is not None):
            reasons.append("subject_unknown: the event does not say by whom it is")
    elif usage.count >= (most := min(policy.per_day or MAX_A_DAY, MAX_A_DAY)):
        reasons.append(f"rate: {most} for one {policy.subject} were already automatic within 24 hours")
    return reasons + repeated_reasons(usage.like)


def repeated_reasons(wishes: Sequence[Wish]) -> list[str]:
    """Return one reason for each earlier wish like this one: a second one is never automatic."""
    told = []
    for wish in wishes[-MAX_LIKE:]:
        begun = f", begun on {wish.started_at:%Y-%m-%d %H:%M} UTC" if wish.started_at else ""
        told.append(f"repeated: like task {wish.task_id}, {wish.intent} asked for on {wish.at:%Y-%m-%d}{begun}")
    return told


def likes(intent: Intent) -> frozenset[str]:
    """Return the intents whose wish about the same business subject makes one of this intent repeated."""
    return frozenset({intent.name, *intent.policy.excludes})


def subject_path(intent: Intent, parameters: Mapping[str, Any]) -> str | None:
    """Return the path of what was asked about the business subject of an effect, or None where the intent names none.

    The same for every intent that names its subject by the same parameters, however the value is written.
    """
    names = intent.policy.once_per
    if not names or any(parameters.get(name) in (None, "") for name in names):
        return None
    values = [str(parameters[name]).strip().lstrip("#").casefold() for name in names]
    return f"effects/{'.'.join(names)}.{sha256_hex(canonical_json(values))[:32]}"


def subject_of(intent: Intent, parameters: Mapping[str, Any], view: View) -> str | None:
    """Return by whom this task is counted, or None where the event does not say."""
    subject = intent.policy.subject
    if subject is None:
        return None
    if subject == REQUESTER:
        value = view.at("/requester/email") or view.at("/requester/id")
    else:
        value = view.at(subject) if subject.startswith("/") else parameters.get(subject)
    if not isinstance(value, str) or not value:
        return None
    return mailbox(value) if "@" in value else value.casefold()


def usage_path(intent: Intent, subject: str) -> str:
    """Return the path of what one subject was given by an intent without a person."""
    return f"usage/{intent.name}.{sha256_hex(subject.encode())[:32]}"


def money_of(intent: Intent, parameters: Mapping[str, Any]) -> Amount | None:
    """Return the amount that an allowance bounds, or None where the parameters have none.

    Its currency is that of the parameter which `MoneyFromPayload` names, else the one that the policy declares.
    """
    field = intent.policy.amount
    minor = parameters.get(field) if field else None
    if field is None or type(minor) is not int:
        return None
    named = currency_field(intent.parameters, field)
    currency = parameters.get(named) if named else intent.policy.currency
    return Amount(minor, currency) if isinstance(currency, str) else None


def ceilings_of(intent: Intent, settings: Settings) -> Mapping[str, int]:
    """Return what may run without a person, in minor units by currency; nothing where no amount is named."""
    allowance = settings.automatic.get(intent.name)
    return {intent.policy.currency: allowance} if isinstance(allowance, int) else allowance or {}


def risk_reasons(intent: Intent, parameters: Mapping[str, Any], usage: Usage, settings: Settings) -> list[str]:
    risk = intent.policy.risk
    if risk == "none":
        return []
    ceilings = ceilings_of(intent, settings)
    if intent.name not in settings.automatic or (risk == "money" and not ceilings):
        return [f"policy: {risk} intents need a person"]
    if risk != "money":
        return []
    amount = money_of(intent, parameters)
    if amount is None or amount.currency not in ceilings:
        return ["ceiling: there is no allowance in the currency of the amount"]
    allowed = written(ceilings[amount.currency], amount.currency)
    if amount.minor > ceilings[amount.currency]:
        return [f"ceiling: the amount is over the allowance of {allowed}"]
    # One allowance, whose parts may be in several currencies: half of it in each of two is all of it.
    spent = sum(Fraction(minor, ceilings[c]) for c, minor in usage.amounts.items() if ceilings.get(c))
    if spent + Fraction(amount.minor, ceilings[amount.currency] or 1) > 1:
        return [f"ceiling: with the tasks of the last 24 hours the amount is over the allowance of {allowed}"]
    return []
