"""Words as somebody wrote them in; without numbers of cards, secrets and national ids out. Pure, linear in the length.

What leaves for a model or a chat goes through here. Parameters are looked for in the words as they were written.
"""

from __future__ import annotations

from dataclasses import replace

from shared.event.cards import without_cards
from shared.event.national_ids import without_national_ids
from shared.event.payload import View
from shared.event.secret_shapes import without_secrets


def masked(view: View) -> View:
    """Return the view as a model may see it; what the sender's platform authenticated stays as it is."""
    return replace(
        view,
        texts={pointer: mask(text) for pointer, text in view.texts.items()},
        may_be_quoted={pointer: mask(text) for pointer, text in view.may_be_quoted.items()},
    )


def mask(text: str) -> str:
    """Return `text` with `[card number]`, `[secret]` and `[national id]` in the place of what looks like one."""
    return without_national_ids(without_secrets(without_cards(text)))
