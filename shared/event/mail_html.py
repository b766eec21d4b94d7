"""A mail's HTML in; its words as plain text out, quotes marked with `>` and what is hidden left out. Pure.

Not the standard library's parser: 200 kB of `<!--` keep it busy for half a minute.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple

_SHOWS_HTML = re.compile(
    r"<(?:!doctype|html|head|body|div|p|br|blockquote|span|table|t[dr]|font|style|meta)\b[^<>]{0,4000}>", re.IGNORECASE
)
_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<!\[?[a-z][^<>]*>|<(?P<raw>script|style|title|template)\b[^<>]*>.*?(?:</(?P=raw)\s*>|\Z)"
    r"|<(?P<end>/?)(?P<tag>[a-z][a-z0-9:-]{0,30})(?P<attributes>[^<>]{0,4000})>",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"([a-z-]{1,20})(?:\s{0,9}=\s{0,9}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]{1,500})))?", re.IGNORECASE
)
_HIDES = re.compile(
    r"display:none|visibility:hidden|mso-hide:all|(?:font-size|opacity|max-height|line-height):0(?![.\d]*[1-9])"
)
_VOID = re.compile(r"area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr")
_BLOCK = re.compile(r"address|blockquote|br|div|d[dlt]|h[1-6r]|li|ol|p|pre|section|table|tr|ul")
_ENDS_ITS_LIKE = re.compile(r"p|li|t[drh]|d[dt]|option")  # a second one ends the first
# What mail programs call the part, or the line above it, that is not the writer's.
_QUOTES = re.compile(r"yahoo_quoted|moz-cite-prefix|gmail_attr|protonmail_quote|OLK_SRC_BODY_SECTION")
_QUOTES_ALL_BELOW = "divRplyFwdMsg"  # Outlook's headers; the mail they belong to is no child of theirs
_MAX_DEPTH = 500


class _Element(NamedTuple):
    tag: str
    is_hidden: bool
    is_quoted: bool


class _Page:
    """The lines written so far, and the elements that are open."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._words: list[str] = []
        self._is_line_quoted = False
        self._open: list[_Element] = [_Element("", is_hidden=False, is_quoted=False)]
        self._is_rest_quoted = False

    def write(self, text: str) -> None:
        if not self._open[-1].is_hidden and text:
            self._words.append(html.unescape(text))
            self._is_line_quoted |= bool(text.strip()) and (self._open[-1].is_quoted or self._is_rest_quoted)

    def end_line(self) -> None:
        line = " ".join("".join(self._words).split())
        self.lines.append(f"> {line}" if line and self._is_line_quoted else line)
        self._words, self._is_line_quoted = [], False

    def start(self, tag: str, attributes: str) -> None:
        if _BLOCK.fullmatch(tag) and (self._words or tag in ("p", "br")):
            self.end_line()
        if tag == "hr":
            self.lines.append("_" * 16)
        values = {name.lower(): a or b or c for name, a, b, c in _ATTRIBUTE.findall(attributes)}
        label = f"{values.get('class', '')} {values.get('id', '')}"
        if _QUOTES_ALL_BELOW in label:
            self._is_rest_quoted = True
            while self.lines and not self.lines[-1].strip("_"):  # Outlook's rule above them
                self.lines.pop()
        if _VOID.fullmatch(tag) or attributes.endswith("/") or len(self._open) > _MAX_DEPTH:
            return
        if _ENDS_ITS_LIKE.fullmatch(tag) and self._open[-1].tag == tag:
            self._open.pop()
        parent = self._open[-1]
        style = "".join(values.get("style", "").lower().split())
        is_hidden = parent.is_hidden or "hidden" in values or _HIDES.search(style) is not None
        is_quoted = parent.is_quoted or tag == "blockquote" or _QUOTES.search(label) is not None
        self._open.append(_Element(tag, is_hidden, is_quoted))

    def end(self, tag: str) -> None:
        if _BLOCK.fullmatch(tag) and self._words:
            self.end_line()
        elif tag in ("td", "th"):
            self.write(" ")
        if tag == "p":
            self.lines.append("")
        # A stray end tag closes nothing; a right one closes what was left open inside it.
        depth = next(
            (i for i in range(len(self._open) - 1, max(0, len(self._open) - 50), -1) if self._open[i].tag == tag), 0
        )
        if depth:
            del self._open[depth:]


def shows_html(text: str) -> bool:
    """Return whether a text is, or holds, HTML as mail programs write it."""
    return _SHOWS_HTML.search(text) is not None


def plain(markup: str) -> str:
    """Return the words of `markup`, one block a line; a line that is quoted begins with `> `."""
    page, at = _Page(), 0
    for token in _TOKEN.finditer(markup):
        page.write(markup[at : token.start()])
        at = token.end()
        if token["tag"] and token["end"]:
            page.end(token["tag"].lower())
        elif token["tag"]:
            page.start(token["tag"].lower(), token["attributes"])
    page.write(markup[at:])
    page.end_line()
    return "\n".join(page.lines)
