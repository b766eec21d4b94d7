"""A vendor's payload in; the few texts a model may read and the sender's authenticated fields out. Pure.

Only the words an event brings are shown: a comment without the ticket it answers, an edit without the unedited rest.
Otherwise a change of status would ask for the same refund again. And the requester is who wrote those words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.event import markup
from shared.event.legible import MAX_READ_CHARS, hidden_chars, legible
from shared.event.quotes import Reading, read

MAX_TEXT_CHARS = 8_000
MAX_METADATA = 20

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """What classification may see of a payload.

    `texts` maps a JSON pointer into the payload to untrusted words, cleaned and at most 8,000 characters each; `cut`:
    one of them was longer, or held that many characters that nobody sees. `may_be_quoted` maps pointers to words that
    may be somebody else's: a reader sees them, no parameter comes from them. `only_quotes`: a text holds nothing that
    certainly is the writer's, and stands in `texts` with all its quotes.
    `fields` is `{"requester": {"email", "id", "name"}}` from the vendor's structured fields, with what is known.
    `reordered`: characters that `texts` no longer hold showed a text in another order than the one it is read in.
    """

    texts: Mapping[str, str]
    fields: Mapping[str, Any]
    reordered: bool = False
    may_be_quoted: Mapping[str, str] = field(default_factory=dict)
    only_quotes: bool = False
    cut: bool = False

    def at(self, pointer: str) -> Any | None:
        """Return the authenticated field at a JSON pointer such as `/requester/email`, or None."""
        return _at(self.fields, pointer)


@dataclass(frozen=True, slots=True)
class _Reading:
    texts: Mapping[str, Any]
    email: Any = None
    id: Any = None
    name: Any = None


def view(source: str, raw_payload: Payload) -> View:
    """Return the view of a payload; a vendor's source whose payload has another shape is read like any other."""
    reading = _read(source, raw_payload)
    said = {pointer: text for pointer, text in reading.texts.items() if isinstance(text, str)}
    readings = {pointer: read(legible(text)) for pointer, text in said.items()}
    return View(
        texts={pointer: r.own[:MAX_TEXT_CHARS] for pointer, r in readings.items() if r.own},
        fields={"requester": _requester(reading)},
        reordered=any(_REORDERING.search(text) for text in said.values()),
        may_be_quoted={pointer: r.maybe[:MAX_TEXT_CHARS] for pointer, r in readings.items() if r.maybe},
        only_quotes=any(r.only_quotes for r in readings.values()),
        cut=any(_is_cut(said[pointer], reading) for pointer, reading in readings.items()),
    )


def requester(source: str, raw_payload: Payload) -> dict[str, str]:
    """Return what `view` knows of the requester: `email`, `id` and `name`, as far as the event says."""
    return _requester(_read(source, raw_payload))


def _read(source: str, payload: Payload) -> _Reading:
    envelope, read = _VENDORS.get(source, ("", _generic))
    return read(payload) if isinstance(payload.get(envelope), dict | str) else _generic(payload)


def _requester(reading: _Reading) -> dict[str, str]:
    known = {"email": _email(reading.email), "id": _word(reading.id), "name": _word(reading.name)}
    return {name: value for name, value in known.items() if value}


def _is_cut(text: str, reading: Reading) -> bool:
    # A flood of characters that nobody sees counts as well: only a person finds out what it is for.
    return len(text) > MAX_READ_CHARS or max(len(reading.own), hidden_chars(text)) > MAX_TEXT_CHARS


def clean(text: str) -> str:
    """Return the writer's own words in `text`, in NFC and without invisible characters, at most 8,000 characters."""
    return read(legible(text)).own[:MAX_TEXT_CHARS]


def _zendesk(payload: Payload) -> _Reading:
    detail = payload["detail"]
    requester_id = _at(detail, "/requester_id") or _at(detail, "/requester/id")
    mail = "/via/source/from/address" if _at(detail, "/via/channel") == "email" else ""
    requester = _Reading(
        _texts(payload, "/detail/subject", "/detail/description"),
        email=_at(detail, "/requester/email") or (_at(detail, mail) if mail else None),
        id=requester_id,
        name=_at(detail, "/requester/name"),
    )
    author = _at(payload, "/event/comment/author")
    if isinstance(_at(payload, "/event/comment"), dict):
        texts, author_id = _texts(payload, "/event/comment/body"), _word(_at(author, "/id"))
        if author_id is not None and author_id == _word(requester_id):
            return _Reading(texts, requester.email, requester.id, requester.name)
        return _Reading(texts, id=_at(author, "/id"), name=_at(author, "/name"))
    kind = str(payload.get("type", ""))
    is_change = kind.startswith("zen:event-type:ticket.") and not kind.endswith(".created")
    return _Reading({}, id=_at(detail, "/actor_id")) if is_change else requester


