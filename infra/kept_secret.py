"""A secret of this machine: made once in the data directory, for its owner alone."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from infra.errors import StackError
from shared.settings import MIN_SECRET_BYTES


def kept_secret(path: Path) -> str:
    """Return the secret in a file, 64 hexadecimal digits, which is made where it is not there.

    Raises:
        StackError: the file cannot be read or made, or holds none.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Whole or not at all: a crash halfway must not leave half a key, and of two programs the first one wins.
            draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
        secret = path.read_text().strip()
    except OSError as error:
        raise StackError(f"{path} cannot be used ({error.strerror}); check DATA_DIR and its permissions") from error
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise StackError(f"{path} holds no secret; move it away, and another one is made")
    return secret
