"""What is outside, as the environment names it: addresses of providers, webhooks' secrets and fields; looked at before
anything starts, because otherwise the first task or webhook would find out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from functions.notify.answers import SLACK
from shared.errors import Misconfigured, SettingError
from shared.intent.declaration import Intent, Provider
from shared.intent.named import load_for
from shared.settings import Settings, fields_of, secrets_of
from shared.wiring.chats import GOOGLE_CHAT as GOOGLE_CARDS
from shared.wiring.chats import SLACK as SLACK_CARDS
from shared.wiring.outbound import origin_of
from shared.wiring.people import DIRECTORIES

SECRET = "_WEBHOOK_SECRET"  # noqa: S105
BESIDE = (SLACK, SLACK_CARDS, GOOGLE_CARDS, *(directory for directory, _ in DIRECTORIES.values()))


def load_here(intents: Mapping[str, Intent]) -> Settings:
    """Return the settings of this machine, where what they name can be spoken to as it is written.

    Raises:
        SettingError: a variable cannot be used.
    """
    settings = load_for(intents)
    for provider in providers(intents):
        name = provider.variable("API_URL")
        value = os.environ.get(name)
        if value and not origin_of(value, settings.local):
            schemes = "http:// or https://" if settings.local else "https://"
            raise SettingError(f"{name} is {value!r}; it must be {schemes} and a host", field=name)
    for name in sorted(os.environ):
        if name.endswith(SECRET) and os.environ[name]:
            _check_source(name.removesuffix(SECRET))
    return settings


def providers(intents: Mapping[str, Intent]) -> list[Provider]:
    """Return everybody whom the intents, the lookup of people, and the chats call."""
    return [*{intent.provider.name: intent.provider for intent in intents.values()}.values(), *BESIDE]


def _check_source(variable: str) -> None:
    source = variable.replace("__", " ").replace("_", "-").replace(" ", "_").lower()
    try:
        secrets_of(source)
        fields_of(source)
    except Misconfigured as error:
        raise SettingError(error.message, field=error.field) from None
