"""By which members documents are searched for and sorted: a column for each, and the indexes over these. Pure.

What the sweeper, the notifier and the ops page ask for, in their order: an answer costs what it holds, not what there
is. A write names the columns that it changes, and SQLite then touches no other index; an index over the JSON text of a
document would be written with every version of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from infra.embedded.encoding import ABSENT_KEY, FIRST_TIME, to_key
from infra.embedded.words import in_column
from shared.wiring.ports import Document

LISTS = {"tasks": "keys"}  # members that are lists of texts, any of which may be asked for
EVERYWHERE = ("expire_at",)  # documents of any collection may expire
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Index:
    """Documents of one collection in the order of some members, then by path; `only` those where a member is so."""

    collection: str
    members: Sequence[str]
    only: str = ""  # a condition on columns, word for word as queries have it

    @property
    def name(self) -> str:
        """What it is called in the file, and in SQLite's plans."""
        words = [self.collection, *(["open"] if self.only else []), "by", *self.members]
        return "_".join(words).replace(".", "_")

    @property
    def sql(self) -> str:
        """The statement that makes it."""
        columns = ", ".join([*map(column, self.members), "path"])
        condition = f"collection = '{self.collection}'" + (f" AND {self.only}" if self.only else "")
        return f"CREATE INDEX {self.name} ON docs ({columns}) WHERE {condition}"


def column(member: str) -> str:
    """Return the column of a member; of a member of a map, such as `requester.key`, as well."""
    return f'"{member}"'


def columns(collection: str) -> Sequence[str]:
    """Return the members of this collection's documents that have a column."""
    return _COLUMNS.get(collection, EVERYWHERE)


def keys(collection: str, data: Document) -> list[Any]:
    """Return what these columns hold of a document."""
    return [member_key(data, member) for member in columns(collection)]


def member_key(data: Document, member: str) -> Any:
    """Return what SQLite compares and sorts a member of a document by."""
    found: Any = data
    for name in member.split("."):
        if not isinstance(found, dict) or name not in found:
            return ABSENT_KEY
        found = found[name]
    if member in LISTS.values():
        return in_column(found) if isinstance(found, list) else ABSENT_KEY
    return to_key(found)


def _declared() -> Iterator[Index]:
    # Tasks may be searched for by any of three members together, so each choice of them has its index.
    searched = ("state", "intent", "source")
    for chosen in (c for n in range(len(searched) + 1) for c in combinations(searched, n)):
        yield Index("tasks", (*chosen, "created_at"))
    yield Index("tasks", ("state", "priority", "created_at"))
    yield Index("tasks", ("state", "intent", "priority", "created_at"))
    yield Index("tasks", ("state", "updated_at"))
    yield Index("tasks", ("state", "amount"))
    for whose in ("requester.key", "assignee", "approval.by"):
        yield Index("tasks", (whose, "created_at"))
    for member in ("next_check_at", "expire_at", "noted_at", "closed_at"):
        yield Index("tasks", (member,), f"{column(member)} IS NOT NULL")
    yield Index("tasks", ("intent", "state", "updated_at"), f"{column('approval')} IS NULL")
    yield Index("dead_letters", ("created_at",))
    yield Index("dead_letters", ("created_at",), f"{column('redriven_at')} IS NULL")
    for members in (
        ("at",),
        ("requester_key",),
        ("verdict",),
        ("said", "right"),
        ("model", "prompt_version", "drawn", "right"),
        ("right", "at"),
        ("said", "right", "at"),
        ("said", "drawn", "at"),
    ):
        yield Index("labels", members)
    yield Index("answers", ("open",))
    yield Index("audits", ("open", "drawn_at"))
    yield Index("breakers", ("at",))
    yield Index("breakers", ("open",))
    yield Index("approvals", ("requested_at",))
    for member in ("requested_at", "status"):
        yield Index("approvals", (member,), f"{column('outcome')} IS NULL")


INDEXES = tuple(_declared())
TO_EXPIRE = f"{column('expire_at')} > {FIRST_TIME} AND collection != 'tasks'"  # those become tombstones instead
CREATED = {index.name: index.sql for index in INDEXES} | {
    "docs_to_expire": f"CREATE INDEX docs_to_expire ON docs ({column('expire_at')}) WHERE {TO_EXPIRE}"
}


def _by_collection() -> dict[str, Sequence[str]]:
    # A member that only conditions name has a column as well.
    also = {"tasks": ["approval", "keys"], "dead_letters": ["redriven_at"], "approvals": ["outcome"]}
    found: dict[str, dict[str, None]] = {name: dict.fromkeys((*EVERYWHERE, *more)) for name, more in also.items()}
    for index in INDEXES:
        found.setdefault(index.collection, dict.fromkeys(EVERYWHERE)).update(dict.fromkeys(index.members))
    return {collection: tuple(members) for collection, members in found.items()}


_COLUMNS = _by_collection()
MEMBERS = tuple(dict.fromkeys(member for members in _COLUMNS.values() for member in members))
