"""Numbers and yes or no that stand beside a parameter's word: texts in, what each of them says out. Pure.

The word is one of the parameter's name (`seats: 3`, `3 more seats`), or, after a number, of its description.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.event.money import amounts
from shared.model.language import COMMON

# Words that say that something is a number, or of whom or what everything here is.
_NOTHING = """
number numbers count total amount whole many times value integer optional whether written stated customer customers
requester wants wanted asked asks given false true minor units id ref code new
"""
_SAYS_NOTHING = frozenset(_NOTHING.split())
_UNITS = frozenset({"kg", "km", "cm", "minutes", "hours", "days", "weeks", "months", "years"})
_SMALL = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBER = r"(?<![\w#@.,:/+$€£-])(?:[0-9]+(?:[.,][0-9]+)*|" + "|".join(_SMALL) + r")(?![\w%@:/]|[.,:/-][0-9])"
_LINK = r"\W{0,3}(?:(?:number|no|nr|num|count|is|are|was|of|to|at|be|should be|would be)\b\W{0,3}){0,2}"
_YES = frozenset({"yes", "true", "on", "with"})
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")


@dataclass(frozen=True, slots=True)
class Cue:
    """The words of a parameter, as patterns: of its name, and of its name or description."""

    name: str
    either: str


def cue(name: str, description: str, others: Iterable[str]) -> Cue | None:
    """Return the words that speak of parameter `name` and of none of the `others`; None if none does."""
    taken = {_stem(word) for other in others for word in other.split("_")}
    own = [w for w in name.lower().split("_") if w not in _SAYS_NOTHING | _UNITS and _stem(w) not in taken]
    units = [w for w in name.lower().split("_") if w in _UNITS]
    said = [
        word
        for word in re.findall(r"[^\W\d_]{4,}", description.lower())
        if word not in _SAYS_NOTHING and word not in COMMON["en"] and _stem(word) not in taken
    ]
    # Both words of `gift_wrap` together: what follows one of them may be of something else.
    phrase = r"[\s_-]?".join(re.escape(_stem(word)) + "s?" for word in own)
    either = "|".join([*([phrase] if own else []), *(re.escape(_stem(word)) + "s?" for word in (*said, *units))])
    return Cue(phrase, either) if either else None


def numbers(found: Cue, texts: Iterable[str]) -> Iterator[float | int | None]:
    """Yield each number beside the words; None for one that can be read in two ways, such as 1.200."""
    after = re.compile(rf"\b(?:{found.name})\b{_LINK}(?P<number>{_NUMBER})", re.IGNORECASE) if found.name else None
    before = re.compile(rf"(?P<number>{_NUMBER})[^\S\n]+(?:[^\W\d_]+[^\S\n]+)?(?:{found.either})\b", re.IGNORECASE)
    for text in texts:
        money = [range(start, end) for _, start, end in amounts(text)]
        spots = {m.start("number"): m["number"] for p in (after, before) if p for m in p.finditer(text)}
        yield from (_read(said) for start, said in spots.items() if not any(start in span for span in money))


def answers(found: Cue, texts: Iterable[str]) -> Iterator[bool]:
    """Yield each yes or no beside the words of the name: `gift wrap: yes`, `without gift wrap`."""
    if not found.name:
        return
    pattern = re.compile(
        rf"\b(?P<before>with|without|no)\s+(?:{found.name})\b(?!\s*[:=?])"
        rf"|\b(?:{found.name})\b\s*(?:[:=?-]|is|are|should be)\s*(?P<after>yes|no|true|false|on|off)\b",
        re.IGNORECASE,
    )
    for text in texts:
        for match in pattern.finditer(text):
            yield (match["before"] or match["after"]).lower() in _YES


def _read(said: str) -> float | int | None:
    if said.lower() in _SMALL:
        return 2 + _SMALL.index(said.lower())
    if said.isdigit():
        return int(said) if len(said) <= 15 else None
    if _THOUSANDS.fullmatch(said):
        return int(said.replace(",", "")) if said.count(",") > 1 or len(said) > 6 else None
    whole, dot, decimals = said.partition(".")
    return float(said) if dot and whole.isdigit() and decimals.isdigit() and len(decimals) != 3 else None


def _stem(word: str) -> str:
    return word.lower().removesuffix("s")
