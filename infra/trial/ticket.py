"""A text, or a file with a webhook's body or an `AutomationTask`, in; the task that intake would make of it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from functions.intake.sources import VENDORS
from functions.intake.taking import Ignored, take
from shared.canonical import task_id_for
from shared.errors import BadRequest
from shared.event.strict_json import parse_object
from shared.task.schemas import AutomationTask

SOURCE = "support"
EMAIL = "kim@example.com"


class Untryable(Exception):
    """Raised when there is nothing to try; the message says in one line what to change."""


def from_text(text: str, source: str, email: str) -> AutomationTask:
    """Return a task whose payload has the text and its writer, as `/hooks/{source}` reads them.

    Raises:
        Untryable: the text is empty, or text or source break a rule of tasks.
    """
    if not text.strip():
        raise Untryable("TEXT is empty; give the words of a ticket")
    source = source or SOURCE
    payload = {"text": text, "requester": {"email": email or EMAIL}}
    return _valid({"task_id": task_id_for(f"{source}:{text}"), "source": source, "raw_payload": payload})


def from_file(path: Path, source: str) -> AutomationTask:
    """Return the task of a file; a webhook's signature is not asked for.

    Raises:
        Untryable: the file cannot be read, is no such JSON, or is an event that asks nothing of anybody.
    """
    try:
        found = parse_object(path.read_bytes())
    except OSError as error:
        raise Untryable(f"{path} cannot be read: {error.strerror}") from None
    except BadRequest as error:
        raise Untryable(f"{path}: {_words(error)}") from None
    if "raw_payload" in found:
        return _valid(found | ({"source": source} if source else {}))
    if not source:
        raise Untryable(f"say whose webhook {path} is: SOURCE={', '.join(VENDORS)}, or any name for another system")
    return _of_webhook(found, source)


def _of_webhook(payload: dict[str, Any], name: str) -> AutomationTask:
    try:
        taken = take(name, payload)
    except ValidationError as error:
        raise _invalid(error) from None
    if isinstance(taken, Ignored):
        raise Untryable(f"intake ignores this event of {name}: {taken.reason}")
    return taken


def _valid(fields: dict[str, Any]) -> AutomationTask:
    try:
        return AutomationTask.model_validate(fields)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> Untryable:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return Untryable(f"{'/'.join(map(str, first['loc']))}: {first['msg']}")


def _words(error: BadRequest) -> str:
    return f"{error.message} ({error.code}{f' at {error.field}' if error.field else ''})"
