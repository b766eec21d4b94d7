"""Who signed in at which console: one file that only its owner can read. A sign-in is for its console and no other."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from infra.errors import SignInError

ONLY_OURS = 0o600


def path() -> Path:
    """Return where sign-ins are kept."""
    root = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(root, "switchyard", "sign-ins.json")


def of(console: str) -> dict[str, str] | None:
    """Return what signs in at a console, if somebody did.

    Raises:
        SignInError: the file cannot be read.
    """
    return _read().get(origin(console))


def keep(console: str, signs_in: Mapping[str, str] | None) -> None:
    """Keep what signs in at a console from now on; None forgets it.

    Raises:
        SignInError: the file cannot be read or written.
    """
    everything = {**_read(), origin(console): dict(signs_in or {})}
    found = {url: kept for url, kept in everything.items() if kept}
    half = path().with_suffix(".tmp")
    try:
        half.parent.mkdir(parents=True, exist_ok=True)
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, ONLY_OURS), "w") as file:
            json.dump(found, file, indent=2)
        half.replace(path())
    except OSError as error:
        raise SignInError(f"{path()} cannot be written: {error.strerror}") from None


def origin(console: str) -> str:
    """Return the part of an address that says who answers."""
    parts = urlsplit(console)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _read() -> dict[str, dict[str, str]]:
    try:
        found = json.loads(path().read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SignInError(f"{path()} cannot be read ({type(error).__name__}); delete it and sign in again") from None
    return found if isinstance(found, dict) else {}
