"""A few lines of a text in, what their shape says of them out: a quote's mark, and where yesterday's mail begins. Pure.

No shape asks for a word of any language: dates, addresses, colons, dashes and the order they stand in are enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

MAX_SHAPE_CHARS = 500  # what is longer is a paragraph, not an attribution or a header
MAX_ATTRIBUTION_LINES = 4
MAX_HEADERS = 12


class Opening(NamedTuple):
    """The lines that open quoted mail. Not `sure`: only what is marked below them is certainly quoted.

    `titles`: how many of the first lines may be the author's all the same, as `Forwarded message:` may.
    """

    lines: int
    sure: bool
    titles: int = 0


class _Holds(NamedTuple):
    """What a piece of text states. `named`: an address in brackets, as mail programs put one behind a name."""

    named: bool
    address: bool
    time: bool
    date: bool


# `| text` is a quote, `|cell|cell|` a table; `C> text` is a quote with its author's initials.
_MARK = re.compile(r"\s{0,4}(?:>|\|(?![^\n]*[^\s|][^|\n]*\|)[^\S\n]|[A-Z][A-Za-z]{0,2}>(?:[\s>]|$))")
_CLOSES = re.compile(r"\s*>\s*(?:[^\W\d_]{1,15}\s?){0,3}[:：]\s*$")
_COLON = re.compile(r"[:：][*_\s]{0,4}$")
_SENTENCE_END = re.compile(r"[.!?。！？][)\"'»”]?\s*$")

_NAMED = re.compile(r"[<(\[][^<>()\[\]]{0,250}[^\s<>()\[\]]@[^<>()\[\]]{3,250}[>)\]]")
_ADDRESS = re.compile(r"[\w.+-]@[\w-]{1,63}\.\w")
_TIME = re.compile(
    r"(?<!\d)(?:[01]?\d|2[0-4])\s?[:：hHu時时시]\s?[0-5]\d(?!\d)|(?<!\d)[01]?\d\s?[ap]\.?m\b", re.IGNORECASE
)
_DOTTED_TIME = re.compile(
    r"(?<![\d.$€£#])(?:[01]?\d|2[0-4])\.[0-5]\d(?![.\d])"
)  # a time only beside a date: `kl. 10.00`
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)25[67]\d(?!\d)")  # also as Thailand counts
_DATE = re.compile(
    r"(?<!\d)\d{1,4}([./-])\s?\d{1,2}\1\s?\d{1,4}(?!\d)|\d\s?[月월]|(?<!\d)\d{1,2}-[^\W\d_]{3,9}\.?-\d{2,4}|[^\W\d_]{3,9}-\d{1,2}-\d{2,4}"
)
_DAY = re.compile(r"(?<!\d)[0-3]?\d(?!\d)")
_DIGIT_OR_AT = re.compile(r"[\d@]")
_LINK = re.compile(r"<?(?:https?|mailto):[^\s<>]{1,400}>?")

_RULE = re.compile(r"[\s*]{0,9}[-_=*–—]{4,}[\s*]*$")
_SEPARATOR = re.compile(r"[\s*]{0,9}([-_=–—])\1{2,}\s?(?P<words>[^\n]{1,160}?)\s?\1{3,}[\s*]{0,9}$")
_HALF_SEPARATOR = re.compile(r"-{3,}\s?(?:[^\W\d]+\s?){1,4}$")
_TITLE = re.compile(r"[^\d:：]{1,60}[:：][*_\s]{0,4}$")
_REPLY_ABOVE = re.compile(r"\s{0,9}##- .{0,200} -##")
_HEADER = re.compile(
    r"[\s*_]{0,9}(?P<label>[^\s:：\d<>@\"|#$/()\[\]{}*_-][^:：\d<>@\"|#$/()\[\]{}*_]{0,24}?)"
    r"[*_]{0,2}[ \t\u00a0]{0,2}[:：][*_]{0,2}(?P<value>.*)$"
)


def marks(lines: Sequence[str]) -> list[bool]:
    """Return of each line whether it bears a quote's mark: `>`, `|` or its author's initials and `>`."""
    found: list[bool] = []
    for at, line in enumerate(lines):
        is_marked = _MARK.match(line) is not None
        if is_marked and at and not found[-1] and _CLOSES.match(line):  # `Kim <kim@example.com` and `> wrote:` below it
            is_marked = "@" not in lines[at - 1]
        found.append(is_marked)
    return found


def marked_from(lines: Sequence[str], marked: Sequence[bool], at: int) -> bool:
    """Return whether the first words from `at` on, within nine lines, bear a quote's mark."""
    return next((marked[i] for i in range(at, min(at + 9, len(lines))) if lines[i].strip()), False)


