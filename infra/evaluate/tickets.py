"""Labelled tickets: a JSONL file in, `Ticket`s out, and back. A line that cannot be used is named, with the cure.

One JSON object a line: `id`, `text`, `intent` (a name, or `out_of_scope`); where it is out of scope perhaps `oos_kind`
(`near`: support, but nobody's intent; `far`: anything else); perhaps `source_dataset` and `source_label`, which are for
attribution and reach no classifier. Other members are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from infra.errors import StackError
from shared.errors import BadRequest
from shared.event.strict_json import parse_object

T = TypeVar("T")

OUT_OF_SCOPE = "out_of_scope"
KINDS = ("near", "far")
MAX_TICKETS = 100_000
MAX_LINE_BYTES = 250_000  # intake takes 256 KiB as one event, with more than the text in it
MAX_CHARS = {"id": 200, "intent": 60, "source_dataset": 200, "source_label": 200}


@dataclass(frozen=True, slots=True)
class Ticket:
    """What somebody wrote, and the intent that a person gave it. Only `text` is shown to a classifier."""

    id: str
    text: str
    intent: str
    oos_kind: str | None = None
    source_dataset: str = ""
    source_label: str = ""


def read(path: Path) -> list[Ticket]:
    """Return the tickets of a file in their order; ids are unique, and there is at least one.

    Raises:
        StackError: the file cannot be read, or a line of it cannot be used; it says line, field and what to change.
    """
    found: dict[str, int] = {}
    tickets: list[Ticket] = []
    for number, ticket in parsed(path, lambda line: _ticket(parse_object(line))):
        if (first := found.setdefault(ticket.id, number)) != number:
            raise StackError(
                f"{path}, line {number}, field 'id': {ticket.id!r} is also the id of line {first}; "
                "give each ticket an id of its own, or leave the repeated line out"
            )
        tickets.append(ticket)
    if not tickets:
        raise StackError(f"{path} holds no tickets; write one JSON object a line: id, text, intent")
    return tickets


def write(path: Path, tickets: Iterable[Ticket]) -> int:
    """Write tickets as `read` takes them, and return how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for count, ticket in enumerate(tickets, 1):  # noqa: B007
            members = {name: value for name, value in asdict(ticket).items() if value or name == "oos_kind"}
            file.write(json.dumps(members, ensure_ascii=False) + "\n")
    return count


def parsed(
    path: Path, parse: Callable[[bytes], T], *, cure: str = "", most: int | None = None
) -> Iterator[tuple[int, T]]:
    """Yield what `parse` makes of each line of a file that is not blank, with its number.

    Raises:
        StackError: see `lines`; or `parse` refuses a line: it says which, the field, what `parse` says, and the `cure`.
    """
    for number, line in lines(path, most):
        try:
            found = parse(line)
        except BadRequest as error:
            where = f", field {error.field!r}" if error.field else ""
            why = f"{error.message}; {cure}" if cure else error.message
            raise StackError(f"{path}, line {number}{where}: {why}") from None
        yield number, found


def lines(path: Path, most: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that are not blank, each with its number from 1 on; `most` lines, or MAX_TICKETS.

    Raises:
        StackError: it cannot be read, or is larger than any file of ours.
    """
    try:
        with path.open("rb") as file:
            number, most = 0, most or MAX_TICKETS
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise StackError(
                        f"{path}, line {number}: is over {MAX_LINE_BYTES} bytes; shorten the text, or leave it out"
                    )
                if number > most:
                    raise StackError(f"{path} has over {most} lines; evaluate a part of them")
                if line.strip():
                    yield number, line
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from None


def _ticket(members: dict[str, Any]) -> Ticket:
    kind = members.get("oos_kind")
    if kind is not None and kind not in KINDS:
        raise BadRequest(f"is {kind!r:.40}; it must be {', '.join(KINDS)} or null", field="oos_kind")
    text = _words(members, "text")
    words = {name: _short(members, name) for name in ("id", "intent")}
    origin = {name: _short(members, name) for name in ("source_dataset", "source_label") if members.get(name)}
    if kind is not None and words["intent"] != OUT_OF_SCOPE:
        raise BadRequest(
            f"is {kind!r}, but the intent is {words['intent']!r}; write null, or the intent {OUT_OF_SCOPE!r}",
            field="oos_kind",
        )
    return Ticket(text=text, oos_kind=kind, **words, **origin)


def _words(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if name not in members:
        raise BadRequest("is missing; add it", field=name)
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"is {value!r:.40}; it must be a text that is not empty", field=name)
    return value


def _short(members: dict[str, Any], name: str) -> str:
    value = _words(members, name)
    if len(value) > MAX_CHARS[name]:
        raise BadRequest(f"has {len(value)} characters; at most {MAX_CHARS[name]} are taken", field=name)
    return value
