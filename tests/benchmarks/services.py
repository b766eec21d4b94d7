"""What some systems need beside them: a Redis, Google's emulators. Started for one run, and stopped with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import httpx

from infra.emulators.process import HOST, free_port
from infra.emulators.sdk import firestore_command, pubsub_command, sdk_root
from infra.errors import StackError
from tests.benchmarks.environments import python_of
from tests.benchmarks.programs import Program, running
from tests.benchmarks.systems import REDIS_LOCK

READY_TIMEOUT_S = 60.0
POLL_S = 0.05
COMMANDS = {"PUBSUB_EMULATOR_HOST": pubsub_command, "FIRESTORE_EMULATOR_HOST": firestore_command}


@contextlib.contextmanager
def started(needs: Collection[str], folder: Path) -> Iterator[tuple[dict[str, str], list[int]]]:
    """Start services; their addresses as variables, and their processes, which count as the system's own.

    Raises:
        StackError: one is not installed here, or does not start.
    """
    if "sdk" in needs:  # the system starts them itself: find out now that it cannot
        for command in COMMANDS.values():
            command(sdk_root(os.environ), f"{HOST}:1")
    with contextlib.ExitStack() as stack:
        addresses: dict[str, str] = {}
        pids: list[int] = []
        for service in (_redis, _emulators):
            if service.__name__.strip("_") in needs:
                found, programs = service(folder)
                addresses |= found
                pids += [p.pid for p in stack.enter_context(running(programs, folder / "services.log"))]
                _wait_for(found.values())
        yield addresses, pids


def _redis(folder: Path) -> tuple[dict[str, str], list[Program]]:
    """Redis as it comes: in memory, with a snapshot now and then."""
    server = shutil.which("redis-server")
    if server is None:
        try:
            server = str(Path(python_of("redis", REDIS_LOCK)).parent / "redis-server")
        except StackError as error:
            raise StackError(f"there is no redis-server (Debian: apt install redis-server); {error}") from None
    port = free_port()
    command = [server, "--port", str(port), "--bind", HOST, "--dir", str(folder)]
    return {"REDIS_URL": f"redis://{HOST}:{port}/0"}, [Program(command, folder)]


def _emulators(folder: Path) -> tuple[dict[str, str], list[Program]]:
    sdk = sdk_root(os.environ)
    hosts = {variable: f"{HOST}:{free_port()}" for variable in COMMANDS}
    return hosts, [Program(command(sdk, hosts[variable]), folder) for variable, command in COMMANDS.items()]


def _wait_for(addresses: Collection[str]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    for address in addresses:
        where = address.removeprefix("redis://").partition("/")[0]
        while not _answers(f"http://{where}/"):
            if time.monotonic() > deadline:
                raise StackError(f"nothing listens on {where} after {READY_TIMEOUT_S:g} s")
            time.sleep(POLL_S)


def _answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=READY_TIMEOUT_S, trust_env=False)
    except httpx.ProtocolError:  # Redis hangs up on whoever speaks HTTP
        return True
    except httpx.TransportError:
        return False
    return True
