"""Settings that are lists, `entry,entry`, words or numbers: their text in; what they say out, or a refusal.

Nothing is taken for something else: an entry that stands there twice, or in another form, is refused by name. Whether a
name is one of ours is for `shared.intent.named` to say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping

from shared.currency import minor_units
from shared.errors import SettingError

# Minor units by currency; minor units of the one that the intent declares; None where no money moves.
Allowance = Mapping[str, int] | int | None

ANY_INTENT = "*"  # in `APPROVERS`: every intent that has no entry of its own
SERVICE_ACCOUNT = re.compile(r"[a-z0-9.-]+@[a-z0-9.:-]+\.gserviceaccount\.com")
_INTENT = re.compile(r"[a-z][a-z0-9_]*")
_PERSON = re.compile(r"[^@\s,|=:*]+@[^@\s,|=:*]+")
_VOICE = re.compile(r"([a-z][a-z0-9_-]{0,62}):(bot|staff|private_note)")


def choice(env: Mapping[str, str], name: str, options: tuple[str, ...], default: str) -> str:
    """Return a word that must be one of these."""
    value = env.get(name) or default
    if value not in options:
        raise SettingError(f"{name} is {value!r}; it must be one of {', '.join(options)}", field=name)
    return value


def number(env: Mapping[str, str], name: str, default: float, low: float, high: float, *, whole: bool = False) -> float:
    """Return a number from `low` to `high`."""
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise SettingError(f"{name} is {text!r}; it must be {kind} from {low:g} to {high:g}", field=name)
    return value


def intents(variable: str, text: str) -> frozenset[str]:
    """Parse `ticket_summary,cancel_order`."""
    return frozenset(_intent(variable, entry, entry) for entry in _entries(variable, text))


def one_of(variable: str, text: str, known: Collection[str]) -> frozenset[str]:
    """Parse a list of words that are all known."""
    for entry in (found := _entries(variable, text)):
        if entry not in known:
            raise _refused(variable, entry, f"each entry must be one of {', '.join(known)}")
    return frozenset(found)


def voices(variable: str, text: str) -> frozenset[str]:
    """Parse `github:bot,zendesk:private_note`."""
    for entry in (found := _entries(variable, text)):
        if not _VOICE.fullmatch(entry):
            raise _refused(variable, entry, "each entry must be source:bot, source:staff or source:private_note")
    return frozenset(found)


def callers(variable: str, text: str) -> frozenset[str]:
    """Parse `crm@project.iam.gserviceaccount.com`: programs; a person is no system of ours."""
    for entry in (found := _entries(variable, text)):
        if not SERVICE_ACCOUNT.fullmatch(entry):
            raise _refused(
                variable, entry, "each entry must be a service account such as crm@project.iam.gserviceaccount.com"
            )
    return frozenset(found)


def allowances(variable: str, text: str) -> dict[str, Allowance]:
    """Parse `refund_request<=50.00 USD|45.00 EUR,password_reset`: what may run without a person, money up to that.

    A ceiling without a currency, `<=5000`, is in minor units of the one that the intent declares.
    """
    found: dict[str, Allowance] = {}
    for entry in _entries(variable, text):
        name, bounded, ceiling = entry.partition("<=")
        _once(variable, _intent(variable, name, entry), found)
        amounts = [minor_units(amount.strip()) for amount in ceiling.split("|")]
        known = dict(amount for amount in amounts if amount)
        if re.fullmatch(r"[0-9]{1,12}", ceiling):
            found[name] = int(ceiling)
        elif bounded and len(known) < len(amounts):
            why = f"a ceiling is written {name}<=50.00 USD, or one for each currency, {name}<=50.00 USD|45.00 EUR"
            raise _refused(variable, entry, why)
        else:
            found[name] = known or None
    return found


def people(variable: str, text: str) -> dict[str, frozenset[str]]:
    """Parse `refund_request=a@x.com|b@x.com,*=lead@x.com`."""
    found: dict[str, frozenset[str]] = {}
    for entry in _entries(variable, text):
        name, _, who = entry.partition("=")
        names = [part.strip() for part in who.split("|")]
        _once(variable, name if name == ANY_INTENT else _intent(variable, name, entry), found)
        if not all(map(_PERSON.fullmatch, names)):
            raise _refused(variable, entry, "each entry must be intent=person@example.com|other@example.com")
        if len({person.casefold() for person in names}) < len(names):
            raise _refused(variable, entry, "it names one person twice")
        found[name] = frozenset(names)
    return found


def officers(variable: str, text: str) -> frozenset[str]:
    """Parse `dpo@x.com,lead@x.com`."""
    for entry in (found := _entries(variable, text)):
        if not _PERSON.fullmatch(entry):
            raise _refused(variable, entry, "each entry must be a person's address such as dpo@example.com")
    return frozenset(found)


def _entries(variable: str, text: str) -> list[str]:
    found = [entry.strip() for entry in text.split(",") if entry.strip()]
    twice = next((entry for n, entry in enumerate(found) if entry in found[:n]), None)
    if twice is not None:
        raise _refused(variable, twice, "it stands there twice")
    return found


def _intent(variable: str, name: str, entry: str) -> str:
    if not _INTENT.fullmatch(name):
        raise _refused(variable, entry, f"{name!r} is no name of an intent: small letters, digits and _, as its folder")
    return name


def _once(variable: str, name: str, found: Mapping[str, object]) -> None:
    if name in found:
        raise SettingError(f"{variable} has two entries for {name!r}; keep one", field=variable)


def _refused(variable: str, entry: str, why: str) -> SettingError:
    return SettingError(f"{variable} has {entry!r}; {why}", field=variable)
