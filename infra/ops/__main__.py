"""`python -m infra.ops`: tasks, approvals and dead letters at a terminal, or as JSON for scripts.

In the cloud set CONSOLE_URL to the page's address, and sign in at the Identity-Aware Proxy: `switchyard sign-in`, or
IAP_SERVICE_ACCOUNT, IAP_CREDENTIALS or IAP_TOKEN. Exit status: 0 done, 1 something was refused or not found, 2 wrong
usage, 3 the console cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from infra.manual import graft
from infra.ops import (
    approvals,
    audits,
    breakers,
    labels,
    letters,
    policy,
    privacy,
    report,
    router,
    session,
    switches,
    tasks,
    watch,
)

PROG = "python -m infra.ops"
NOUNS = {
    "tasks": tasks,
    "approvals": approvals,
    "dead-letters": letters,
    "labels": labels,
    "audits": audits,
    "breakers": breakers,
    "switches": switches,
    "report": report,
    "watch": watch,
    "policy": policy,
    "privacy": privacy,
    "router": router,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    return session.run(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--console", help="its URL (default: CONSOLE_URL, or the stack that runs here)")
    commands = parser.add_subparsers(required=True, metavar=" | ".join(NOUNS))
    for name, noun in NOUNS.items():
        graft(commands, name, noun.parser(f"{PROG} {name}"), noun.SUMMARY)
    return parser


if __name__ == "__main__":
    sys.exit(main())
