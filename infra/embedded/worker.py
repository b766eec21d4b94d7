"""`python -m infra.embedded.worker NUMBER/OF SOCKET`: one more process of a stack, for deliveries only.

`infra.embedded.workers` starts it. It opens the file beside the others, leases messages as they do, and ends with the
process that started it; what it had leased then comes again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from infra import manifest
from infra.commands import in_one_line
from infra.embedded.database import Database
from infra.embedded.instance import GRACE_S, Instance
from infra.embedded.peers import Line, Place
from infra.embedded.turns import FileTurn
from infra.embedded.watch import LOOK_EVERY_S, ClockWatch
from infra.privacy_key import with_privacy_key
from infra.promoter import with_promoter
from shared.intent.named import load_for
from shared.intent.registry import check_handlers, discover
from shared.serving import collector


@in_one_line
def main() -> int:
    """Deliver until a signal, or until the first process is gone; every foreseeable trouble is one line."""
    number, of = map(int, sys.argv[1].split("/"))
    threading.Thread(target=_end_with_first, daemon=True).start()
    asyncio.run(_deliver(Place(number, of), socket.socket(fileno=int(sys.argv[2]))))
    return 0


def _end_with_first() -> None:
    """End at once when the first process is gone: another one may start on the file."""
    while os.read(0, 1024):
        pass
    os._exit(1)


async def _deliver(place: Place, end: socket.socket) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    registry = check_handlers(discover())
    settings = with_promoter(with_privacy_key(load_for(registry)))
    data_dir = Path(settings.data_dir)
    database = await Database.open(data_dir, turn=FileTurn(data_dir))
    line = Line(end, database.wake)
    database.tell = line.say
    instance = Instance(settings, manifest.build(registry), place=place, grace_s=GRACE_S)
    try:
        async with instance.running(database) as (_, watch):
            collector.settle()
            watching = asyncio.create_task(_watch(watch))
            await stopping.wait()
            watching.cancel()
    finally:
        line.close()
        await database.close()


async def _watch(watch: ClockWatch) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        with contextlib.suppress(Exception):  # the next look tells
            await watch.look()


if __name__ == "__main__":
    sys.exit(main())