def is_wrapped(before: str, line: str) -> bool:
    """Return whether `line`, between two marked ones, may be the second half of the quoted line `before`."""
    goes_on = not _SENTENCE_END.search(before) or line[:1].islower() or line[:1].isspace()
    return len(before) >= 40 and goes_on and len(line) <= len(before)


def opening(lines: Sequence[str], marked: Sequence[bool], at: int) -> Opening | None:
    """Return the opening of quoted mail that begins with the line at `at`, which is not blank."""
    line = lines[at][:MAX_SHAPE_CHARS]
    if _REPLY_ABOVE.match(line):
        return Opening(1, sure=True)
    if _is_title(line) and marked_from(lines, marked, at + 1):
        return Opening(1, sure=False, titles=1)
    return _headed(lines, at) or _separator(line) or _attribution(lines, marked, at)


def _holds(text: str) -> _Holds:
    named, address = _NAMED.search(text) is not None, _ADDRESS.search(text) is not None
    rest = _NAMED.sub(" ", _LINK.sub(" ", text))
    day = _DATE.sub(" ", _YEAR.sub(" ", rest))
    dated = _DATE.search(rest) is not None or (_YEAR.search(rest) is not None and _DAY.search(day) is not None)
    timed = _TIME.search(rest) is not None or (dated and _DOTTED_TIME.search(rest) is not None)
    return _Holds(named, named or address, timed, dated)


# --- header blocks


def _headed(lines: Sequence[str], at: int) -> Opening | None:
    """Return a block of mail headers, with the rule, separator or `Forwarded message:` that stands above it."""
    first, is_leader, is_separated = at, True, False
    while is_leader and first < len(lines) and first - at < 5:
        line = lines[first][:MAX_SHAPE_CHARS]
        ruled = bool(_RULE.match(line) or _SEPARATOR.match(line) or (first == at and _HALF_SEPARATOR.match(line)))
        is_separated |= ruled
        is_leader = ruled or (not line.strip() and first > at) or (first == at and _is_title(line))
        first += is_leader
    block = list(_block(lines, first, is_separated))
    if len(block) < 2:
        return None
    sure = _is_mails([_holds(value[:MAX_SHAPE_CHARS]) for _, value in block], is_separated)
    titles = int(first > at and _is_title(lines[at][:MAX_SHAPE_CHARS]))
    return None if sure is None else Opening(block[-1][0] - at, sure, titles)


def _is_title(line: str) -> bool:
    return _TITLE.match(line) is not None and len(line.split()) <= 6


def _block(lines: Sequence[str], at: int, is_separated: bool) -> Iterator[tuple[int, str]]:
    """Yield, for each header from `at` on, the line after it and its value."""
    labels: set[str] = set()
    label = _label(lines, at)
    while label and label not in labels and len(labels) < MAX_HEADERS:
        labels.add(label)
        value, at = lines[at].partition(label)[2], at + 1
        label = _label(lines, at)
        if not label and at < len(lines) and lines[at].strip():  # folded
            label = _label(lines, at + 1)
            if label or lines[at].lstrip()[:1] in "<[":
                value, at = f"{value} {lines[at]}", at + 1
        yield at, value
        if not label and is_separated:
            at = next((i for i in range(at, min(at + 3, len(lines))) if lines[i].strip()), at)
            label = _label(lines, at)


