"""`python -m tests.load.sender INTAKE TASKS`: the backlog of `tests.load`, sent by a process of its own.

In the stack's process sending would take as long as all that is measured.
"""

from __future__ import annotations

import asyncio
import sys

from infra.processes import end_with_parent
from tests.load.backlog import mix, send


def wanted(tasks: int) -> dict[str, str]:
    """Return the intent of each task of the backlog by its id."""
    return {f"load-{n}": intent for n, intent in enumerate(mix(tasks))}


def main() -> int:
    """Send all, and say so."""
    end_with_parent()
    intake, tasks = sys.argv[1:]
    asyncio.run(send(intake, wanted(int(tasks))))
    print("sent", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
