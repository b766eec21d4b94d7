"""The lines of a text in, those that are not quoted mail out: what a person writes above the history. Pure.

A quote is somebody else's words, or yesterday's: nothing in it may ask for anything today.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_HISTORY = re.compile(
    r"\s*(-{2,}\s*((original|forwarded) message|(ursprüngliche|weitergeleitete) nachricht|message (d.origine|transféré)"
    r"|mensaje (original|reenviado)|messaggio (originale|inoltrato)|(oorspronkelijk|doorgestuurd) bericht"
    r"|mensagem (original|encaminhada))\b"
    r"|(begin forwarded message|anfang der weitergeleiteten nachricht|début du message (réexpédié|transféré)"
    r"|inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht)\s?:|##- .{0,100} -##)",
    re.IGNORECASE,
)
_FROM = re.compile(r"[\s*_]{0,9}(from|von|de|da|van|från|od|差出人|发件人)[*_]{0,2}\s?[:：]", re.IGNORECASE)
_MAIL_HEADER = re.compile(
    r"[\s*_]{0,9}(sent|date|to|cc|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|para|asunto"
    r"|inviato|oggetto|a|verzonden|aan|onderwerp|assunto|skickat|till|ämne|送信日時|宛先|件名|发送时间|收件人|主题)"
    r"[*_]{0,2}\s?[:：]",
    re.IGNORECASE,
)
_ON = re.compile(r"\s{0,9}(On|Am|Le|El)\s")
_WROTE = re.compile(r"\b(wrote|schrieb|a écrit|escribió)\b.{0,120}:$")
# Mail clients of every language end an attribution with the address and a colon.
_ADDRESSED = re.compile(r"<[^<>\s@]{1,64}@[^<>\s]{1,190}>[^<>]{0,40}[:：]$")


def own_lines(lines: list[str]) -> Iterator[str]:
    """Yield the lines that are not quoted mail; an attribution without `>` marks quotes everything after it."""
    at = 0
    while at < len(lines):
        line = lines[at]
        if _HISTORY.match(line) or (_FROM.match(line) and _headers(lines[at + 1 : at + 5]) >= 2):
            return
        attribution = _attribution_length(lines[at : at + 3])
        at += attribution or 1
        if attribution and not _is_quote(next((rest for rest in lines[at : at + 9] if rest.strip()), "")):
            return
        if not attribution and not _is_quote(line):
            yield line


def _headers(lines: list[str]) -> int:
    return sum(_MAIL_HEADER.match(line) is not None for line in lines)


def _attribution_length(lines: list[str]) -> int:
    """Return how many lines an `On ... wrote:` takes, mail clients wrap it, or 0."""
    if _ADDRESSED.search(lines[0].rstrip()):
        return 1
    if not _ON.match(lines[0]):
        return 0
    joined = (" ".join(lines[:n])[:400].rstrip() for n in range(1, len(lines) + 1))
    return next((n for n, text in enumerate(joined, 1) if _WROTE.search(text)), 0)


def _is_quote(line: str) -> bool:
    return line.lstrip().startswith(">")
