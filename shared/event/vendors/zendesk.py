"""Zendesk's event webhooks; what a trigger sends is an admin's own JSON and is read as any other sender's.

Source: developer.zendesk.com, "Ticket events" and "Messaging ticket events", read 2026-11. An event names people by id,
never by address. The first comment of a ticket may come again as `comment_added`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.event.reading import Does, Payload, Reading, Voice, at, fact, joined, words

# Event -> what it does, and the members that are new in it. All others (status, tags, assignee ...) bring no words.
EVENTS: Mapping[str, tuple[Does, tuple[str, ...]]] = {
    "ticket.created": ("created", ("/detail/subject", "/detail/description")),
    "ticket.comment_added": ("created", ("/event/comment/body",)),
    "ticket.subject_changed": ("edited", ("/event/current",)),
    "ticket.description_changed": ("edited", ("/event/current",)),
    "ticket.csat_received": ("created", ("/event/comment",)),
    "ticket.comment_redacted": ("deleted", ()),
    "ticket.comment_made_private": ("deleted", ()),
    "ticket.soft_deleted": ("deleted", ()),
    "ticket.permanently_deleted": ("deleted", ()),
    "messaging_ticket.message_added": ("created", ("/event/message/body",)),
}
# What may go from an event that is too large, as far as nothing of it is read.
BULK = (
    "/event/comment/html_body",
    "/event/comment/plain_body",
    "/event/comment/attachments",
    "/event/previous",
    "/detail/description",
    "/detail/custom_fields",
)
PREFIX = "zen:event-type:"
URGENCY = {"urgent": 5, "high": 4}


def read(payload: Payload) -> Reading | None:
    """Return what a Zendesk event says anew; None for a trigger's JSON."""
    detail, name = payload.get("detail"), payload.get("type")
    if not isinstance(detail, dict) or not (isinstance(name, str) and name.startswith(PREFIX)):
        return None
    kind = name.removeprefix(PREFIX)[:60]
    site, ticket = payload.get("account_id") or "-", joined("ticket", detail.get("id"))
    urgency = URGENCY.get(str(detail.get("priority")).lower(), 1)
    does, pointers = EVENTS.get(kind, ("created", ()))
    if does == "edited" and at(payload, "/event/current") == at(payload, "/event/previous"):
        pointers = ()
    comment, message = at(payload, "/event/comment"), at(payload, "/event/message")
    texts = words(payload, pointers)
    if isinstance(comment, dict):
        if does == "created" and _is_first(comment, detail):
            texts = words(payload, EVENTS["ticket.created"][1])
        else:
            ticket = joined("comment", comment.get("id"))
        author, voice = comment.get("author"), _voice_of_comment(comment)
    elif isinstance(message, dict):
        ticket, author = joined("message", message.get("id")), at(payload, "/event/actor")
        voice = "person" if at(author, "/type") == "end_user" else "bot"
    else:
        author, voice = _author(detail, does), "person"
    revision = "" if does == "created" else payload.get("id")
    return Reading(
        kind,
        texts,
        does,
        fact(joined(site, ticket), revision),
        id=at(author, "/id"),
        name=at(author, "/name"),
        voice=voice,
        urgency=urgency,
        site="" if site == "-" else str(site),
    )


def _is_first(comment: Mapping[str, Any], detail: Mapping[str, Any]) -> bool:
    """Whether a comment is the ticket's description told again: the same words of the same person."""
    author = at(comment, "/author/id")
    return bool(comment.get("body")) and comment.get("body") == detail.get("description") and author == _wrote(detail)


def _voice_of_comment(comment: Mapping[str, Any]) -> Voice:
    if comment.get("is_public") is False:
        return "private_note"
    return "staff" if at(comment, "/author/is_staff") is True else "person"


def _author(detail: Mapping[str, Any], does: Does) -> dict[str, Any]:
    """Return whoever wrote: of a new ticket its submitter, an agent perhaps; of a change the actor."""
    return {"id": _wrote(detail) if does == "created" else detail.get("actor_id"), "name": None}


def _wrote(detail: Mapping[str, Any]) -> Any:
    return detail.get("submitter_id") or detail.get("requester_id")
