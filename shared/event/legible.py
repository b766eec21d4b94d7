"""A text as a vendor sends it in; the same as its reader sees it out: no HTML, no invisible characters, NFC. Pure."""

from __future__ import annotations

import re
import unicodedata

MAX_READ_CHARS = 1_000_000

_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Controls, soft hyphen, fillers, joiners, zero-width, bidi, variation selectors, interlinear marks, tags.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_MARKS = re.compile(r"([^\w\s\x00-\x7f]{32})[^\w\s\x00-\x7f]+")
_EMPHASIS = re.compile(r"(?<![\w_])_(?=[^\s_])([^_\n]{0,200}(?<=\S))_(?![\w_])")
_ROW = re.compile(r"^[ \t]*\|.*\|[ \t]*$", re.MULTILINE)
_CELL_END = re.compile(r"[ \t]*\|+[ \t]*")


def legible(text: str) -> str:
    """Return `text` as its reader sees it; of more than 1,000,000 characters, the first ones."""
    text = text[:MAX_READ_CHARS]
    if "<" in text:
        text = _without_html(text)
    if not (text.isascii() and text.isprintable()):
        # NFC is quadratic in a run of combining marks, so no run stays long.
        text = _MARKS.sub(r"\1", _INVISIBLE.sub("", _LINE_END.sub("\n", text)))
        text = unicodedata.normalize("NFC", text)
    # `_#10021_` is italic and `|#10021|` a cell: neither sign is part of a number.
    text = _EMPHASIS.sub(r"\1", text) if "_" in text else text
    return _ROW.sub(lambda row: _CELL_END.sub(" | ", row[0]).strip(), text) if "|" in text else text


def hidden_chars(text: str) -> int:
    """Return how many characters of `text` nobody sees."""
    return 0 if text.isascii() and text.isprintable() else len(_INVISIBLE.findall(text))


def _without_html(text: str) -> str:
    from shared.event import mail_html  # rarely needed, and the table of entities takes longer than all other imports

    return mail_html.plain(text) if mail_html.shows_html(text) else text
