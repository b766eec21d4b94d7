"""The files that intents are made of, as they are at a moment: what has changed since is what differs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import functions.execute

Seen = Mapping[Path, tuple[int, int]]  # file -> time of its last change in ns, size


def look() -> Seen:
    """Return the files as they are now."""
    found = {}
    for root in functions.execute.__path__:
        for path in Path(root).rglob("*.py"):
            try:
                status = path.stat()
            except OSError:  # gone since
                continue
            found[path] = (status.st_mtime_ns, status.st_size)
    return found
