"""Who may change the router on one machine: whoever runs it, where the settings name nobody."""

from __future__ import annotations

from dataclasses import replace

from functions.console.identity import DEVELOPER
from shared.settings import Settings


def with_promoter(settings: Settings) -> Settings:
    """Return the settings with `PROMOTERS`: as they are set, or with the one identity of a local console."""
    return settings if settings.promoters else replace(settings, promoters=frozenset({DEVELOPER}))
