"""What signs webhooks on one machine: secrets as they are set, and for the vendors and the canary one of its own."""

from __future__ import annotations

import os
from pathlib import Path

from functions.intake.sources import VENDORS
from infra.kept_secret import kept_secret
from shared.errors import Misconfigured
from shared.settings import secrets_of

FILE = "webhooks.key"
CANARY = "canary"
SOURCES = (*sorted(VENDORS), CANARY)


def preset(data_dir: Path) -> None:
    """Set the secret of each of `SOURCES` that has none.

    Raises:
        StackError: the file cannot be read or made.
    """
    for source in SOURCES:
        name = f"{source.upper()}_WEBHOOK_SECRET"
        if not os.environ.get(name):
            os.environ[name] = kept_secret(data_dir / FILE)


def secret_here(source: str, data_dir: Path) -> bytes:
    """Return what signs for a source at the stack that runs on this data directory.

    Raises:
        Misconfigured: none is set, and the stack has made none for it.
    """
    try:
        return secrets_of(source)[0]
    except Misconfigured as error:
        if error.code != "secret_missing" or source not in SOURCES or not (data_dir / FILE).exists():
            raise
        return kept_secret(data_dir / FILE).encode()
