"""What a person at the terminal sees instead of a traceback: one line."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

from shared.errors import DeclarationError, SettingError

P = ParamSpec("P")


class StackError(Exception):
    """Raised when the local stack cannot start or go on; the message says what is wrong and what to do, in a line."""


def in_one_line(command: Callable[P, int]) -> Callable[P, int]:
    """Let a command end with one line on stderr: status 2 for a bad setting, 1 for a bad intent or stack."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return command(*args, **kwargs)
        except (DeclarationError, SettingError, StackError) as error:
            print(f"switchyard: {error}", file=sys.stderr)
            return 2 if isinstance(error, SettingError) else 1

    return run
