"""The page of today's policy: what decides, a form to try other settings, and what the newest tasks come to by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from functions.console.page import Page
from functions.console.whatif import Comparison
from functions.console.whatif_recent import MOST, compare
from functions.console.whatif_report import report
from functions.console.whatif_settings import ceiling, texts
from shared.entries import ANY_INTENT
from shared.errors import SettingError
from shared.gate.policy import ceilings_of
from shared.intent.declaration import Intent
from shared.records.switches import switches
from shared.settings import Settings

LIMITS = ("100", "200", str(MOST))
TYPED = ("CONFIDENCE_THRESHOLD", "CERTIFICATION", "CERTIFICATE", "limit")
# What each intent has in the form, by the beginning of the field's name.
ALLOWANCE, ALONE, OFF = "allowance.", "alone.", "off."

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the form holds of one intent: its allowance as typed, whether it may run alone, whether it is off."""

    intent: Intent
    allowance: str
    alone: bool
    off: bool
    approvers: tuple[str, ...]
    stopped: bool


async def policy_page(page: Page, form: Form | None = None) -> Response:
    """Show what decides today; with a submitted form, also what would be different by it.

    A form that is refused comes back as it was, with the name of the setting and the cure. Nothing is changed.
    """
    ports = page.ports
    found: Comparison | None = None
    error = field = ""
    if form is not None:
        try:
            found = await compare(ports, variables(form, ports.registry), limit=_limit(form))
        except SettingError as refused:
            error, field = refused.message, refused.field or ""
    shown = dict.fromkeys(TYPED, "") | dict(values(ports.settings, ports.registry) if form is None else form)
    stopped = {switch.name for switch in await switches(ports.store, ports.registry) if switch.stops}
    return await page.render(
        "policy.html",
        shown=[shown, stopped, error],
        status=400 if error else 200,
        form=shown,
        choices=[_choice(intent, shown, ports.settings, stopped) for intent in ports.registry.values()],
        limits=LIMITS,
        found=found,
        told=report(found) if found else None,
        error=error,
        field=field,
    )


def values(settings: Settings, intents: Mapping[str, Intent]) -> dict[str, str]:
    """Return the form as it is filled in by these settings."""
    known = texts(settings)
    filled = {name: known[name] for name in TYPED if name in known} | {"limit": LIMITS[1]}
    for name, intent in intents.items():
        if name in settings.automatic:
            filled[ALLOWANCE + name] = ceiling(ceilings_of(intent, settings))
            filled[ALONE + name] = "yes"
        if name in settings.disabled_intents:
            filled[OFF + name] = "yes"
    return filled


def variables(form: Form, intents: Mapping[str, Intent]) -> dict[str, str]:
    """Return a submitted form as the variables that would say it.

    Raises:
        SettingError: an allowance holds a comma, which would begin another entry, or the threshold is empty.
    """
    threshold = form.get("CONFIDENCE_THRESHOLD", "").strip()
    if not threshold:
        raise SettingError("CONFIDENCE_THRESHOLD must be a number from 0 to 1", field="CONFIDENCE_THRESHOLD")
    return {
        "CONFIDENCE_THRESHOLD": threshold,
        "AUTOMATIC": ",".join(entry for intent in intents.values() if (entry := _entry(intent, form))),
        "DISABLED_INTENTS": ",".join(name for name in intents if form.get(OFF + name)),
        "CERTIFICATION": form.get("CERTIFICATION", ""),
        "CERTIFICATE": form.get("CERTIFICATE", "").strip(),
    }


def _entry(intent: Intent, form: Form) -> str:
    """Return what `AUTOMATIC` has of one intent, or nothing."""
    if intent.policy.risk != "money":
        return intent.name if form.get(ALONE + intent.name) else ""
    typed = form.get(ALLOWANCE + intent.name, "").strip()
    if "," in typed:
        why = "an amount is written without a comma, 1250.00 USD; several are 50.00 USD|45.00 EUR"
        raise SettingError(f"AUTOMATIC has {typed!r} for {intent.name}; {why}", field="AUTOMATIC")
    return f"{intent.name}<={typed}" if typed else ""


def _choice(intent: Intent, form: Form, settings: Settings, stopped: set[str]) -> Choice:
    people = settings.approvers.get(intent.name, settings.approvers.get(ANY_INTENT, frozenset()))
    return Choice(
        intent,
        allowance=form.get(ALLOWANCE + intent.name, ""),
        alone=bool(form.get(ALONE + intent.name)),
        off=bool(form.get(OFF + intent.name)),
        approvers=tuple(sorted(people)),
        stopped=intent.name in stopped,
    )


def _limit(form: Form) -> int:
    wanted = form.get("limit", LIMITS[1])
    return int(wanted) if wanted in LIMITS else MOST
