"""A text in; out what its author wrote, and what may be quoted mail. What certainly is quoted is cut. Pure.

A quote is somebody else's words, or yesterday's: nothing in it may ask for anything today. Three classes of lines:
own, quoted, and those whose shape leaves it open. The last may inform the reader, but nothing is done by them alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from shared.event.quote_shapes import is_wrapped, marked_from, marks, opening

_RULES = "-_=*|>.~ \t\n\u00a0"


@dataclass(frozen=True, slots=True)
class OwnWords:
    """Whose words a text holds.

    `own`: its author's. `maybe`: what may be quoted, "" if nothing is.
    `only_quotes`: nothing is certainly the author's; then `own` is the whole text, and it must not be acted upon alone.
    """

    own: str
    maybe: str = ""
    only_quotes: bool = False


class Whose(Enum):
    """Whose words a line is."""

    OWN = "own"
    MAYBE = "may_be_quoted"
    QUOTED = "quoted"


def own_words(text: str) -> OwnWords:
    """Return whose words `text` holds; its lines end in line feeds."""
    lines = text.split("\n")
    classes = list(_classes(lines))
    own, maybe = (_joined(lines, classes, whose) for whose in (Whose.OWN, Whose.MAYBE))
    if own.strip(_RULES) or all(whose is Whose.OWN for whose in classes):
        return OwnWords(own, maybe)
    return OwnWords(text.strip(), only_quotes=True)


def _joined(lines: Sequence[str], classes: Sequence[Whose], wanted: Whose) -> str:
    return "\n".join(line for line, whose in zip(lines, classes, strict=True) if whose is wanted).strip()


def _classes(lines: Sequence[str]) -> Iterator[Whose]:
    """Yield whose words each line is; an opening without marks below it makes quotes of everything after it."""
    marked = marks(lines)
    at, unmarked = 0, Whose.OWN
    while at < len(lines):
        if not lines[at].strip():
            yield unmarked
        elif marked[at]:
            yield Whose.QUOTED
        elif found := opening(lines, marked, at):
            said = Whose.QUOTED if found.sure else Whose.MAYBE
            yield from [Whose.MAYBE] * found.titles + [said] * (found.lines - found.titles)
            at += found.lines
            if not marked_from(lines, marked, at):
                if found.sure:
                    yield from [Whose.QUOTED] * (len(lines) - at)
                    return
                unmarked = Whose.MAYBE
            continue
        else:
            is_enclosed = 0 < at < len(lines) - 1 and marked[at - 1] and marked[at + 1]
            yield Whose.MAYBE if is_enclosed and is_wrapped(lines[at - 1], lines[at]) else unmarked
        at += 1
