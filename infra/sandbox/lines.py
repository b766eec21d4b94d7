"""Files of JSON lines that outlive whoever is killed while it writes, and a disk that is full for a while."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from infra.errors import StackError


def append(path: Path, line: Any) -> None:
    """Add a line, wholly or not at all.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    data = json.dumps(line).encode() + b"\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        if (written := os.write(file, data)) < len(data):  # the next line must not stand behind a half
            os.ftruncate(file, os.fstat(file).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(file)


def read(path: Path) -> list[Any]:
    """Return the lines of a file, none where there is no file; cuts off what a crash left of the last one.

    Raises:
        StackError: a line before the last one is damaged.
    """
    if not path.exists():
        return []
    kept, _, cut = path.read_bytes().rpartition(b"\n")
    if cut:  # nobody was answered
        os.truncate(path, len(kept) + 1 if kept else 0)
    found = []
    for number, line in enumerate(kept.splitlines(), 1):
        try:
            found.append(json.loads(line))
        except ValueError:
            raise StackError(f"{path} is damaged in line {number}; move it away to go on without it") from None
    return found


def rewrite(path: Path, lines: Iterable[Any]) -> None:
    """Replace a file; whoever is killed meanwhile has the old one or the new one."""
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(line)}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
