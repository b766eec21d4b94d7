"""Words of a ticket, or of somebody who looks for one, in; how both are compared, out. Pure."""

from __future__ import annotations

import unicodedata

AROUND = "#\"'`()[]<>{},;:!?."  # what stands around a word and is none of it


def fold(text: str) -> str:
    """Return a text without case and accents: what people type finds what others wrote."""
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
