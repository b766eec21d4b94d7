"""A vendor's payload in; the few texts a model may read and the sender's authenticated fields out. Pure.

What an event says anew is in its vendor's file; here it is cleaned, capped and given an identity.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.canonical import canonical_json, sha256_hex, task_id_for
from shared.event.quotes import own_lines
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

    `texts` maps a JSON pointer into the payload to untrusted words, cleaned and at most 8,000 characters each.
    `fields` is `{"requester": {"email", "id", "name"}}` from the vendor's structured fields, with what is known.
    `reordered`: characters that `texts` no longer hold showed a text in another order than the one it is read in.
    `doubts`: codes of what makes a person look, such as `test_mode`.
    """

    texts: Mapping[str, str]
    fields: Mapping[str, Any]
    reordered: bool = False
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
    texts = {pointer: clean(text) for pointer, text in said.items()}
    return View(
        texts={pointer: text for pointer, text in texts.items() if text},
        fields={"requester": _requester(reading)},
        reordered=any(_REORDERING.search(text) for text in said.values()),
        doubts=reading.doubts,
    )


def requester(source: str, raw_payload: Payload, metadata: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what `view` knows of the requester: `email`, `id` and `name`, as far as the event says."""
    return _requester(read(source, raw_payload, metadata))


def content_hash(seen: View) -> str:
    """Return the hash of what an event says and who says it: equal for two deliveries of one fact."""
    return sha256_hex(canonical_json({"texts": dict(seen.texts), "fields": dict(seen.fields)}))


def fact_id(source: str, reading: Reading) -> str:
    """Return the task id of an event's fact: an edit or a deletion has that of what was written first."""
    if reading.echo is not None:
        return reading.echo.task_id
    key = f"{source}:{reading.fact.key}"
    return task_id_for(f"{key}:{content_hash(view_of(reading))}" if reading.fact.by_words else key)


def _requester(reading: Reading) -> dict[str, str]:
    known = {"email": _email(reading.email), "id": _word(reading.id), "name": _word(reading.name)}
    return {name: value for name, value in known.items() if value}


def clean(text: str) -> str:
    """Return `text` in NFC, without invisible and control characters and quoted mail, at most 8,000 characters."""
    text = text[: 2 * MAX_TEXT_CHARS]
    if not (text.isascii() and text.isprintable()):
        # NFC is quadratic in a run of combining marks, so no run stays long.
        text = _MARKS.sub(r"\1", _INVISIBLE.sub("", _LINE_END.sub("\n", text)))
        text = unicodedata.normalize("NFC", text)
    return "\n".join(own_lines(text.split("\n"))).strip()[:MAX_TEXT_CHARS]


_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")


def _email(value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if len(text) <= 254 and _EMAIL.fullmatch(text) else None


def _word(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = clean(value) if isinstance(value, str) else ""
    return text if 0 < len(text) <= 200 and "\n" not in text else None


_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Controls, soft hyphen, fillers, joiners, zero-width, bidi, variation selectors, interlinear marks, tags.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
# Embeddings, overrides and isolates.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MARKS = re.compile(r"([^\w\s\x00-\x7f]{32})[^\w\s\x00-\x7f]+")
