"""A parsed command in, an exit status out; every foreseeable trouble is one line on standard error."""

from __future__ import annotations

import contextlib
import os
import sys

from rich.console import Console as Terminal

from functions.console.search import TASK_ID
from infra.errors import refused
from infra.ops import show
from infra.ops.arguments import Args
from infra.ops.client import OpsError, connect
from shared.errors import DeclarationError

WIDE = 200  # columns where no terminal has a width: who searches the output finds whole words


def run(args: Args) -> int:
    """Run one command."""
    terminal = Terminal(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    try:
        for item in [*getattr(args, "ids", []), *([args.id] if hasattr(args, "id") else [])]:
            if not TASK_ID.fullmatch(item):
                raise OpsError(f"{item!r} is no id of a task or letter", 2)
        if getattr(args, "records", None):  # of a file: nobody is asked
            return int(args.offline(args, terminal))
        with contextlib.closing(connect(getattr(args, "console", None))) as console:
            return int(args.run(args, console, terminal))
    except OpsError as error:
        print(f"switchyard: {show.plain(str(error))}", file=sys.stderr)
        return error.status
    except DeclarationError as error:
        return refused(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
