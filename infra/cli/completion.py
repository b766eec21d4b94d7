"""`switchyard completion SHELL`: the parsers of all commands in, a script for the shell out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from infra import manual
from infra.cli import commands, page

SHELLS = ("bash", "zsh", "fish")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the script."""
    shell = parser().parse_args(argv).shell
    import shtab  # here, so that an environment without it has every other command

    print(shtab.complete(commands.hang(page.parser()), shell=shell))
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    made = argparse.ArgumentParser(
        prog="switchyard completion",
        **manual.page(
            "Print what lets a shell complete this command; put it where the shell looks for it.",
            "switchyard completion bash > ~/.local/share/bash-completion/completions/switchyard",
            "switchyard completion zsh > ~/.zfunc/_switchyard  # with ~/.zfunc in fpath, before compinit",
            "switchyard completion fish > ~/.config/fish/completions/switchyard.fish",
            status={0: "printed", 2: "wrong usage"},
        ),
    )
    made.add_argument("shell", choices=SHELLS)
    return made
