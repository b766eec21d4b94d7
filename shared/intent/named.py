"""Settings and the closed list of intents in; what they name that does not exist out, as a refusal. Pure.

A name that nothing bears would leave on what somebody switched off, and let anybody decide what was for a few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.calibration.certify import tail
from shared.certificate import Certificate
from shared.currency import written
from shared.entries import ANY_INTENT
from shared.errors import SettingError
from shared.event.payload import VENDORS
from shared.intent.declaration import Intent
from shared.intent.mistakes import like
from shared.intent.provenance import currency_field
from shared.settings import Settings, load


def load_for(intents: Mapping[str, Intent]) -> Settings:
    """Return the settings of this process, which knows all intents.

    Raises:
        SettingError: a variable cannot be used, or names what does not exist.
    """
    return check_names(check_sources(load()), intents)


def check_sources(settings: Settings) -> Settings:
    """Return the settings, whose sources are such as tell voices apart.

    Raises:
        SettingError: one of them is not.
    """
    for entry in sorted(settings.listens_to):
        source = entry.partition(":")[0]
        if source not in VENDORS:
            known = ", ".join(sorted(VENDORS))
            raise SettingError(
                f"LISTEN_TO has {entry!r}; no event of {source!r} tells who else wrote it;{like(source, VENDORS)} "
                f"those that do are {known}",
                field="LISTEN_TO",
            )
    return settings


def check_names(settings: Settings, intents: Mapping[str, Intent], *, own: str = "") -> Settings:
    """Return the settings, all of whose names are of these intents, with ceilings that they can have.

    `own`: the process knows this intent alone, as a deployed executor does; of the others it refuses only names that
    look like its own.

    Raises:
        SettingError: a name is of no intent, or a ceiling can never hold.
    """
    for variable, names in (
        ("APPROVERS", settings.approvers.keys() - {ANY_INTENT}),
        ("AUTOMATIC", settings.automatic),
        ("DISABLED_INTENTS", settings.disabled_intents),
        *((variable, certificate.intents) for variable, certificate in _certificates(settings)),
    ):
        _known(variable, names, intents, own)
    for name in settings.automatic.keys() & intents.keys():
        if problem := _ceiling_problem(intents[name], settings.automatic[name]):
            raise SettingError(f"AUTOMATIC has {name!r}; {problem}", field="AUTOMATIC")
    for variable, certificate in _certificates(settings):
        _must_prove(variable, certificate)
    return settings


def _certificates(settings: Settings) -> list[tuple[str, Certificate]]:
    named = (("CERTIFICATE", settings.certificate), ("LOCAL_CERTIFICATE", settings.local_certificate))
    return [(variable, certificate) for variable, certificate in named if certificate is not None]


def _must_prove(variable: str, certificate: Certificate) -> None:
    """Refuse what somebody has written by hand: numbers that do not prove what they are said to."""
    for line in certificate.lines:
        if tail(line.right, line.counted, certificate.target) > certificate.risk:
            raise SettingError(
                f"{variable} has {line.right} right of {line.counted} for {', '.join(line.intents)}, which do not "
                f"prove {certificate.target:g} at {certificate.risk:g}; write it anew with make calibrate",
                field=variable,
            )


def _known(variable: str, names: Iterable[str], intents: Mapping[str, Intent], own: str) -> None:
    for name in sorted(set(names) - intents.keys()):
        near = like(name, intents)
        if near or not own:
            others = f", or {ANY_INTENT} for all others" if variable == "APPROVERS" else ""
            raise SettingError(
                f"{variable} has {name!r}, which is no intent;{near} there are {', '.join(intents)}{others}",
                field=variable,
            )


def _ceiling_problem(intent: Intent, allowance: Any) -> str:
    """Return what keeps this allowance from ever being one, or an empty string."""
    name, policy = intent.name, intent.policy
    if policy.risk != "money":
        return f"it moves no money, so it has no ceiling: write {name}" if allowance is not None else ""
    field = currency_field(intent.parameters, policy.amount or "")
    taken = _currencies(intent, field) if field else [policy.currency]
    currency = policy.currency or next(iter(taken), "") or "USD"
    example = f"{name}<={written(5000, currency)}" if field or policy.currency else f"{name}<=5000"
    if allowance is None:
        return f"it moves money, so it needs a ceiling such as {example}"
    if isinstance(allowance, int):
        return f"{allowance} of which currency? write {example}" if field and not policy.currency else ""
    if not field and not policy.currency:
        return f"its amounts are in no currency: write a ceiling such as {example}"
    foreign = next((currency for currency in allowance if taken and currency not in taken), None)
    return f"its amounts are never in {foreign}: write a ceiling such as {example}" if foreign else ""


def _currencies(intent: Intent, field: str) -> list[str]:
    """Return what the parameter can be, or nothing where it can be anything."""
    schema = intent.parameters.model_json_schema()
    return list(schema.get("properties", {}).get(field, {}).get("enum", ()))
