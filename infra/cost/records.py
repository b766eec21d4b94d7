"""Recorded tasks: the documents of a local data folder, or a JSON file as the console's API exports it."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from infra.embedded.database import FILE, Database
from infra.embedded.store import EmbeddedStore
from infra.errors import StackError
from shared.records.documents import to_record
from shared.task.schemas import TaskRecord
from shared.wiring.ports import Snapshot

PAGE = 200


async def from_folder(folder: Path, most: int) -> list[TaskRecord]:
    """Return the newest tasks, at most `most`, of a stack that runs, or ran, on this folder.

    Raises:
        StackError: there are none.
    """
    if not (folder / FILE).exists():
        raise StackError(f"{folder} holds no tasks; `make run` and send some, or name a file: --export FILE")
    found: list[Snapshot] = []
    database = await Database.open(folder)
    try:
        store = EmbeddedStore(database)
        while len(found) < most:
            after = found[-1] if found else None
            page = await store.query("tasks", order_by="created_at", descending=True, limit=PAGE, after=after)
            found += page
            if len(page) < PAGE:
                break
    finally:
        await database.close()
    return [to_record(snapshot) for snapshot in found[:most]]


def from_export(path: Path) -> list[TaskRecord]:
    """Return the tasks in a file: a list of records, or an answer of `GET /api/tasks`, which leaves payloads out.

    Raises:
        StackError: it cannot be read as that.
    """
    try:
        data = json.loads(path.read_text())
        entries = data["tasks"] if isinstance(data, dict) else data
        return [TaskRecord.model_validate_json(json.dumps({"payload": "{}", **entry})) for entry in entries]
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise StackError(f"{path} is no export of tasks ({type(error).__name__})") from None
