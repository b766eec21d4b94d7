"""The secret that finds a person's tasks, on one machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from infra.kept_secret import kept_secret
from shared.settings import Settings

FILE = "privacy.key"


def with_privacy_key(settings: Settings) -> Settings:
    """Return the settings with `PRIVACY_KEY`: as it is set, or as it was made for this data directory.

    Raises:
        StackError: the file cannot be read or made.
    """
    if settings.privacy_key:
        return settings
    return replace(settings, privacy_key=kept_secret(Path(settings.data_dir) / FILE))
