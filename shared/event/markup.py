"""A text in a vendor's markup in; the same with its quotes marked by `>` and its struck words left out. Pure."""

from __future__ import annotations

import re
from html import unescape

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_STRUCK_MARKDOWN = re.compile(r"~~(?=\S)[^~\n]{1,2000}~~")
_STRUCK_SLACK = re.compile(r"(?<![\w~])~(?=[^\s~])[^~\n]{0,2000}(?<=\S)~(?![\w~])")
_STRUCK_WIKI = re.compile(r"(?:(?<=\s)|^)-(?=[^\s-])[^-\n]{0,2000}(?<=\S)-(?=[\s.,;:!?]|$)", re.MULTILINE)
_LISTED_QUOTE = re.compile(r"^[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)+(?=>)", re.MULTILINE)
_QUOTE = re.compile(r" {0,3}>")
_NEW_BLOCK = re.compile(r"\s*(?:$|#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s|```|~~~|(?:[-*_]\s*){3,}$|\|)")
_WIKI_QUOTE = re.compile(r"\{quote\}(.*?)(?:\{quote\}|\Z)", re.DOTALL)
_WIKI_QUOTED_LINE = re.compile(r"^[ \t]*(?:[*#-]+[ \t]+)?bq\.[ \t]?", re.MULTILINE)
_WIKI_LISTED = re.compile(r"^[ \t]*[*#-]+[ \t]+(?=\{quote\})", re.MULTILINE)
_SLACK_QUOTE = re.compile(r"^[ \t]*>>>.*", re.DOTALL | re.MULTILINE)


def markdown(text: str) -> str:
    """Return GitHub's Markdown without comments and struck words; every line of a quote begins with `>`.

    A quote goes on over the next lines until a blank one or another block begins (CommonMark 0.31, 5.1, laziness).
    """
    text = _LISTED_QUOTE.sub("", _STRUCK_MARKDOWN.sub("", _COMMENT.sub("", text)))
    lines, goes_on = [], False
    for line in text.replace("\r\n", "\n").split("\n"):
        is_quote = _QUOTE.match(line) is not None
        goes_on = bool(line.strip(" \t>")) if is_quote else goes_on and not _NEW_BLOCK.match(line)
        lines.append(f"> {line}" if goes_on and not is_quote else line)
    return _unescaped("\n".join(lines))


def slack(text: str) -> str:
    """Return Slack's text, unescaped, without struck words; `>>>` quotes all that follows."""
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")  # Slack escapes exactly these three
    return _SLACK_QUOTE.sub(lambda found: _marked(found[0]), _STRUCK_SLACK.sub("", text))


def wiki(text: str) -> str:
    """Return Jira's wiki markup without struck words; every line of a quote begins with `>`."""
    text = _WIKI_LISTED.sub("", _STRUCK_WIKI.sub("", text))
    text = _WIKI_QUOTE.sub(lambda found: f"\n{_marked(found[1].strip())}\n", text)
    return _unescaped(_WIKI_QUOTED_LINE.sub("> ", text))


def _marked(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.split("\n"))


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda entity: unescape(entity[0]), text)
