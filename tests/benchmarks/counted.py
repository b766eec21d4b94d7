"""`python -P counted.py FILE`: `infra.run`, and at its end a file of how often its store and its bus were written to.

Its workers are this program as well, with the arguments of `infra.embedded.worker` behind FILE.

A file rather than a module of this package, because it also runs older trees, which have no such package.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from infra.embedded.bus import EmbeddedPublisher
from infra.embedded.store import EmbeddedStore

try:
    from infra.embedded import workers
except ImportError:  # an older tree, of one process
    workers = None  # type: ignore[assignment]

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
    file, *worker = sys.argv[1:]
    if worker:
        from infra.embedded.worker import main as deliver

        sys.argv[1:] = worker
        status, path = deliver(), Path(f"{file}.{worker[0].replace('/', '-')}-{os.getpid()}")
        path.write_text(json.dumps(counts))
        sys.exit(status)
    if workers:
        workers.PROGRAM[:] = ["-P", __file__, file]
    from infra.run import main

    status = main([])
    for part in Path(file).parent.glob(f"{Path(file).name}.*"):
        counts.update(json.loads(part.read_text()))
    Path(file).write_text(json.dumps(counts))
    sys.exit(status)
