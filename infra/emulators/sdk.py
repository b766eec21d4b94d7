"""Finds Google's emulators in an installed Cloud SDK and runs them on free local ports."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from infra.emulators.java import check_java
from infra.emulators.process import HOST, Process, free_port
from infra.errors import StackError
from infra.proxies import leave_out_this_machine

READY_TIMEOUT_S = 60.0
# On the two cores of a laptop the second compiler and the concurrent collector take more than the emulators themselves:
# with both, 500 tasks after 300 cost twice the CPU. What is in the environment comes last, and wins.
JVM_FLAGS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
OTHERWISE = "or run with BACKEND=embedded, which needs neither"


@asynccontextmanager
async def emulators(logs: Path, events_to: str = "") -> AsyncIterator[Mapping[str, str]]:
    """Run both emulators; yields the environment that points Google's clients at them. They keep nothing.

    `events_to`: host and port to which Firestore's sends the events of triggers that somebody makes there.

    Raises:
        StackError: Java, the SDK or one of the emulators is missing, or one does not start.
    """
    leave_out_this_machine()
    commands = {"PUBSUB_EMULATOR_HOST": pubsub_command, "FIRESTORE_EMULATOR_HOST": firestore_command}
    sdk = sdk_root(os.environ)
    hosts = {variable: f"{HOST}:{free_port()}" for variable in commands}
    env = os.environ | {"JAVA_TOOL_OPTIONS": f"{JVM_FLAGS} {os.environ.get('JAVA_TOOL_OPTIONS', '')}".strip()}
    processes = []
    for variable, host in hosts.items():
        name = variable.partition("_")[0].lower()
        command = commands[variable](sdk, host)
        if events_to and variable == "FIRESTORE_EMULATOR_HOST":
            command.append(f"--functions_emulator={events_to}")
        processes.append((Process(f"{name} emulator", command, logs / f"{name}.log", env), host))
    try:
        for process, _ in processes:
            await process.start()
        await asyncio.gather(*(process.ready(f"http://{host}/", READY_TIMEOUT_S) for process, host in processes))
        yield hosts
    finally:
        await asyncio.gather(*(process.stop() for process, _ in processes))


def sdk_root(env: Mapping[str, str]) -> Path:
    """Return the SDK's folder: CLOUDSDK_ROOT, or where `gcloud` really is.

    Raises:
        StackError: there is no SDK, or no Java that its emulators can run on.
    """
    path = env.get("PATH")
    gcloud = shutil.which("gcloud", path=path)
    root = env.get("CLOUDSDK_ROOT") or (gcloud and Path(gcloud).resolve().parent.parent)
    if not root:
        raise StackError(f"the Google Cloud SDK was not found; install it, set CLOUDSDK_ROOT, {OTHERWISE}")
    check_java(Path(root), env, OTHERWISE)
    return Path(root)


def pubsub_command(sdk: Path, host: str) -> list[str]:
    """Return what starts the Pub/Sub emulator on `host`.

    Raises:
        StackError: this SDK has none.
    """
    jars = sorted((sdk / "platform/pubsub-emulator/lib").glob("cloud-pubsub-emulator-*-all.jar"))
    if not jars:
        raise _missing(sdk, "pubsub-emulator")
    address, _, port = host.partition(":")
    return ["java", "-jar", str(jars[-1]), f"--host={address}", f"--port={port}"]


def firestore_command(sdk: Path, host: str) -> list[str]:
    """Return what starts the Firestore emulator on `host`.

    Raises:
        StackError: this SDK has none.
    """
    program = sdk / "platform/cloud-firestore-emulator/cloud_firestore_emulator"
    if not program.is_file():
        raise _missing(sdk, "cloud-firestore-emulator")
    address, _, port = host.partition(":")
    return [str(program), "start", f"--host={address}", f"--port={port}"]


def _missing(sdk: Path, component: str) -> StackError:
    # An SDK of Debian's packages refuses to install components.
    config = sdk / "lib/googlecloudsdk/core/config.json"
    packaged = config.is_file() and json.loads(config.read_text()).get("disable_updater") is True
    package = f"sudo apt-get install google-cloud-cli-{component.removeprefix('cloud-')}"
    install = package if packaged else f"gcloud components install {component}"
    return StackError(f"{sdk} has no {component}; run `{install}`, {OTHERWISE}")
