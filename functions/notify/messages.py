"""Digests in; one message as Slack's or Google Chat's incoming webhook takes it, out. Pure.

Counts, ids, codes and times only, escaped for the format; every link leads to the console.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from functions.notify.memory import Digest
from functions.notify.news import Item, Kind

SHOWN = 5
MAX_INTENTS = 8
WORDS: dict[Kind, tuple[str, str]] = {
    "breaker": ("intent was stopped: too much went wrong", "intents were stopped: too much went wrong"),
    "expiring": ("approval is about to expire", "approvals are about to expire"),
    "unknown": ("task ended UNKNOWN: somebody has to look", "tasks ended UNKNOWN: somebody has to look"),
    "failed": ("task ended FAILED", "tasks ended FAILED"),
    "taken_back": ("request was taken back after its effect", "requests were taken back after their effect"),
    "dead_letter": ("message was given up", "messages were given up"),
    "paused": ("task waits for a decision", "tasks wait for a decision"),
    "still_unknown": ("task is still UNKNOWN: nobody has looked", "tasks are still UNKNOWN: nobody has looked"),
    "still_open": ("message that was given up is still open", "messages that were given up are still open"),
}
LISTS: dict[Kind, str] = {
    "breaker": "/health",
    "expiring": "/",
    "unknown": "/tasks?state=UNKNOWN",
    "failed": "/tasks?state=FAILED&closed=no",
    "taken_back": "/tasks?state=SUCCEEDED",
    "dead_letter": "/dead-letters",
    "paused": "/",
    "still_unknown": "/tasks?state=UNKNOWN",
    "still_open": "/dead-letters",
}

WITHOUT_TASK: frozenset[Kind] = frozenset({"breaker", "dead_letter", "still_open"})  # or with none at times
REMINDERS: frozenset[Kind] = frozenset({"still_unknown", "still_open"})

Message = dict[str, Any]


def slack(digests: Sequence[Digest], console_url: str, now: datetime) -> Message:
    """Return a message of Block Kit, with its text for notifications."""
    blocks: list[Message] = []
    for digest in digests:
        head: Message = _mrkdwn(f"*{_title(digest)}*\n{_intents(digest)}")
        if console_url:
            label = {"type": "plain_text", "text": _button(digest)}
            head["accessory"] = {"type": "button", "text": label, "url": _link(digest, console_url)}
        blocks += [head, _mrkdwn("\n".join(_lines(digest, console_url, now, _slack_id)))]
    return {"text": _summary(digests), "blocks": blocks}


def google_chat(digests: Sequence[Digest], console_url: str, now: datetime) -> Message:
    """Return a card with a section per digest, and its text for notifications."""
    sections = []
    for digest in digests:
        text = "<br>".join([_intents(digest), *_lines(digest, console_url, now, _chat_id)])
        widgets: list[Message] = [{"textParagraph": {"text": text}}]
        if console_url:
            opens = {"openLink": {"url": _link(digest, console_url)}}
            widgets.append({"buttonList": {"buttons": [{"text": _button(digest), "onClick": opens}]}})
        sections.append({"header": _title(digest), "widgets": widgets})
    card = {"header": {"title": "Switchyard"}, "sections": sections}
    return {"text": _summary(digests), "cardsV2": [{"cardId": "switchyard", "card": card}]}


def _summary(digests: Sequence[Digest]) -> str:
    return "Switchyard: " + ", ".join(_title(d) for d in digests)


def _title(digest: Digest) -> str:
    one, many = WORDS[digest.kind]
    count = len(digest.items)
    return f"{count}{'+' if digest.more else ''} {one if count == 1 and not digest.more else many}"


def _intents(digest: Digest) -> str:
    """Return how many there are of each intent, the most frequent first."""
    counts = Counter(item.intent for item in digest.items).most_common()
    words = [f"{intent} {count}" for intent, count in counts[:MAX_INTENTS]]
    if rest := sum(count for _, count in counts[MAX_INTENTS:]):
        words.append(f"others {rest}")
    return ", ".join(words)


def _button(digest: Digest) -> str:
    return "Open the task" if _single(digest) else "Open the list"


def _single(digest: Digest) -> bool:
    return len(digest.items) == 1 and not digest.more and digest.kind not in WITHOUT_TASK


def _link(digest: Digest, console_url: str) -> str:
    if _single(digest):
        return _page(digest.items[0].task_id, console_url)
    return f"{console_url}{LISTS[digest.kind]}"


def _page(task_id: str, console_url: str) -> str:
    return f"{console_url}/tasks/{quote(task_id, safe='')}"


def _lines(digest: Digest, console_url: str, now: datetime, named: Callable[[str, str], str]) -> list[str]:
    """Return a line for each of the oldest."""
    lines = [_line(item, console_url, now, named) for item in digest.items[:SHOWN]]
    if hidden := len(digest.items) - len(lines):
        lines.append(f"and {hidden}{'+' if digest.more else ''} more")
    return lines


def _line(item: Item, console_url: str, now: datetime, named: Callable[[str, str], str]) -> str:
    url = _page(item.task_id, console_url) if console_url else ""
    nameless = "" if item.kind == "breaker" else "no task"
    parts = [item.intent, named(item.task_id, url) if item.task_id else nameless, ", ".join(item.codes)]
    if item.kind in REMINDERS:
        parts.append(f"since {item.at:%Y-%m-%d %H:%M} UTC")
    if item.expires_at is not None:
        parts.append(_left(item.expires_at - now))
    return " · ".join(part for part in parts if part)


def _left(duration: timedelta) -> str:
    if duration <= timedelta(0):
        return "no time left"
    minutes = int(duration.total_seconds() // 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    words = [(days, "d"), (hours, "h"), (minutes, "min")]
    shown = [f"{n} {unit}" for n, unit in words if n][:2]
    return f"{' '.join(shown) or 'under a minute'} left"


def _slack_id(task_id: str, url: str) -> str:
    name = task_id.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<{url}|{name}>" if url else f"`{name}`"


def _chat_id(task_id: str, url: str) -> str:
    name = html.escape(task_id)
    return f'<a href="{html.escape(url)}">{name}</a>' if url else name


def _mrkdwn(text: str) -> Message:
    """Return a section; `verbatim`: nothing in it becomes a link or a mention by itself."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
