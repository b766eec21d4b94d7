"""The one error that a person at the terminal sees instead of a traceback."""

from __future__ import annotations


class StackError(Exception):
    """Raised when the local stack cannot start or go on; the message says what is wrong and what to do, in a line."""
