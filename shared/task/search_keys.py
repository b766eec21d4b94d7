"""What a task can be found by, written with it, and what somebody types to find one: both as the same keys. Pure.

A store finds what has a key, whole. So that a part is found as well, the first letters of a longer word are keys, too:
what has the rest of the word is looked at in the few that have its beginning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_KEYS = 48
MAX_KEY_CHARS = 100
MAX_WORDS = 16  # of the ticket's subject and first words
MAX_NUMBERS = 6  # that stand further down, such as an order's
NUMBERS_WITHIN_CHARS = 2_000
MAX_NAMED_CHARS = 64  # of a parameter that names something; a longer one is prose
MIN_WORD_CHARS, MAX_WORD_CHARS = 3, 24
STEMS = (5, 3)  # of how many letters the beginnings are
AROUND = "#\"'`()[]<>{},;:!?."  # what stands around a word and is none of it
_UNTYPED = {ord(c): None for c in "'\"\u2019"} | dict.fromkeys((*range(9), *range(14, 32), 127))
_MESSAGE = re.compile(r"channel=(\w{1,30})&message_ts=([0-9.]{1,30})", re.ASCII)
_BEHIND = re.compile(r"[?#]")
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"(?<![\w.,-])#?([A-Za-z]{0,4}-?[0-9]{4,11})(?![\w-])", re.ASCII)
# Words that tell no ticket from another; of other languages' as well there is the bound on how many are kept.
_COMMON = frozenset(
    [
        "the",
        "and",
        "for",
        "you",
        "your",
        "that",
        "this",
        "with",
        "have",
        "has",
        "had",
        "was",
        "were",
        "are",
        "not",
        "but",
        "can",
        "could",
        "would",
        "please",
        "from",
        "what",
        "when",
        "how",
        "our",
        "out",
        "get",
        "got",
        "any",
        "all",
        "been",
        "will",
        "just",
        "like",
        "need",
        "want",
        "hello",
        "thanks",
        "dear",
        "regards",
        "order",
        "www",
        "com",
        "http",
        "https",
    ]
)


@dataclass(frozen=True, slots=True)
class Term:
    """One word of what somebody typed. `keys`: the first of them that any task has finds it."""

    text: str
    keys: tuple[str, ...]


def fold(text: str) -> str:
    """Return a text without case, accents and apostrophes: what people type finds what others wrote."""
    text = text.translate(_UNTYPED)
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def keys_of(
    task_id: str,
    requester: Mapping[str, str],
    ticket: Mapping[str, str],
    parameters: Mapping[str, Any],
    texts: Iterable[str] = (),
    known: Iterable[str] = (),
) -> list[str]:
    """Return the keys of a task, at most `MAX_KEYS`, the most telling ones first; `known` are those it has already.

    `ticket` has `number`, `url`, `title` and `words`; `texts` are the masked words of the event.
    """
    named = [requester.get(name, "") for name in ("email", "name", "id")]
    named += [ticket.get("number", ""), *[v for v in parameters.values() if _names_something(v)]]
    wholes = fold("\n".join([task_id, address(ticket.get("url", "")), *named])).split("\n")
    parts = _WORD.findall("\n".join(wholes[2:]))
    said = fold(f"{ticket.get('title', '')} {ticket.get('words', '')}")
    words = [w for w in _WORD.findall(said) if MIN_WORD_CHARS <= len(w) <= MAX_WORD_CHARS and w not in _COMMON]
    words = words[:MAX_WORDS]
    numbers = [n.lower() for n in _NUMBER.findall("\n".join(texts)[:NUMBERS_WITHIN_CHARS])[:MAX_NUMBERS]]
    found = [*[whole.strip(AROUND) for whole in wholes], *parts, *numbers]
    found += [part[:length] for part in parts for length in STEMS]  # a short word is its own beginning
    found += [*words, *[word[: STEMS[0]] for word in words], *known]
    return [key for key in dict.fromkeys(found) if key and len(key) <= MAX_KEY_CHARS and " " not in key][:MAX_KEYS]


def terms(words: Iterable[str]) -> list[Term]:
    """Return what somebody typed as terms, all of which have to be found."""
    return [term for word in words if (term := _term(word)) is not None]


def address(url: str) -> str:
    """Return a ticket's address as both a browser's bar and an event say it: host and path, without what is behind."""
    if message := _MESSAGE.search(url):  # Slack's links name the message behind the question mark
        return f"{message[1]}/p{message[2].replace('.', '')}"
    return _BEHIND.split(url.partition("://")[2], 1)[0].rstrip("/")


def _term(word: str) -> Term | None:
    if "://" in word:
        whole = fold(address(word))[:MAX_KEY_CHARS]
        last = whole.rpartition("/")[2]
        message = "/".join(whole.split("/")[-2:])
        return Term(last, tuple(dict.fromkeys((whole, message, last)))) if last else None
    text = fold(word).strip(AROUND)[:MAX_KEY_CHARS]
    # Of a name in parts, such as half an address, the one that fewest share is told by its digits or its length.
    part = max(_WORD.findall(text), key=lambda p: (any(map(str.isdigit, p)), len(p)), default="")
    stems = [part[:length] for length in STEMS if len(part) > length]
    return Term(text, tuple(dict.fromkeys((text, part, *stems[:1])))) if part else None


def _names_something(value: Any) -> bool:
    """Whether a parameter names a thing, such as an order; currencies and flags are of many."""
    return isinstance(value, str) and 3 < len(value) <= MAX_NAMED_CHARS
