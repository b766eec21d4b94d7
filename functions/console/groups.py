"""Waiting tasks in, groups of those that wait for the same reason out, so that people decide like cases alike. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from functions.console.dossier import Dossier
from shared.canonical import sha256_hex


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks of one intent that paused for the same reasons, oldest first."""

    intent: str
    codes: tuple[str, ...]
    dossiers: list[Dossier]

    @property
    def id(self) -> str:
        """A name that stays the same while the page lives."""
        return "g" + sha256_hex("|".join((self.intent, *self.codes)).encode())[:12]

    @property
    def columns(self) -> list[str]:
        """The names of all parameters that any of the tasks has, in their order."""
        return list(dict.fromkeys(name for d in self.dossiers for name in d.record.shown_parameters))


def grouped(dossiers: Iterable[Dossier]) -> list[Group]:
    """Return the groups in the order of their oldest task."""
    found: dict[tuple[str, tuple[str, ...]], Group] = {}
    for dossier in dossiers:
        codes = tuple(dict.fromkeys(reason.code for reason in dossier.reasons))
        key = (dossier.record.intent, codes)
        found.setdefault(key, Group(*key, [])).dossiers.append(dossier)
    return list(found.values())
