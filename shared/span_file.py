"""Spans of this machine, one JSON line each in `DATA_DIR/traces`: bounded in size, written by several processes."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.tracing import ATTRIBUTES

FOLDER = "traces"
MAX_BYTES = 16 * 1024 * 1024  # of each of the two files, some 20,000 spans
MAX_LINE_BYTES = 64 * 1024
_TRACE = re.compile(rb'"context": {"trace_id": "0x([0-9a-f]{32})"')


class SpanFile:
    """A text stream as far as OpenTelemetry's exporter writes to one: whole lines, kept until `flush`.

    When the file is full it becomes the older one, and the older one goes.
    """

    def __init__(self, data_dir: str | Path) -> None:
        self._newer, self._older = _files(data_dir)
        self._held: list[str] = []

    def write(self, text: str) -> None:
        """Hold lines."""
        self._held.append(text)

    def flush(self) -> None:
        """Append what is held; where the disk does not take it, it is lost."""
        data, self._held = "".join(self._held).encode(), []
        try:
            self._newer.parent.mkdir(parents=True, exist_ok=True)
            with self._newer.with_suffix(".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # let go of when it is closed
                if self._newer.exists() and self._newer.stat().st_size + len(data) > MAX_BYTES:
                    self._newer.replace(self._older)
                with self._newer.open("ab") as out:
                    out.write(data)
        except OSError:
            pass


def spans_about(data_dir: str | Path, task_id: str) -> list[dict[str, Any]]:
    """Return all spans of the traces that name a task, and of those that link to one of these: there something was done
    for it among others. Older ones first.

    Reads the files thrice, as bytes: parsing all of them would take a second.
    """
    needle = f'"{ATTRIBUTES["task_id"]}": {json.dumps(task_id)}'.encode()
    named = {_traces_in(line)[0] for line in _lines(data_dir) if needle in line and _traces_in(line)}
    if not named:
        return []
    read = (_traces_in(line) for line in _lines(data_dir))
    told = named | {own for own, *linked in filter(None, read) if not named.isdisjoint(linked)}
    kept = (line for line in _lines(data_dir) if not told.isdisjoint(_traces_in(line)[:1]))
    return [span for line in kept if (span := _read(line)) is not None]


def _lines(data_dir: str | Path) -> Iterator[bytes]:
    for path in reversed(_files(data_dir)):
        try:
            with path.open("rb") as lines:
                yield from lines
        except OSError:  # there is none as yet, or not any more
            continue


def _traces_in(line: bytes) -> list[bytes]:
    """Return the id of a span's own trace, and those of the traces that it links to."""
    return _TRACE.findall(line)


def _files(data_dir: str | Path) -> tuple[Path, Path]:
    folder = Path(data_dir) / FOLDER
    return folder / "spans.jsonl", folder / "spans.older.jsonl"


def _read(line: bytes) -> dict[str, Any] | None:
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        span = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return span if isinstance(span, dict) else None
