"""Recorded tasks for playing again: from the console or a file in, records in the order in which they came out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console as Terminal

from infra.evaluate.progress import told
from infra.ops.arguments import MOST
from infra.ops.client import Console, Missing, OpsError
from shared.task.schemas import TaskRecord

AT_ONCE = 4  # requests for records


def from_console(console: Console, most: int, query: dict[str, Any]) -> Iterator[TaskRecord]:
    """Yield the newest tasks that a search finds, oldest first, with a bar; one that was removed meanwhile is left out.

    Raises:
        OpsError: the console refuses the search, or does not answer.
    """
    rows = list(console.every("tasks", "tasks", most, **query))
    with told(Terminal(stderr=True), "reading tasks", len(rows)) as tell, ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda row: _record(console, row["task_id"]), reversed(rows))
        for done, record in enumerate(found, 1):
            tell(done)
            if record is not None:
                yield record


def from_file(path: Path) -> Iterator[TaskRecord]:
    """Yield the tasks of a file of JSON lines, in the order in which they came.

    Raises:
        OpsError: it cannot be read, or a line of it is no record of a task; the words name the line and the member.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OpsError(f"{path}: {error}", 2) from None
    if len(lines) > MOST:
        raise OpsError(f"{path} has {len(lines):,} lines; at most {MOST:,} are played", 2)
    found = [_parsed(f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line.strip()]
    yield from sorted(found, key=lambda record: record.created_at)


def saved(records: Iterator[TaskRecord], path: Path) -> Iterator[TaskRecord]:
    """Yield the records, and write them on the way into a file that nobody else may read: they hold what people wrote.

    Raises:
        OpsError: it cannot be written, or is there already.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise OpsError(f"{path}: {error.strerror}; name a new file", 2) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for record in records:
            file.write(f"{record.model_dump_json()}\n")
            yield record


def _record(console: Console, task_id: str) -> TaskRecord | None:
    with suppress(Missing):
        return TaskRecord.model_validate_json(json.dumps(console.get(f"tasks/{task_id}")))
    return None


def _parsed(where: str, line: str) -> TaskRecord:
    try:
        return TaskRecord.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        member = ".".join(map(str, first["loc"])) or "it"
        raise OpsError(f"{where}: no record of a task: {member}: {first['msg']}; write it with --save", 2) from None
