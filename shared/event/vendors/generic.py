"""Any other sender's JSON, and what triggers and forms of a vendor's admin send: read by the names of its members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.event.reading import Fact, Payload, Reading, at, fact, joined

PARTS = ("", "ticket", "data", "event", "issue")
WRITTEN = (
    "subject",
    "title",
    "text",
    "body",
    "message",
    "description",
    "summary",
    "ticket_title",
    "ticket_description",
)
# Where one of these is, somebody answered: the words above it are old.
ANSWERS = (
    "comment",
    "latest_comment",
    "latest_public_comment",
    "ticket_latest_comment",
    "ticket_latest_public_comment",
    "ticket_comment",
    "reply",
)
PEOPLE = ("requester", "customer")
# What admins call Zendesk's `{{ticket.requester.email}}` where they nest nothing. Of a request only: an answer may be
# anybody's.
FLAT = ("requester", "ticket_requester", "customer")
MAX_DEPTH = 8
URGENCY = {"urgent": 5, "high": 4}


def read(payload: Payload) -> Reading:
    """Return what the members of a payload with well-known names say; nested one level deep."""
    parts = {f"/{name}" if name else "": payload.get(name) if name else payload for name in PARTS}
    found = [(prefix, part) for prefix, part in parts.items() if isinstance(part, dict)]
    answers = {f"{prefix}/{name}": part[name] for prefix, part in found for name in ANSWERS if part.get(name)}
    texts = _answers(answers)
    if texts:
        writers = [at(answer, f"/{who}") for answer in answers.values() for who in ("author", "user")]
        person: Any = next((writer for writer in writers if writer), {})
    else:
        texts = {f"{prefix}/{name}": part[name] for prefix, part in found for name in WRITTEN if name in part}
        person = next((part[role] for _, part in found for role in PEOPLE if isinstance(part.get(role), dict)), None)
        person = person or _flat(payload)
    return Reading(
        str(payload.get("type") or payload.get("event_type") or "event")[:60],
        texts,
        fact=_fact(payload, answers),
        unread=not texts and _has_prose(payload),
        email=at(person, "/email"),
        id=at(person, "/id"),
        name=at(person, "/name"),
        urgency=_urgency(payload),
    )


def _flat(payload: Payload) -> dict[str, Any]:
    """Return the requester that is told in members such as `requester_email` and `requester_name`."""
    role = next((role for role in FLAT if payload.get(f"{role}_email")), "")
    return {name: payload.get(f"{role}_{name}") for name in ("email", "id", "name")} if role else {}


def _fact(payload: Payload, answers: Mapping[str, Any]) -> Fact:
    """Return the sender's own id of the event, else the answer's; a ticket's id tells only what the words are about."""
    key = joined("id", payload.get("id")) or joined("id", payload.get("event_id"))
    key = key or next((k for a in answers.values() if (k := joined("answer", at(a, "/id")))), None)
    if key:
        return fact(key)
    return fact(joined("ticket", at(payload, "/ticket/id") or payload.get("ticket_id") or "-"), by_words=True)


def _has_prose(node: Any, depth: int = 0) -> bool:
    """Whether somewhere a text of several words stands, which may be somebody's request."""
    if isinstance(node, str):
        return len(node.split(None, 3)) > 3
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return depth < MAX_DEPTH and any(_has_prose(item, depth + 1) for item in inner)


def _answers(answers: Mapping[str, Any]) -> dict[str, Any]:
    texts: dict[str, Any] = {}
    for pointer, answer in answers.items():
        if isinstance(answer, str):
            texts[pointer] = answer
        else:
            texts |= {f"{pointer}/{n}": answer[n] for n in ("body", "text", "content") if at(answer, f"/{n}")}
    return texts


def _urgency(payload: Payload) -> int:
    """Return `priority` from 1 to 5, or what a help desk calls urgent."""
    value = payload.get("priority")
    if type(value) is int and 1 <= value <= 5:  # not True, which is an int as well
        return value
    return URGENCY.get(str(at(payload, "/ticket/priority") or value).lower(), 1)
