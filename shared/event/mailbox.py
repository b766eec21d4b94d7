"""Addresses as people and vendors write them in, whether two are one, and what they are counted by, out. Pure.

Letter case of the local part is folded in ASCII only: beyond it, folding makes different mailboxes equal (the Kelvin
sign would be a k). Domains are compared as DNS does, by their IDNA form.
"""

from __future__ import annotations

import unicodedata

MAX_ADDRESS_CHARS = 254


def address(text: str) -> str:
    """Return the one spelling of an address, tag and all; what is no address comes back stripped, else as it is."""
    text = text.strip()
    bare = text[1:-1].strip() if text.startswith("<") and text.endswith(">") else text
    name, at, domain = bare.rpartition("@")
    if not (name and domain) or len(bare) > MAX_ADDRESS_CHARS:
        return text
    try:
        host = domain.removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return text
    return unicodedata.normalize("NFC", _ascii_lower(name)) + at + host  # in this order: NFC makes that sign a K


def mailbox(text: str) -> str:
    """Return what an address is counted by: kim+1@ and kim+2@ may be one mailbox, so they share a limit."""
    name, at, host = address(text).rpartition("@")
    return (name.partition("+")[0] or name) + at + host


def same_address(one: object, other: object) -> bool:
    """Whether two values are one address: whose order it is, and who signed in. A missing one is nobody's.

    Tags count: not every provider takes kim+1@ for kim@, and there somebody else can have it.
    """
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    return bool(one.strip()) and address(one) == address(other)


def _ascii_lower(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
