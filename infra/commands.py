"""How a command ends that cannot do what it should: one line on stderr instead of a traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from infra.errors import StackError, refused
from shared.errors import DeclarationError, SettingError, StoreUnavailable

P = ParamSpec("P")


def in_one_line(command: Callable[P, int]) -> Callable[P, int]:
    """Let a command end with one line on stderr: status 2 for a bad setting or intent, 1 for what gives up."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return command(*args, **kwargs)
        except (DeclarationError, SettingError) as error:
            return refused(error)
        except (StackError, StoreUnavailable) as error:
            refused(error)
            return 1

    return run
