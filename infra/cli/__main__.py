"""`switchyard COMMAND ...`, as `python -m infra.cli`: the command's module is imported and does it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches

from infra.cli import page
from infra.cli.commands import COMMANDS
from infra.errors import refused
from shared.errors import DeclarationError

OWN = ("infra", "functions", "shared")


def main(argv: Sequence[str] | None = None) -> int:
    """Do one command; every foreseeable trouble is one line on standard error."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0].startswith("-"):
        page.parser().parse_args(words)
        page.parser().print_help(sys.stderr)
        return 2
    name, *rest = words
    if name not in COMMANDS:
        return refused(f"{name!r} is no command{_meant(name)}; `switchyard --help` lists them")
    try:
        return COMMANDS[name].load().main(rest)
    except DeclarationError as error:
        return refused(error)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in OWN:
            raise
        backend = " BACKEND=emulators" if os.environ.get("BACKEND") == "emulators" else ""
        return refused(f"{error.name} is not in the environment; `make run{backend}` installs it")
    except KeyboardInterrupt:
        return 130


def _meant(name: str) -> str:
    near = get_close_matches(name, COMMANDS, n=1)
    return f"; did you mean {near[0]}?" if near else ""


if __name__ == "__main__":
    sys.exit(main())
