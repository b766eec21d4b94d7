"""Characters that a reader would not see, or that would show a text in another order. Pure."""

from __future__ import annotations

import re
from typing import Any

# Controls, zero-width and bidi characters, tags: a reader would not see them, or would see the text in another order.
TRICKS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def plain(value: Any) -> Any:
    """Return a text without its hidden characters, which a form would hide again; anything else as it is."""
    return TRICKS.sub("", value) if isinstance(value, str) else value
