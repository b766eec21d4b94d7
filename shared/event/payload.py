"""A vendor's payload in; the few texts a model may read and the sender's authenticated fields out. Pure.

What an event says anew is in its vendor's file; here it is cleaned, capped and given an identity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.canonical import canonical_json, sha256_hex, task_id_for
from shared.event.legible import MAX_READ_CHARS, hidden_chars, legible
from shared.event.quotes import OwnWords, own_words
from shared.event.reading import Payload, Reading, at
from shared.event.vendors import generic, github, jira, mapped, slack, stripe, zendesk
from shared.field_map import known_fields

MAX_TEXT_CHARS = 8_000
FIELDS = "fields"  # the key of a task's metadata that holds its source's map of fields
# Source -> how its own events are read; whatever has another shape or source is read by its members' names.
VENDORS: Mapping[str, Callable[[Payload], Reading | None]] = {
    "zendesk": zendesk.read,
    "jira": jira.read,
    "slack": slack.read,
    "github": github.read,
    "stripe": stripe.read,
}


@dataclass(frozen=True, slots=True)
class View:
    """What classification may see of a payload.

    `texts` maps a JSON pointer into the payload to untrusted words, cleaned and at most 8,000 characters each; `cut`:
    one of them was longer, or held that many characters that nobody sees. `may_be_quoted` maps pointers to words that
    may be somebody else's: a reader sees them, no parameter comes from them. `only_quotes`: a text holds nothing that
    certainly is the writer's, and stands in `texts` with all its quotes.
    `fields` is `{"requester": {"email", "id", "name"}}` from the vendor's structured fields, with what is known.
    `reordered`: characters that `texts` no longer hold showed a text in another order than the one it is read in.
    `doubts`: codes of what makes a person look, such as `test_mode`.
    """

    texts: Mapping[str, str]
    fields: Mapping[str, Any]
    reordered: bool = False
    may_be_quoted: Mapping[str, str] = field(default_factory=dict)
    only_quotes: bool = False
    cut: bool = False
    doubts: tuple[str, ...] = ()

    def at(self, pointer: str) -> Any | None:
        """Return the authenticated field at a JSON pointer such as `/requester/email`, or None."""
        return at(self.fields, pointer)


def read(source: str, raw_payload: Payload, metadata: Mapping[str, str] | None = None) -> Reading:
    """Return what an event says anew; a vendor's source whose payload has another shape is read like any other.

    `metadata` is that of its task: it holds the source's map of fields where there is one.
    """
    vendor = VENDORS.get(source)
    if vendor and (reading := vendor(raw_payload)):
        return reading
    fields = known_fields((metadata or {}).get(FIELDS, ""))
    return mapped.read(raw_payload, fields) if fields else generic.read(raw_payload)


def view(source: str, raw_payload: Payload, metadata: Mapping[str, str] | None = None) -> View:
    """Return the view of a payload."""
    return view_of(read(source, raw_payload, metadata))


def view_of(reading: Reading) -> View:
    """Return what classification may see of a reading."""
    said = {pointer: text for pointer, text in reading.texts.items() if isinstance(text, str)}
    words = {pointer: own_words(legible(text)) for pointer, text in said.items()}
    return View(
        texts={pointer: w.own[:MAX_TEXT_CHARS] for pointer, w in words.items() if w.own},
        fields={"requester": requester_in(reading)},
        reordered=any(_REORDERING.search(text) for text in said.values()),
        may_be_quoted={pointer: w.maybe[:MAX_TEXT_CHARS] for pointer, w in words.items() if w.maybe},
        only_quotes=any(w.only_quotes for w in words.values()),
        cut=any(_is_cut(said[pointer], w) for pointer, w in words.items()),
        doubts=reading.doubts,
    )


def requester(source: str, raw_payload: Payload, metadata: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what `view` knows of the requester: `email`, `id` and `name`, as far as the event says."""
    return requester_in(read(source, raw_payload, metadata))


def content_hash(seen: View, raw_payload: Payload) -> str:
    """Return the hash of what an event says and who says it: equal for two deliveries of one fact.

    Where nothing in it is known to be words, all of it may be.
    """
    said = {"texts": dict(seen.texts), "fields": dict(seen.fields)} if seen.texts else raw_payload
    return sha256_hex(canonical_json(said))


def fact_id(source: str, reading: Reading, raw_payload: Payload) -> str:
    """Return the task id of an event's fact: an edit or a deletion has that of what was written first."""
    if reading.echo is not None:
        return reading.echo.task_id
    key = f"{source}:{reading.fact.key}"
    return task_id_for(f"{key}:{content_hash(view_of(reading), raw_payload)}" if reading.fact.by_words else key)


def other_id(source: str, task_id: str, reading: Reading, content: str) -> str:
    """Return the task id of an event whose content came under an id that another task has."""
    return task_id_for(f"{source}:{task_id}:{reading.fact.revision}:{content}")


def requester_in(reading: Reading) -> dict[str, str]:
    """Return `email`, `id` and `name` of whoever wrote an event's words, as far as it says."""
    known = {"email": _email(reading.email), "id": _word(reading.id), "name": _word(reading.name)}
    return {name: value for name, value in known.items() if value}


def _is_cut(text: str, words: OwnWords) -> bool:
    # A flood of characters that nobody sees counts as well: only a person finds out what it is for.
    return len(text) > MAX_READ_CHARS or max(len(words.own), hidden_chars(text)) > MAX_TEXT_CHARS


def clean(text: str) -> str:
    """Return the writer's own words in `text`, in NFC and without invisible characters, at most 8,000 characters."""
    return own_words(legible(text)).own[:MAX_TEXT_CHARS]


_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")


def _email(value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if len(text) <= 254 and _EMAIL.fullmatch(text) else None


def _word(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = clean(value) if isinstance(value, str) else ""
    return text if 0 < len(text) <= 200 and "\n" not in text else None


# Embeddings, overrides and isolates.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
