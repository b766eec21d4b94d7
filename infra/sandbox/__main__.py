"""`python -m infra.sandbox --port N [--ledger PATH]`: play the vendors until stopped."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from pathlib import Path
from typing import Any

from infra.errors import StackError
from infra.processes import end_with_parent
from infra.sandbox.app import create_app
from infra.sandbox.faults import KINDS
from infra.sandbox.server import listen, server


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and serve."""
    end_with_parent()
    parser = argparse.ArgumentParser(prog="python -m infra.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--ledger", type=Path, help="append every applied effect to this file as a JSON line")
    parser.add_argument("--memory", type=Path, help="remember in this file what changed here, over a restart")
    parser.add_argument("--seed", type=int, default=0, help="of the faults drawn at a rate")
    parser.add_argument(
        "--rate",
        type=_rate,
        action="append",
        default=[],
        metavar="VENDOR.OPERATION:FAULT=SHARE",
        help="such as stripe.refund:timeout_after=0.1; may be repeated",
    )
    options = parser.parse_args(arguments)
    try:
        app = create_app(options.ledger, seed=options.seed, memory_path=options.memory)
        asyncio.run(app.state.desk.memory.recall(app))
    except StackError as error:
        sys.exit(f"switchyard: {error}")
    app.state.desk.faults.rate(options.rate)
    sock = listen(options.port)
    print(f"vendor sandbox on http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
    server(app).run(sockets=[sock])


def _rate(text: str) -> dict[str, Any]:
    match = re.fullmatch(r"(\w+)\.(\w+):(\w+)=(\d*\.?\d+)", text)
    if match is None or match[3] not in KINDS:
        raise argparse.ArgumentTypeError(f"must be VENDOR.OPERATION:FAULT=SHARE with a fault of {', '.join(KINDS)}")
    return {"vendor": match[1], "operation": match[2], "fault": match[3], "share": float(match[4])}


if __name__ == "__main__":
    main()
