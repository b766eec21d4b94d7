"""A text in; the same without the numbers of payment cards out. Pure, linear in the length.

A number counts with a length and a beginning that issuers use and a check digit that holds, written as people write
them. IBANs stay: they are given out to be paid to, and a refund names one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

CARD, CODE = "[card number]", "[secret]"
MIN_CARD_DIGITS, MAX_CARD_DIGITS = 13, 19

Span = tuple[int, int]

# https://en.wikipedia.org/wiki/Payment_card_number (read 2026-11-29).
_ISSUED = re.compile(
    r"""4\d{15}(?:\d{3})?                                                      # Visa
    | (?:5[1-5]\d\d | 222[1-9] | 22[3-9]\d | 2[3-6]\d\d | 27[01]\d | 2720)\d{12}  # Mastercard
    | 3[47]\d{13}                                                              # American Express
    | 3(?:0[0-5]|[689]\d)\d{11}(?:\d{2,5})?                                    # Diners Club
    | (?:6011|64[4-9]\d|65\d\d|60[0-9]\d|35(?:2[89]|[3-8]\d)|62\d\d|220[0-4]|8[12]\d\d)\d{12,15}
                                                                               # Discover, JCB, UnionPay, Mir, RuPay
    | (?:5018|5020|5038|5[6-8]\d\d|6304|6759|676[1-3])\d{9,15}                 # Maestro""",
    re.VERBOSE,
)
_SHORT_VISA = re.compile(r"4\d{12}")  # none is issued any more, and barcodes look like it: only beside such a word
_CARD_WORD = re.compile(r"card|visa|karte|tarjeta|carte|cart[ãa]o|carta", re.IGNORECASE)
_ENOUGH_DIGITS = re.compile(r"\d(?:[^\d]{0,3}\d){12}")
_RUN = re.compile(r"\d+(?:[\s.\-\u2010-\u2015]{1,3}\d+)*")
_GROUP = re.compile(r"\d+")
# Neighbours that make digits a phone number or a part of some id; Japanese and Chinese write without spaces.
_ID_BEFORE = re.compile(r"(?:[+A-Za-z0-9_]|[A-Z0-9]-)\Z")
_ID_BEHIND = re.compile(r"[A-Za-z0-9_]")
_AFTER_EXPIRY = re.compile(
    r"[^\w\n]{1,3}(?:exp\w*[^\w\n]{1,3})?\d\d ?/ ?\d{2,4}[^\w\n]{1,3}(\d{3,4})(?!\w)", re.IGNORECASE
)


def without_cards(text: str) -> str:
    """Return `text` with `[card number]` for each of them, and `[secret]` for the code behind its date of expiry."""
    if not _ENOUGH_DIGITS.search(text):
        return text
    ibans = list(_ibans(text))
    parts, last = [], 0
    for start, end in _cards(text):
        if any(start < until and since < end for since, until in ibans):
            continue
        parts += [text[last:start], CARD]
        last = end
        if code := _AFTER_EXPIRY.match(text, end):
            parts += [text[last : code.start(1)], CODE]
            last = code.end(1)
    return "".join([*parts, text[last:]])


def _cards(text: str) -> Iterator[Span]:
    """Yield where numbers of cards stand, in order and apart: whole groups of digits as people write them."""
    for run in _RUN.finditer(text):
        groups = [(run.start() + g.start(), run.start() + g.end()) for g in _GROUP.finditer(run[0])]
        first = len(groups) if _is_parcel(groups, text) else 0
        while first < len(groups):
            last = _card_from(text, groups, first)
            if last is not None:
                yield groups[first][0], groups[last][1]
            first = first + 1 if last is None else last + 1


def _card_from(text: str, groups: list[Span], first: int) -> int | None:
    """Return the last group of the longest card that begins with group `first`, alike parted and sized as printed."""
    start, size = groups[first][0], _size(groups[first])
    if _ID_BEFORE.search(text, max(0, start - 2), start):
        return None
    begins = first == 0 or _size(groups[first - 1]) != size  # digit by digit is tried once, not from each of them
    found, digits = None, ""
    for last in range(first, len(groups)):
        begin, end = groups[last]
        if len(digits) + end - begin > MAX_CARD_DIGITS or not _alike_parted(text, groups, first, last):
            break
        digits += text[begin:end]
        if len(digits) >= MIN_CARD_DIGITS and not _ID_BEHIND.match(text, end) and _is_card(digits, text, start):
            found = last
        is_inside = (end - begin) % 4 == 0 or (last, size, end - begin) == (first + 1, 4, 6)
        if not is_inside and not (begins and end - begin == size <= 2):
            break  # such a group can only be the last of a card
    return found


def _size(group: Span) -> int:
    return group[1] - group[0]


def _alike_parted(text: str, groups: list[Span], first: int, last: int) -> bool:
    """Whether the group `last` is as far from the one before it as the first two groups are from each other."""
    if last <= first + 1:
        return True
    return text[groups[first][1] : groups[first + 1][0]] == text[groups[last - 1][1] : groups[last][0]]


def _is_card(digits: str, text: str, start: int) -> bool:
    if not digits.isascii():
        digits = "".join(str(int(d)) for d in digits)
    has_issuer = _ISSUED.fullmatch(digits) or (
        _SHORT_VISA.fullmatch(digits) and _CARD_WORD.search(text, max(0, start - 40), start)
    )
    return bool(has_issuer) and _luhn(digits)


def _is_parcel(groups: list[Span], text: str) -> bool:
    """Whether a run is a tracking number of the US postal service, of 20 to 22 digits that begin with a 9."""
    digits = sum(end - start for start, end in groups)
    return 20 <= digits <= 22 and text[groups[0][0]] == "9" and groups[0][1] - groups[0][0] in (4, digits)


_DOUBLED = str.maketrans("0123456789", "0246813579")


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    return sum(map(int, digits[-1::-2] + digits[-2::-2].translate(_DOUBLED))) % 10 == 0


_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![0-9A-Za-z])")


def _ibans(text: str) -> Iterator[Span]:
    """Yield where IBANs stand: ISO 13616, of 15 to 34 characters."""
    for found in _IBAN.finditer(text):
        groups = found[0].split(" ")
        for count in range(len(groups), 0, -1):  # the word behind it may look like a group of it
            code = "".join(groups[:count])
            if 15 <= len(code) <= 34 and int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1:
                yield found.start(), found.start() + len(" ".join(groups[:count]))
                break
