"""`python -P counted.py FILE`: `infra.run`, and at its end a file of how often its store and its bus were written to.

A file rather than a module of this package, because it also runs older trees, which have no such package.
"""

from __future__ import annotations

import functools
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from infra.embedded.bus import EmbeddedPublisher
from infra.embedded.store import EmbeddedStore
from infra.run import main

COUNTED = {"commits": (EmbeddedStore, "commit"), "messages": (EmbeddedPublisher, "publish")}
counts: Counter[str] = Counter()


def count(name: str, owner: Any, method: str) -> None:
    """Count the calls of a method."""
    inner = getattr(owner, method)

    @functools.wraps(inner)
    async def counted(*args: Any, **kwargs: Any) -> Any:
        counts[name] += 1
        return await inner(*args, **kwargs)

    setattr(owner, method, counted)


if __name__ == "__main__":
    for name, (owner, method) in COUNTED.items():
        count(name, owner, method)
    status = main([])
    Path(sys.argv[1]).write_text(json.dumps(counts))
    sys.exit(status)
