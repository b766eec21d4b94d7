"""Waiting tasks in, groups of those that wait for the same reason out, so that people decide like cases alike. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from functions.console.dossier import Line
from shared.canonical import sha256_hex


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks of one intent that paused for the same reasons, oldest first."""

    intent: str
    codes: tuple[str, ...]
    lines: list[Line]

    @property
    def id(self) -> str:
        """A name that stays the same while the page lives."""
        return "g" + sha256_hex("|".join((self.intent, *self.codes)).encode())[:12]

    @property
    def columns(self) -> list[str]:
        """The names of all parameters that any of the tasks has, in their order."""
        return list(dict.fromkeys(name for line in self.lines for name in line.record.shown_parameters))


def grouped(lines: Iterable[Line]) -> list[Group]:
    """Return the groups in the order of their oldest task."""
    found: dict[tuple[str, tuple[str, ...]], Group] = {}
    for line in lines:
        codes = tuple(dict.fromkeys(reason.code for reason in line.reasons))
        key = (line.record.intent, codes)
        found.setdefault(key, Group(*key, [])).lines.append(line)
    return list(found.values())
