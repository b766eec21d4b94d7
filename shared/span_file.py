"""Spans of this machine, one JSON line each in `DATA_DIR/traces`: bounded in size, written by several processes."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = "traces"
MAX_BYTES = 16 * 1024 * 1024  # of each of the two files, some 20,000 spans
MAX_LINE_BYTES = 64 * 1024
_TRACE = re.compile(rb'"context": {"trace_id": ("0x[0-9a-f]{32}")')


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


def spans_about(data_dir: str | Path, word: str) -> list[dict[str, Any]]:
    """Return all spans of the traces in which `word` stands as a value, older ones first.

    Reads the files twice, as bytes: parsing all of them would take a second.
    """
    needle = json.dumps(word).encode()
    traces = {trace for line in _lines(data_dir) if needle in line and (trace := _trace_of(line))}
    told = (line for line in _lines(data_dir) if any(trace in line for trace in traces))
    return [span for line in told if (span := _read(line)) is not None]


def _lines(data_dir: str | Path) -> Iterator[bytes]:
    for path in reversed(_files(data_dir)):
        try:
            with path.open("rb") as lines:
                yield from lines
        except OSError:  # there is none as yet, or not any more
            continue


def _trace_of(line: bytes) -> bytes:
    """Return the id of a span's own trace, as it stands in its line and in those that link to it."""
    found = _TRACE.search(line)
    return found[1] if found else b""


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
