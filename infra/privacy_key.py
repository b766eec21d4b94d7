"""The secret that finds a person's tasks, on one machine: made once, kept in the data directory for its owner alone."""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import replace
from pathlib import Path

from infra.errors import StackError
from shared.settings import Settings

FILE = "privacy.key"


def with_privacy_key(settings: Settings) -> Settings:
    """Return the settings with `PRIVACY_KEY`: as it is set, or as it was made for this data directory.

    Raises:
        StackError: the file cannot be read or made.
    """
    if settings.privacy_key:
        return settings
    path = Path(settings.data_dir) / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Whole or not at all: a crash halfway must not leave half a key, and of two programs the first one wins.
            draft = path.with_name(f"{FILE}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
        return replace(settings, privacy_key=path.read_text().strip())
    except OSError as error:
        raise StackError(f"{path} cannot be used ({error.strerror}); check DATA_DIR and its permissions") from error
