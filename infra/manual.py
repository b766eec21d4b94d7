"""How the help of a command reads: what it does in a sentence, its options, examples, environment, exit status."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

WIDEST = 120
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=.*")


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps our line ends, and does not grow wider than what can be read."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=min(WIDEST, shutil.get_terminal_size().columns - 2))


def page(
    summary: str,
    *examples: str,
    environment: Mapping[str, str] | None = None,
    status: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """Return what `ArgumentParser` takes for a page of the manual. `examples` are whole lines of a shell."""
    sections = ["examples:\n" + "\n".join(f"  {line}" for line in examples)]
    if environment:
        sections.append("environment:\n" + table(environment))
    if status:
        sections.append("exit status:\n" + table({str(code): words for code, words in status.items()}))
    return {"description": summary, "epilog": "\n\n".join(sections), "formatter_class": Formatter}


def table(rows: Mapping[str, str]) -> str:
    """Return names and words in two columns, as argparse shows options."""
    wide = max(len(name) for name in rows)
    return "\n".join(f"  {name:<{wide}}  {words}" for name, words in rows.items())


def graft(commands: Any, name: str, made: argparse.ArgumentParser, summary: str) -> None:
    """Hang a whole parser under a name; argparse itself only grows subparsers that it made."""
    commands.add_parser(name, help=summary, add_help=False)
    commands.choices[name] = made


def examples(parser: argparse.ArgumentParser) -> Iterator[list[str]]:
    """Yield the words of each example of a page, without what the shell makes of its beginning and end."""
    _, _, after = (parser.epilog or "").partition("examples:\n")
    for line in after.partition("\n\n")[0].splitlines():
        words = shlex.split(line, comments=True)
        while words and _ASSIGNMENT.fullmatch(words[0]):
            del words[0]
        yield words[: words.index(">")] if ">" in words else words
