"""Jira Cloud and Data Center: webhooks of the system, of workflow transitions, and of automation rules.

Sources: developer.atlassian.com, "Webhooks" (Cloud), and confluence.atlassian.com, "Managing webhooks" (Data Center),
read 2026-11. One comment may come twice, as `comment_created` and inside `jira:issue_updated`; the first may lack its
issue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from shared.event import markup
from shared.event.reading import Does, Payload, Reading, Voice, at, fact, joined, words

# Event -> what it does to the member it is about. All other events bring no words.
COMMENT: Mapping[str, Does] = {
    "comment_created": "created",
    "comment_updated": "edited",
    "comment_deleted": "deleted",
    "issue_commented": "created",  # `issue_event_type_name` of jira:issue_updated
    "issue_comment_edited": "edited",
    "issue_comment_deleted": "deleted",
}
ISSUE: Mapping[str, Does] = {
    "jira:issue_created": "created",
    "jira:issue_updated": "edited",
    "jira:issue_deleted": "deleted",
}
WRITTEN = ("summary", "description")  # of an issue; `body` of a comment
# What may go from an event that is too large, as far as nothing of it is read.
BULK = (
    "/issue/fields/comment",
    "/issue/fields/worklog",
    "/issue/fields/attachment",
    "/issue/fields/subtasks",
    "/issue/fields/issuelinks",
    "/issue/renderedFields",
    "/issue/changelog",
    "/issue/fields/description",
)
URGENCY = {"highest": 5, "high": 4}


def read(payload: Payload) -> Reading | None:
    """Return what a Jira event says anew; None for a payload of another shape."""
    comment, issue, event = payload.get("comment"), payload.get("issue"), payload.get("webhookEvent")
    kind = str(event or ("transition" if payload.get("transition") else "automation"))[:60]
    if isinstance(comment, dict):
        return _comment(payload, comment, kind)
    if not isinstance(issue, dict):
        return Reading(kind) if isinstance(event, str) else None
    if event is None:
        return _without_event(payload, kind)
    return _issue(payload, ISSUE.get(kind), kind)


def _comment(payload: Payload, comment: Mapping[str, Any], kind: str) -> Reading:
    does = COMMENT.get(kind) or COMMENT.get(str(payload.get("issue_event_type_name")))
    if does is None:  # a change that carries a comment: an old one has been changed since it was made
        does = "created" if comment.get("updated") in (None, comment.get("created")) else "edited"
    author = comment.get("updateAuthor") if does == "edited" else comment.get("author")
    return _said(
        payload,
        kind,
        {} if does == "deleted" else {"/comment/body": comment.get("body")},
        does,
        author or comment.get("author"),
        key=joined(_site(payload), "comment", comment.get("id")),
        revision="" if does == "created" else comment.get("updated"),
        voice="private_note" if comment.get("jsdPublic") is False else None,
    )


def _issue(payload: Payload, does: Does | None, kind: str) -> Reading:
    """Read an issue: the words of a new one are its creator's, whoever is named as reporter."""
    fields, author = at(payload, "/issue/fields"), payload.get("user")
    new: tuple[str, ...] = ()
    if does == "created":
        new, author = WRITTEN, _creator(payload)
    elif does == "edited":
        items = at(payload, "/changelog/items")
        changed = [i for i in items if isinstance(i, dict)] if isinstance(items, list) else []
        new = tuple(n for n in WRITTEN if any(_differs(i) for i in changed if i.get("field") == n))
    texts = {f"/issue/fields/{name}": at(fields, f"/{name}") for name in new}
    revision = at(payload, "/changelog/id") or payload.get("timestamp") if does != "created" else ""
    return _said(payload, kind, texts, does or "created", author, key=_issue_key(payload), revision=revision)


def _without_event(payload: Payload, kind: str) -> Reading:
    """Read what a workflow or an automation rule sends: it never says what is new, so equal words are one fact."""
    if kind == "transition":
        comment = payload.get("comment")
        texts = {"/comment": comment} if isinstance(comment, str) else {}
        author = payload.get("user")
    else:
        texts = words(payload, [f"/issue/fields/{name}" for name in WRITTEN])
        author = _creator(payload)
    return _said(payload, kind, texts, "created", author, key=_issue_key(payload), by_words=True)


def _said(
    payload: Payload,
    kind: str,
    texts: Mapping[str, Any],
    does: Does,
    author: Any,
    *,
    key: str | None,
    revision: Any = "",
    voice: Voice | None = None,
    by_words: bool = False,
) -> Reading:
    return Reading(
        kind,
        {pointer: _own_words(text) for pointer, text in texts.items()},
        does,
        fact(key, revision, by_words=by_words),
        email=at(author, "/emailAddress"),
        id=at(author, "/accountId") or at(author, "/key") or at(author, "/name"),
        name=at(author, "/displayName"),
        voice=voice or ("bot" if at(author, "/accountType") == "app" else "person"),
        urgency=URGENCY.get(str(at(payload, "/issue/fields/priority/name")).lower(), 1),
        site="" if _site(payload) == "-" else _site(payload),
    )


def _creator(payload: Payload) -> Any:
    """Return who wrote a new issue. Where the event names no creator, its reporter is taken to be."""
    return at(payload, "/issue/fields/creator") or at(payload, "/issue/fields/reporter")


def _differs(item: Mapping[str, Any]) -> bool:
    return "toString" not in item or item.get("fromString") != item.get("toString")


def _issue_key(payload: Payload) -> str | None:
    return joined(_site(payload), "issue", at(payload, "/issue/id"))


def _site(payload: Payload) -> str:
    """Return the host of the Jira that sent this: ids are unique on one site only."""
    for pointer in ("/issue/self", "/comment/self", "/user/self"):
        link = at(payload, pointer)
        if isinstance(link, str):
            try:
                return urlsplit(link).hostname or "-"
            except ValueError:
                continue
    return "-"


def _own_words(text: Any) -> Any:
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
            text = at(node, "/attrs/text")
            return text if isinstance(text, str) else ""
        case "blockquote":
            return "".join(f"> {line}\n" for line in inner.splitlines())
        case "hardBreak" | "paragraph" | "heading" | "codeBlock" | "rule" | "taskItem" | "decisionItem":
            return f"{inner}\n"
        case "tableCell" | "tableHeader":
            return f"{inner} "
    return inner


def _is_struck(node: Mapping[str, Any]) -> bool:
    marks = node.get("marks")
    return isinstance(marks, list) and any(at(mark, "/type") == "strike" for mark in marks)