def _jira(payload: Payload) -> _Reading:
    kind = payload.get("webhookEvent")
    if isinstance(payload.get("comment"), dict):
        texts, author = _texts(payload, "/comment/body"), _at(payload, "/comment/author")
    elif kind in (None, "jira:issue_created"):
        texts = _texts(payload, "/issue/fields/summary", "/issue/fields/description")
        author = _at(payload, "/issue/fields/reporter")
    else:
        items = _at(payload, "/changelog/items")
        changed = [_at(item, "/field") for item in items] if isinstance(items, list) else []
        texts = _texts(payload, *(f"/issue/fields/{n}" for n in ("summary", "description") if n in changed))
        author = payload.get("user")
    texts = {pointer: _own_jira_words(text) for pointer, text in texts.items()}
    return _Reading(texts, _at(author, "/emailAddress"), _at(author, "/accountId"), _at(author, "/displayName"))


def _slack(payload: Payload) -> _Reading:
    event = payload["event"]
    text = _at(event, "/text")
    text = markup.slack(text) if isinstance(text, str) else text
    profile = _at(event, "/user_profile")
    return _Reading({"/event/text": text}, _at(profile, "/email"), _at(event, "/user"), _at(profile, "/real_name"))


def _github(payload: Payload) -> _Reading:
    action, sender = payload["action"], payload.get("sender")
    subject = next((name for name in ("issue", "pull_request", "discussion") if name in payload), "issue")
    pointers: Iterable[str] = ()
    if "comment" in payload:
        pointers = ["/comment/body"] if action in ("created", "edited") else []
    elif action == "opened":
        pointers = [f"/{subject}/title", f"/{subject}/body"]
    elif action == "edited":
        pointers = [f"/{subject}/{name}" for name in ("title", "body") if _at(payload, f"/changes/{name}")]
    texts = _texts(payload, *pointers)
    texts = {pointer: markup.markdown(text) for pointer, text in texts.items() if isinstance(text, str)}
    return _Reading(texts, id=_at(sender, "/login"))


def _stripe(payload: Payload) -> _Reading:
    thing = _at(payload, "/data/object")
    metadata = _at(thing, "/metadata")
    names = [n for n in metadata if re.fullmatch(r"[\w.-]{1,40}", n, re.ASCII)] if isinstance(metadata, dict) else []
    pointers = [f"/data/object/metadata/{name}" for name in names[:MAX_METADATA]]
    emails = ("/customer_email", "/receipt_email", "/billing_details/email", "/customer_details/email")
    return _Reading(
        _texts(payload, "/type", "/data/object/description", "/data/object/reason", *pointers),
        email=next((value for pointer in emails if (value := _at(thing, pointer))), None),
        id=_at(thing, "/customer/id") or _at(thing, "/customer"),
        name=_at(thing, "/billing_details/name") or _at(thing, "/customer_details/name"),
    )


def _generic(payload: Payload) -> _Reading:
    parts = {f"/{name}" if name else "": payload.get(name) if name else payload for name in _GENERIC_PARTS}
    found = [(prefix, part) for prefix, part in parts.items() if isinstance(part, dict)]
    texts = {f"{prefix}/{name}": part[name] for prefix, part in found for name in _GENERIC_TEXTS if name in part}
    people = [part[role] for _, part in found for role in ("requester", "customer") if isinstance(part.get(role), dict)]
    person = people[0] if people else {}
    return _Reading(texts, person.get("email"), person.get("id"), person.get("name"))


_GENERIC_PARTS = ("", "ticket", "data", "event", "issue")
_GENERIC_TEXTS = ("subject", "title", "text", "body", "message", "description", "summary")

# Source -> the member that shows its payload is the vendor's own, and how to read it.
_VENDORS: Mapping[str, tuple[str, Callable[[Payload], _Reading]]] = {
    "zendesk": ("detail", _zendesk),
    "jira": ("issue", _jira),
    "slack": ("event", _slack),
    "github": ("action", _github),
    "stripe": ("data", _stripe),
}


def _at(root: Any, pointer: str) -> Any | None:
    for key in pointer.split("/")[1:]:
        root = root.get(key) if isinstance(root, dict) else None
    return root


def _texts(payload: Payload, *pointers: str) -> dict[str, Any]:
    return {pointer: _at(payload, pointer) for pointer in pointers}


def _own_jira_words(text: Any) -> Any:
    """Return the words of a Jira text, a document or wiki markup, with its quotes marked."""
    if isinstance(text, str):
        return markup.wiki(text)
    return _adf(text) if isinstance(text, dict) else text


def _adf(node: Any) -> str:
    """Return the words of an Atlassian Document Format node, one block per line, its quotes marked with `>`."""
    if not isinstance(node, dict) or _is_struck(node):
        return ""
    content = node.get("content")
    inner = "".join(map(_adf, content)) if isinstance(content, list) else ""
    match node.get("type"):
        case "text":
            return node["text"] if isinstance(node.get("text"), str) else ""
        case "mention" | "emoji" | "date" | "status":
            text = _at(node, "/attrs/text")
            return text if isinstance(text, str) else ""
        case "blockquote":
            return "".join(f"> {line}\n" for line in inner.splitlines())
        case "hardBreak" | "paragraph" | "heading" | "codeBlock" | "rule" | "taskItem" | "decisionItem":
            return f"{inner}\n"
        case "tableCell" | "tableHeader":
            return f"{inner} "
    return inner


def _is_struck(node: Payload) -> bool:
    marks = node.get("marks")
    return isinstance(marks, list) and any(_at(mark, "/type") == "strike" for mark in marks)


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
