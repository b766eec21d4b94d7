"""What a run was answered, one line a ticket: written while it runs, and read in place of asking again.

The first line says of which classifier and which question; answers are kept unread, so the gate reads them anew. They
hold parameters, that is, what people wrote: keep the file as you keep the tickets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from infra.errors import StackError
from infra.evaluate.tickets import MAX_TICKETS, Ticket, lines
from shared.canonical import sha256_hex
from shared.errors import BadRequest, ModelRefused
from shared.event.strict_json import parse_object
from shared.model.question import Answer

FORMAT = 1
MAX_LINES = 1 + 3 * MAX_TICKETS  # a run that went on has asked again what failed
_ENTRY: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "text_sha256": str,
    "answer": (str, type(None)),
    "model": str,
    "failure": str,
}
_NUMBERS = ("tokens_used", "latency_ms")


@dataclass(frozen=True, slots=True)
class Entry:
    """What one ticket was answered, or the code of why it was not; `digest` is of the text that was asked about."""

    digest: str
    answer: Answer | None
    failure: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run as it was recorded: its entries by the tickets' ids."""

    path: Path
    classifier: str
    prompt_version: str
    entries: dict[str, Entry] = field(repr=False)

    def answer(self, ticket: Ticket) -> Answer:
        """Return what this ticket was answered.

        Raises:
            ModelRefused: its call failed when it was recorded, with the same code.
            StackError: it is not in the recording, or had another text.
        """
        entry = self.entries.get(ticket.id)
        if entry is None:
            raise StackError(f"{self.path} has no answer for ticket {ticket.id!r}; record a run over these tickets")
        if entry.digest != _digest(ticket):
            raise StackError(f"{self.path}: ticket {ticket.id!r} had another text when it was recorded; record it anew")
        if entry.answer is None:
            raise ModelRefused("the call failed when it was recorded", code=entry.failure)
        return entry.answer


class Recorder:
    """Writes a run, each line at once; one that was broken off goes on where it ended, and asks again what failed."""

    def __init__(self, path: Path, classifier: str, prompt_version: str) -> None:
        """Begin a file, or go on with it.

        Raises:
            StackError: the file is of another run, or cannot be read or written.
        """
        is_new = not path.exists()
        self._known = Recorded(path, classifier, prompt_version, {}) if is_new else read(path)
        if (self._known.classifier, self._known.prompt_version) != (classifier, prompt_version):
            raise StackError(f"{path} is of another classifier, or of other intents; name another file for --record")
        try:
            self._file: TextIO = path.open("a", encoding="utf-8")
        except OSError as error:
            raise StackError(f"{path} cannot be written: {error.strerror}") from None
        if is_new:
            self._write({"switchyard_run": FORMAT, "classifier": classifier, "prompt_version": prompt_version})

    def known(self, ticket: Ticket) -> Answer | None:
        """Return the answer that is in the file already.

        Raises:
            StackError: it is of another text.
        """
        entry = self._known.entries.get(ticket.id)
        return self._known.answer(ticket) if entry and entry.answer else None

    def add(self, ticket: Ticket, answer: Answer | None, failure: str) -> None:
        """Write what one ticket was answered, or the code of why it was not."""
        said = {"answer": answer.text, "model": answer.model} if answer else {"answer": None, "model": ""}
        spent = {"tokens_used": answer.tokens_used, "latency_ms": answer.latency_ms} if answer else {}
        self._write({"id": ticket.id, "text_sha256": _digest(ticket), **said, **spent, "failure": failure})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, members: dict[str, Any]) -> None:
        self._file.write(json.dumps(members) + "\n")
        self._file.flush()


def read(path: Path) -> Recorded:
    """Return a recorded run.

    Raises:
        StackError: the file cannot be read, or a line of it is none of a run; it says which and what to do.
    """
    head: dict[str, Any] | None = None
    entries: dict[str, Entry] = {}
    for number, line in lines(path, MAX_LINES):
        try:
            members = parse_object(line)
            if head is None:
                head = _head(members)
            else:
                entry = _entry(members)
                before = entries.get(members["id"])
                if before and before.answer:
                    raise BadRequest(f"{members['id']!r} stands there twice", field="id")
                entries[members["id"]] = entry
        except BadRequest as error:
            where = f", field {error.field!r}" if error.field else ""
            raise StackError(f"{path}, line {number}{where}: {error.message}; record the run anew") from None
    if head is None:
        raise StackError(f"{path} holds no run; write one with --record")
    return Recorded(path, head["classifier"], head["prompt_version"], entries)


def _head(members: dict[str, Any]) -> dict[str, Any]:
    if members.get("switchyard_run") != FORMAT:
        raise BadRequest(f"must be {FORMAT} in the first line of what --record wrote", field="switchyard_run")
    for name in ("classifier", "prompt_version"):
        _must_be(members, name, str)
    return members


def _entry(members: dict[str, Any]) -> Entry:
    for name, kind in _ENTRY.items():
        _must_be(members, name, kind)
    if members["answer"] is None:
        return Entry(members["text_sha256"], None, members["failure"] or "no_answer")
    for name in _NUMBERS:
        _must_be(members, name, (int, float))
        if members[name] < 0:
            raise BadRequest("must not be negative", field=name)
    answer = Answer(members["answer"], members["model"], int(members["tokens_used"]), float(members["latency_ms"]))
    return Entry(members["text_sha256"], answer, "")


def _must_be(members: dict[str, Any], name: str, kind: type | tuple[type, ...]) -> None:
    value = members.get(name)
    if isinstance(value, bool) or not isinstance(value, kind) or (value is None and name not in members):
        raise BadRequest("is missing or of another kind", field=name)


def _digest(ticket: Ticket) -> str:
    return sha256_hex(ticket.text.encode())[:16]
