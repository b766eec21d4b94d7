"""What a person at the terminal sees instead of a traceback."""

from __future__ import annotations

import sys


class StackError(Exception):
    """Raised when the local stack cannot start or go on; the message says what is wrong and what to do, in a line."""


class SignInError(Exception):
    """Raised when nobody could be signed in; the message says what to do."""


def refused(message: object) -> int:
    """Say in one line why nothing was done: usage, a setting, a declaration; return the exit status that means this."""
    print("switchyard:", " ".join(str(message).split()), file=sys.stderr)
    return 2
