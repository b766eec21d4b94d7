"""Slack: messages of people, their edits and deletions, forms of workflows, slash commands and message shortcuts.

Source: api.slack.com, "message event" with its subtypes, "app_mention", "Slash commands", "Interactivity", and "Block
Kit reference", read 2026-11. Words may be in `text`, in blocks or in attachments; a redelivery has another event id,
and a mention comes as two events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.event import markup
from shared.event.reading import Does, Payload, Reading, Voice, at, fact, joined

# Subtype of a message -> what it does. Joins, topics, pins and all others bring no words.
DOES: Mapping[str | None, Does] = {
    None: "created",
    "file_share": "created",
    "thread_broadcast": "created",
    "me_message": "created",
    "bot_message": "created",
    "message_changed": "edited",
    "message_deleted": "deleted",
}
# What may go from an event that is too large, as far as nothing of it is read.
BULK = (
    "/event/blocks",
    "/event/attachments",
    "/event/files",
    "/event/root",
    "/event/message/blocks",
    "/event/message/attachments",
    "/event/message/files",
    "/event/previous_message/blocks",
    "/event/previous_message/attachments",
    "/message/blocks",
    "/message/attachments",
    "/message/files",
)
_ANSWER = re.compile(r"https://hooks\.slack\.com((?:/[A-Za-z0-9_-]+){2,9})", re.ASCII)
EVENTS = frozenset({"message", "app_mention", None})
MAX_BLOCKS = 100


def read(payload: Payload) -> Reading | None:
    """Return what a Slack event says anew; None for a payload of another shape."""
    if payload.get("type") == "url_verification":
        return Reading("url_verification", ignored="handshake")
    if payload.get("ssl_check"):
        return Reading("ssl_check", ignored="handshake")
    if isinstance(payload.get("command"), str):
        return _command(payload)
    if payload.get("type") == "message_action":
        return _shortcut(payload)
    event = payload.get("event")
    if not isinstance(event, dict):
        return None
    subtype, is_text = event.get("subtype"), isinstance(event.get("type"), str | None)
    kind = ".".join(str(part)[:40] for part in (event.get("type") or "message", subtype) if part)
    does = DOES.get(subtype) if isinstance(subtype, str | None) and is_text and event.get("type") in EVENTS else None
    if does is None:
        return Reading(kind)
    message: Any = {"created": event, "edited": event.get("message")}.get(does, event.get("previous_message"))
    texts = {} if does == "deleted" else _texts(message, "/event" if does == "created" else "/event/message")
    if does == "edited" and texts == _texts(event.get("previous_message"), "/event/message"):
        texts = {}  # a link was unfurled, a thread grew: nobody wrote
    profile = at(message, "/user_profile")
    return Reading(
        kind,
        texts,
        does,
        fact(
            joined(payload.get("team_id") or "-", event.get("channel"), at(message, "/ts") or event.get("deleted_ts")),
            "" if does == "created" else at(message, "/edited/ts") or event.get("event_ts") or event.get("ts"),
        ),
        email=at(profile, "/email"),
        id=at(message, "/edited/user") if does == "edited" and at(message, "/edited/user") else at(message, "/user"),
        name=at(profile, "/real_name"),
        voice=_voice(message),
        doubts=_doubts(payload, message),
        site=str(payload.get("team_id") or ""),
    )


def answer_path(payload: Payload) -> str:
    """Return where on Slack's own host a command or shortcut may be answered; empty: nowhere, or elsewhere."""
    match = _ANSWER.fullmatch(str(payload.get("response_url") or ""))
    return match[1] if match else ""


def _command(payload: Payload) -> Reading:
    """Read `/ask where is order 47384`: the words are the writer's, and each time it is typed it is another wish."""
    return Reading(
        "command",
        {"/text": markup.slack(str(payload.get("text") or ""))},
        fact=fact(joined(payload.get("team_id") or "-", "trigger", payload.get("trigger_id"))),
        id=payload.get("user_id"),
        name=payload.get("user_name"),
        site=str(payload.get("team_id") or ""),
    )


def _shortcut(payload: Payload) -> Reading:
    """Read a message that somebody handed over: its words are those of whoever wrote it, not of whoever did that."""
    message, team = payload.get("message"), at(payload, "/team/id")
    return Reading(
        "message_action",
        _texts(message, "/message"),
        fact=fact(joined(team or "-", "shortcut", at(payload, "/channel/id"), at(message, "/ts"), _edited_at(message))),
        id=at(message, "/user"),
        voice=_voice(message),
        doubts=_doubts({"team_id": team}, message),
        site=str(team or ""),
    )


def _edited_at(message: Any) -> str:
    """Return since when a message has these words: handed over again with others, it is another fact."""
    return str(at(message, "/edited/ts") or "-")


def _voice(message: Any) -> Voice:
    """Return who speaks: the form of a workflow is a person's, whatever posts it."""
    if at(message, "/bot_profile/is_workflow_bot") is True or at(message, "/workflow_id"):
        return "person"
    is_bot = at(message, "/bot_id") or at(message, "/subtype") == "bot_message" or at(message, "/user") == "USLACKBOT"
    return "bot" if is_bot else "person"


def _doubts(payload: Payload, message: Any) -> tuple[str, ...]:
    """Return whether the writer is of another workspace: Slack Connect lets them into a channel."""
    home = payload.get("team_id")
    teams = {team for name in ("team", "user_team", "source_team") if isinstance(team := at(message, f"/{name}"), str)}
    return ("foreign_workspace",) if isinstance(home, str) and teams - {home} else ()


def _texts(message: Any, prefix: str) -> dict[str, str]:
    """Return a message's words: its text, or where that is empty what stands in its blocks and attachments."""
    text = at(message, "/text")
    if isinstance(text, str) and text.strip():
        return {f"{prefix}/text": markup.slack(text)}
    found = {}
    for member in ("blocks", "attachments"):
        said = "\n".join(line for line in _lines(at(message, f"/{member}")) if line.strip())
        if said:
            found[f"{prefix}/{member}"] = markup.slack(said)
    return found


def _lines(node: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts of blocks and attachments in their order; quotes and what only names an element are left out."""
    if depth > 8:
        return
    if isinstance(node, list):
        for item in node[:MAX_BLOCKS]:
            yield from _lines(item, depth + 1)
    elif isinstance(node, dict) and node.get("type") != "rich_text_quote":
        elements = node.get("elements")
        if node.get("type") in ("rich_text_section", "rich_text_preformatted") and isinstance(elements, list):
            yield "".join(str(at(e, "/text") or at(e, "/url") or "") for e in elements[:MAX_BLOCKS])
            return
        for name in ("pretext", "title", "text", "fields", "elements", "blocks"):
            value = node.get(name)
            if isinstance(value, str):
                yield value
            else:
                yield from _lines(value, depth + 1)
