"""The table of commands: what each is called, and which module does it.

Such a module has `parser()`, an `argparse` parser whose help is a page of the manual, and `main(argv)`, which returns
the exit status. It is imported when its command is used.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from infra.manual import graft


class Module(Protocol):
    """What a command's module has."""

    def parser(self) -> argparse.ArgumentParser:
        """Return what it takes."""

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Do it and return the exit status."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, its module, the heading it stands under, and what it does."""

    name: str
    module: str
    group: str
    summary: str

    def load(self) -> Module:
        """Import the module."""
        return cast(Module, importlib.import_module(self.module))


COMMANDS = {
    c.name: c
    for c in (
        Command("run", "infra.run", "run here", "start everything on this machine; Ctrl-C stops it"),
        Command("demo", "infra.demo.__main__", "run here", "send signed webhooks, decide, and check the outcomes"),
        Command("try", "infra.trial", "run here", "see what would become of a ticket"),
        Command("send", "infra.send", "run here", "sign a file as its source would, and send it"),
        Command("tasks", "infra.ops.tasks", "decide and repair", "look at tasks and repair them"),
        Command("approvals", "infra.ops.approvals", "decide and repair", "decide what waits for a person"),
        Command("dead-letters", "infra.ops.letters", "decide and repair", "see to messages that nobody could finish"),
        Command("labels", "infra.ops.labels", "decide and repair", "tell what decisions say of the classifier"),
        Command("audits", "infra.ops.audits", "decide and repair", "look again at what ran by itself"),
        Command("breakers", "infra.ops.breakers", "decide and repair", "see what was stopped, and let it run again"),
        Command("switches", "infra.ops.switches", "decide and repair", "stop an intent, and let it run again"),
        Command("report", "infra.ops.report", "decide and repair", "tell of the last days: tickets, people, cost"),
        Command("watch", "infra.ops.watch", "decide and repair", "tell what wants somebody, whenever that changes"),
        Command("sign-in", "infra.ops.login", "decide and repair", "sign in at a deployed console with the browser"),
        Command("policy", "infra.ops.policy", "decide and repair", "show what decides today"),
        Command("router", "infra.ops.router", "decide and repair", "choose which classifier decides, and try another"),
        Command("privacy", "infra.ops.privacy", "decide and repair", "export or erase what is kept of a person"),
        Command("intent", "infra.intents", "build", "begin a new intent"),
        Command("completion", "infra.cli.completion", "build", "print what lets a shell complete this command"),
    )
}


def hang(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Hang every command's own parser below this one, for what has to know all of them."""
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS.values():
        graft(commands, command.name, command.load().parser(), command.summary)
    return parser
