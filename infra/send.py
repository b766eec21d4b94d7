"""`switchyard send`: a file in; signed as its source signs, at the intake that runs here; what intake answers out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx

from functions.intake.sources import VENDORS
from infra import manual, running
from infra.commands import in_one_line
from infra.errors import StackError, refused
from infra.proxies import is_here
from infra.webhook_secrets import secret_here
from shared.errors import Misconfigured
from shared.event.signatures import sign

TIMEOUT_S = 30.0


def parser() -> argparse.ArgumentParser:
    """Return the page of the manual."""
    page = manual.page(
        "Sign a file as its source would, send it to intake, and show the answer.",
        "switchyard send zendesk ticket.json",
        "MY_CRM_WEBHOOK_SECRET=0123456789abcdef switchyard send my-crm event.json",
        environment={
            "<SOURCE>_WEBHOOK_SECRET": "what signs; default: what `switchyard run` made for the vendors in DATA_DIR",
            "DATA_DIR": "of the stack that is sent to; default: .switchyard beside the code",
        },
        status={0: "intake took it", 1: "intake refused it, or none runs here", 2: "it cannot be sent"},
    )
    made = argparse.ArgumentParser(prog="switchyard send", **page)
    made.add_argument("source", help=f"whose webhook it is: {', '.join(sorted(VENDORS))}, or any system of yours")
    made.add_argument("file", help="its body, sent byte for byte; - reads standard input")
    made.add_argument("--intake", help="intake's URL (default: the stack that runs here)")
    return made


@in_one_line
def main(argv: Sequence[str] | None = None) -> int:
    """Send one event; every foreseeable trouble is one line on standard error."""
    args = parser().parse_args(argv)
    data_dir = Path(os.environ.get("DATA_DIR") or ".switchyard")
    try:
        body = sys.stdin.buffer.read() if args.file == "-" else Path(args.file).read_bytes()
        secret = secret_here(args.source, data_dir)
    except OSError as error:
        return refused(f"{args.file} cannot be read: {error.strerror}")
    except Misconfigured as error:
        return refused(f"{error.message}; start `make run` with it, and this command")
    path, scheme = (f"/{args.source}", args.source) if args.source in VENDORS else (f"/hooks/{args.source}", "generic")
    intake = (args.intake or running.read(data_dir).intake).rstrip("/")
    headers = {"content-type": "application/json", **sign(scheme, body, secret, datetime.now(UTC))}
    try:
        with httpx.Client(timeout=TIMEOUT_S, trust_env=not is_here(intake)) as http:
            answer = http.post(intake + path, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise StackError(f"intake at {intake} does not answer ({type(error).__name__})") from None
    print(answer.status_code, answer.text)
    return 0 if answer.is_success else 1


if __name__ == "__main__":
    sys.exit(main())