def _label(lines: Sequence[str], at: int) -> str:
    if at >= len(lines) or len(lines[at]) > MAX_SHAPE_CHARS:
        return ""
    header = _HEADER.match(lines[at])
    return header["label"] if header and len(header["label"].split()) <= 3 else ""


def _is_mails(headers: Sequence[_Holds], is_separated: bool) -> bool | None:
    """Return True where headers are certainly a mail's, False where they may be, None where they are a list.

    A contact form's `Name:`, `Email:` and `Order:` state no moment, and no address behind a name.
    """
    named, timed, dated, addressed = (sum(getattr(h, n) for h in headers) for n in ("named", "time", "date", "address"))
    moment = timed and dated
    if is_separated and len(headers) >= 2 and (addressed or dated):
        return True
    if len(headers) >= 3 and addressed and (moment or (named and (dated or addressed >= 2))):
        return True
    if (len(headers) >= 3 and (dated and (addressed or len(headers) >= 4))) or addressed >= 2:
        return False
    return False if (moment and addressed) or (named and headers[0].named) else None


# --- separators and attributions


def _separator(line: str) -> Opening | None:
    """Return `----- Original Message -----`, or Zoho's `---- On Tue, 3 Nov ... wrote ----`."""
    found = _SEPARATOR.match(line)
    if not found:
        return None
    holds = _holds(found["words"])
    if holds.address or (holds.date and holds.time):
        return Opening(1, sure=True)
    is_short = len(found["words"].split()) <= 6 and any(c.isalpha() for c in found["words"])
    return Opening(1, sure=False) if is_short else None


def _attribution(lines: Sequence[str], marked: Sequence[bool], at: int) -> Opening | None:
    """Return `On Tue, 3 Nov 2026 at 10:00, Kim <kim@example.com> wrote:`, as mail programs wrap it."""
    doubtful, is_dated = None, False
    for size in range(1, MAX_ATTRIBUTION_LINES + 1):
        window = lines[at : at + size]
        if len(window) < size or not window[-1].strip() or marked[at + size - 1]:
            break
        text = " ".join(window)
        if len(text) > MAX_SHAPE_CHARS:
            break
        is_dated_here = _DIGIT_OR_AT.search(window[-1]) is not None
        if doubtful and is_dated_here:
            break
        is_dated = is_dated or is_dated_here
        is_answered = is_dated and marked_from(lines, marked, at + size)
        sure = _attributes(text, is_answered) if is_dated else None
        if sure is not None and not _begins_later(window, sure, is_answered):
            doubtful = doubtful or Opening(size, sure=False)
            if sure:
                return Opening(size, sure=True)
        if _COLON.search(window[-1]) or _SENTENCE_END.search(window[-1]):
            break
    return doubtful


def _attributes(text: str, is_answered: bool) -> bool | None:
    """Return True where `text` certainly attributes what is below it, False where it may, else None.

    `is_answered`: marked lines follow.
    """
    words, ends = text.split(), _COLON.search(text) is not None
    if len(words) > 24 or not (ends or is_answered or _NAMED.search(text)):
        return None
    holds, begins = _holds(text), _words_before_digit(words) <= 4
    moment = holds.date and holds.time
    if not (ends or is_answered or (holds.named and moment)):
        return None
    if holds.named:
        return (ends or is_answered) and (holds.date or holds.time)
    if not (ends and begins and holds.date):
        return None
    return moment and (is_answered or holds.address)


def _words_before_digit(words: Sequence[str]) -> int:
    return next((i for i, word in enumerate(words) if any(c.isdigit() for c in word)), len(words))


def _begins_later(window: Sequence[str], sure: bool, is_answered: bool) -> bool:
    """Return whether the window's first line is no part of the attribution: it holds without it."""
    if len(window) == 1:
        return False
    head, tail = _holds(window[0]), _holds(" ".join(window[1:]))
    is_head = (head.date or head.time) and len(window[0]) < 100 and _words_before_digit(window[0].split()) <= 4
    if is_head and not (tail.date and (tail.named or tail.time)):
        return False
    rest = _attributes(" ".join(window[1:]), is_answered)
    return rest is not None and (rest or not sure)
