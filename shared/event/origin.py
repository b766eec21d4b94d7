"""Where an event came from, as people name it: the ticket's number, the way back to it, its first words. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from shared.event.legible import legible
from shared.event.reading import Payload, at
from shared.event.vendors.generic import PARTS

MAX_NUMBER_CHARS = 80
MAX_URL_CHARS = 300
MAX_TITLE_CHARS = 120
MAX_WORDS_CHARS = 200
LINKS = ("link", "url", "html_url", "permalink")
TITLES = ("subject", "title", "summary", "ticket_title")
_ZENDESK = re.compile(r"[a-z0-9-]{1,63}\.zendesk\.com/[\w/.-]{1,120}", re.ASCII)
_UNSEEN = re.compile(r"[^\x21-\x7e]")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Origin:
    """What people call the ticket, `4200` or `OPS-312`, its page, and its subject also where only a comment is new.

    Empty is what the event does not say.
    """

    number: str = ""
    url: str = ""
    title: str = ""


def origin(source: str, payload: Payload, site_url: str = "") -> Origin:
    """Return where an event came from. `site_url`: of our own help desk, where its events do not name their host.

    The address comes out of the event: it is https, printable, without a user in it, and nothing else is promised.
    """
    found = _VENDORS.get(source, _other)(payload, site_url)
    return Origin(found.number, safe_url(found.url), found.title)


def safe_url(url: Any) -> str:
    """Return an address that may stand behind a link, or nothing."""
    if not isinstance(url, str) or len(url) > MAX_URL_CHARS or _UNSEEN.search(url):
        return ""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and "@" not in parts.netloc and "\\" not in url
    except ValueError:
        return ""
    return url if parts.scheme == "https" and named else ""


def headline(texts: Mapping[str, str]) -> tuple[str, str]:
    """Return the subject of a view's texts, where one is named so, and how the others begin."""
    titled = next((p for p in texts if p.rpartition("/")[2] in TITLES), None)
    title = _line(texts[titled], MAX_TITLE_CHARS) if titled else ""
    words = _line(" ".join([t[:MAX_WORDS_CHARS] for p, t in texts.items() if p != titled]), MAX_WORDS_CHARS)
    return title, words if words != title else ""


def _line(text: str, chars: int) -> str:
    return _SPACE.sub(" ", text[: 2 * chars]).strip()[:chars]


def _zendesk(payload: Payload, site_url: str) -> Origin:
    told = at(payload, "/ticket")
    number = _text(at(payload, "/detail/id") or at(told, "/id") or payload.get("ticket_id"))[:MAX_NUMBER_CHARS]
    link = next((v for name in LINKS if isinstance(v := at(told, f"/{name}"), str) and v), "")
    if _ZENDESK.fullmatch(link):  # `{{ticket.url}}` has no scheme
        link = f"https://{link}"
    url = link or (f"{site_url.rstrip('/')}/agent/tickets/{quote(number)}" if site_url else "")
    return Origin(number, url, _text(at(payload, "/detail/subject") or at(told, "/title") or at(told, "/subject")))


def _jira(payload: Payload, _: str) -> Origin:
    key, comment = _text(at(payload, "/issue/key"))[:MAX_NUMBER_CHARS], _text(at(payload, "/comment/id"))
    links = (at(payload, pointer) for pointer in ("/issue/self", "/comment/self", "/user/self"))
    base = next((link.partition("/rest/")[0] for link in links if isinstance(link, str)), "")
    focus = f"?focusedCommentId={comment}" if comment.isdigit() else ""
    url = f"{base}/browse/{quote(key)}{focus}" if base and key else ""
    return Origin(key, url, _text(at(payload, "/issue/fields/summary")))


def _github(payload: Payload, _: str) -> Origin:
    name = next((n for n in ("issue", "discussion", "pull_request") if isinstance(payload.get(n), dict)), "")
    number, repository = _text(at(payload, f"/{name}/number")), _text(at(payload, "/repository/full_name"))
    things = ("review", "comment", name)
    link = next((v for t in things if isinstance(v := at(payload, f"/{t}/html_url"), str)), "")
    if not link and repository and number and name == "issue":
        link = f"https://github.com/{quote(repository)}/issues/{number}"
    called = f"{repository}#{number}" if repository and number else ""
    return Origin(called[:MAX_NUMBER_CHARS], link, _text(at(payload, f"/{name}/title")))


def _slack(payload: Payload, _: str) -> Origin:
    """Slack opens a message by workspace, channel and time: docs.slack.dev, "Deep linking"."""
    event, team = payload.get("event"), payload.get("team_id") or at(payload, "/team/id")
    message = payload.get("message") or at(event, "/message") or event
    channel = at(event, "/channel") or at(payload, "/channel/id") or payload.get("channel_id")
    ts, domain = _text(at(message, "/ts")), at(payload, "/team/domain") or payload.get("team_domain")
    if not channel:
        return Origin()
    where = quote(_text(channel))
    if isinstance(domain, str) and domain and ts:
        return Origin("", f"https://{quote(domain)}.slack.com/archives/{where}/p{quote(ts.replace('.', ''))}")
    focus = f"&message_ts={quote(ts)}" if ts else ""
    return Origin("", f"https://slack.com/app_redirect?team={quote(_text(team))}&channel={where}{focus}")


def _stripe(payload: Payload, _: str) -> Origin:
    name, test = (
        _text(at(payload, "/data/object/id"))[:MAX_NUMBER_CHARS],
        "test/" if payload.get("livemode") is False else "",
    )
    return Origin(name, f"https://dashboard.stripe.com/{test}search?query={quote(name)}" if name else "")


def _other(payload: Payload, _: str) -> Origin:
    parts = [part for name in PARTS if isinstance(part := payload.get(name) if name else payload, dict)]
    ids = (at(payload, "/ticket/id"), payload.get("ticket_id"), at(payload, "/issue/id"), payload.get("id"))
    url = next((u for part in parts for name in LINKS if (u := safe_url(part.get(name)))), "")
    return Origin(next((n for value in ids if (n := _text(value))), "")[:MAX_NUMBER_CHARS], url)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value)[:MAX_TITLE_CHARS]
    return text if text.isalnum() and text.isascii() else _line(legible(text), MAX_TITLE_CHARS)


_VENDORS: Mapping[str, Callable[[Payload, str], Origin]] = {
    "zendesk": _zendesk,
    "jira": _jira,
    "github": _github,
    "slack": _slack,
    "stripe": _stripe,
}
