"""Where each provider is and what to show it: a declaration in, the environment's values out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.intent.declaration import Provider


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Where a provider is, and what to show it."""

    url: str
    token: str = field(repr=False)
    options: Mapping[str, str]


def provider_settings(provider: Provider, env: Mapping[str, str] | None = None) -> ProviderSettings:
    """Return the provider's settings from the variables that its declaration derives."""
    env = os.environ if env is None else env
    return ProviderSettings(
        url=env.get(provider.variable("API_URL")) or provider.url,
        token=env.get(provider.variable("API_KEY"), "") if provider.key else "",
        options={name: env.get(provider.variable(name)) or default for name, default in provider.options.items()},
    )
