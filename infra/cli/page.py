"""The first page of the manual: every command under its heading, examples, environment, exit status."""

from __future__ import annotations

import argparse
from itertools import groupby

from infra import manual
from infra.cli.commands import COMMANDS

EXAMPLES = (
    "switchyard demo",
    "switchyard run",
    "BACKEND=emulators switchyard run",
    "switchyard approvals list",
    "switchyard approvals approve helpdesk-1 --comment checked",
    "switchyard tasks explain helpdesk-1",
    'switchyard dead-letters redrive --all --reason "the shop is back" --dry-run',
)
ENVIRONMENT = {
    "BACKEND": "what run and demo start: embedded (default) or emulators",
    "CLASSIFIER": "what run asks: local (default), gemini or genai",
    "DATA_DIR": "where run keeps its data; default: .switchyard beside the code",
    "CONSOLE_URL": "whose tasks are looked at; default: the stack that runs here",
    "IAP_SERVICE_ACCOUNT": "as whom to sign in where that is in the cloud; people use `switchyard sign-in`",
}
STATUS = {
    0: "done",
    1: "something failed, was refused or not found",
    2: "wrong usage, a setting that cannot be used, or a broken declaration of an intent",
    3: "the console cannot be used",
    130: "stopped by Ctrl-C",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the first page; commands are not hung below it, so that none of them is imported."""
    page = manual.page(
        "Route tickets to plain Python functions: start it, decide what waits, repair what failed, build what is new.",
        *EXAMPLES,
        environment=ENVIRONMENT,
        status=STATUS,
    )
    wide = max(map(len, COMMANDS))
    listed = [
        f"{group}:\n" + manual.table({f"{c.name:<{wide}}": c.summary for c in members})
        for group, members in groupby(COMMANDS.values(), key=lambda c: c.group)
    ]
    more = "`switchyard COMMAND --help` tells more of each; README.md has every setting."
    page["epilog"] = "\n\n".join([*listed, page["epilog"], more])
    return argparse.ArgumentParser(prog="switchyard", usage="switchyard [-h] COMMAND ...", **page)
