"""A revision in; a working tree of it, and the Python that its own lock asks for, out."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from infra.errors import StackError
from tests.benchmarks.environments import ROOT, compiled, python_of
from tests.benchmarks.systems import python_here

TIMEOUT_S = 60
LOCK = "infra/requirements/dev.txt"  # what the benchmark itself runs in


@contextlib.contextmanager
def tree_of(revision: str, folder: Path) -> Iterator[tuple[Path, str]]:
    """Check a revision out into `folder`, which must not exist; its tree and interpreter. It is gone afterwards.

    Raises:
        StackError: there is no such revision, or its environment cannot be made.
    """
    git("worktree", "add", "--quiet", "--detach", str(folder), revision)
    try:
        same = (folder / LOCK).read_bytes() == (ROOT / LOCK).read_bytes()
        yield compiled(folder), python_here() if same else python_of("revision", folder / LOCK)
    finally:
        git("worktree", "remove", "--force", str(folder))


def git(*arguments: str) -> str:
    """Return what git says.

    Raises:
        StackError: it refuses; the message is its own.
    """
    try:
        ended = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"git does not work: {error}") from None
    if ended.returncode:
        raise StackError((ended.stderr.strip().splitlines() or ["git said nothing"])[-1])
    return ended.stdout.strip()
