"""How a command ends that cannot do what it should: one line on stderr instead of a traceback."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

from infra.errors import StackError
from shared.errors import DeclarationError, SettingError

P = ParamSpec("P")


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
