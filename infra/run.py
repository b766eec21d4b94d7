"""`python -m infra.run`: the whole of Switchyard on this machine, embedded or on Google's emulators, until Ctrl-C.

With `SANDBOX=on` (the default) a local server plays the vendors, so that no handler calls a real one by accident.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from infra import manifest, manual, webhook_secrets
from infra.commands import in_one_line
from infra.embedded.files import Seen, look
from infra.errors import StackError
from infra.outside import load_here, providers
from infra.processes import Child, end_with_parent, url_in
from infra.proxies import leave_out_this_machine
from infra.running import FILE, Running
from shared.errors import SettingError
from shared.intent.registry import Registry, check_handlers, discover
from shared.logs import say
from shared.serving import collector
from shared.settings import Settings
from shared.wiring import classifiers

SANDBOX_TIMEOUT_S = 20.0
MOST_PROCESSES = 32
EMULATORS = ("PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST")


def parser() -> argparse.ArgumentParser:
    """Return the page of the manual; settings come from the environment."""
    page = manual.page(
        "Start intake, functions, console and a server that plays the vendors on this machine, until Ctrl-C.",
        "switchyard run",
        "INTAKE_URL_PORT=9080 CONSOLE_PORT=9081 switchyard run",
        "BACKEND=emulators switchyard run",
        "AUTOMATIC='refund_request<=50.00 USD' switchyard run",
        environment={
            "BACKEND": "embedded (default), or emulators: Google's, which `make run BACKEND=emulators` prepares for",
            "CLASSIFIER": "local (default), gemini or genai, which `make run CLASSIFIER=genai` prepares for",
            "INTAKE_URL_PORT": "default: 8080",
            "CONSOLE_PORT": "default: 8081",
            "DATA_DIR": "where tasks are kept; default: .switchyard",
            "PROCESSES": "embedded: how many share the deliveries of one data folder; default: 1",
            "SANDBOX": "off: handlers call the real vendors; default: on",
            "AUTOMATIC": "what may run without a person, such as refund_request<=50.00 USD",
        },
        status={
            0: "stopped by Ctrl-C",
            1: "it cannot start here, such as a port in use",
            2: "a setting cannot be used, or the declaration of an intent is broken",
        },
    )
    return argparse.ArgumentParser(prog="switchyard run", **page)


@in_one_line
def main(argv: Sequence[str] | None = None) -> int:
    """Run until a signal; every foreseeable trouble is one line."""
    parser().parse_args(argv)
    leave_out_this_machine()
    files = look()  # before they are read: what is saved from now on has changed
    registry = check_handlers(discover())
    settings = load_here(registry)
    if settings.backend == "gcp":
        raise StackError("BACKEND=gcp runs in the cloud; here it must be embedded or emulators")
    asyncio.run(_run(settings, registry, files, _folder(settings.data_dir)))
    return 0


def _folder(path: str) -> Path:
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"DATA_DIR {path} cannot be made: {error.strerror}") from None
    return Path(path)


async def _run(settings: Settings, registry: Registry, files: Seen, data_dir: Path) -> None:
    end_with_parent()
    known = files if _is_on("RELOAD") and settings.backend == "embedded" else None
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await _check_classifier(settings, registry)
    with _vendors(registry, data_dir) as sandbox:
        async with _stack(settings, registry) as stack, _reloading(stack, known, sandbox):
            found = {name: os.environ[name] for name in EMULATORS if name in os.environ}
            here = Running(settings.backend, os.getpid(), stack.intake_url, stack.console_url, sandbox, found)
            here.write(data_dir)
            collector.settle()
            say(f"intake   {here.intake}\nconsole  {here.console}", sys.stdout)
            if stack.chat_url:
                say(f"chat     {stack.chat_url}", sys.stdout)
            if sandbox:
                say(f"vendors  {sandbox} (sandbox)", sys.stdout)
            if settings.backend == "emulators":
                say(f"logs     {data_dir / 'emulators'}/*.log", sys.stdout)
            say(f"ready, {settings.backend}, {len(registry)} intents; Ctrl-C stops it", sys.stdout)
            if settings.backend == "embedded":
                await stack.warm()
            await stopping.wait()
            say("stopping", sys.stdout)
    (data_dir / FILE).unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _reloading(stack: Any, known: Seen | None, sandbox: str) -> AsyncIterator[None]:
    """Follow changed handlers and intents; on emulators every function is a process of its own, that has to restart."""
    if known is None:
        yield
        return
    from infra.embedded.reload import follow

    following = asyncio.create_task(follow(stack, known, functools.partial(_point_at, sandbox)), name="reload")
    try:
        yield
    finally:
        following.cancel()
        await asyncio.wait([following])


def _is_on(name: str) -> bool:
    """Return whether a switch of this program, on by default, is on."""
    value = os.environ.get(name) or "on"
    if value not in ("on", "off"):
        raise SettingError(f"{name} is {value!r}; it must be on or off", field=name)
    return value == "on"


def _processes() -> int:
    """Return how many processes share the deliveries."""
    text = os.environ.get("PROCESSES") or "1"
    if not text.isdecimal() or not 1 <= int(text) <= MOST_PROCESSES:
        raise SettingError(f"PROCESSES is {text!r}; it must be a number from 1 to {MOST_PROCESSES}", field="PROCESSES")
    return int(text)


async def _check_classifier(settings: Settings, registry: Registry) -> None:
    """Find out now, not with the first task, that the model cannot be asked."""
    if settings.classifier == "local":
        return
    try:
        await classifiers.build(settings, registry).close()
    except ModuleNotFoundError as error:
        name = settings.classifier
        raise StackError(f"CLASSIFIER={name} needs {error.name}; `make run CLASSIFIER={name}` installs it") from None


def _stack(settings: Settings, registry: Registry) -> Any:
    """Return the backend's stack; importing it here keeps the other one's libraries out."""
    if settings.backend == "embedded":
        from infra.embedded import stack as embedded

        return embedded.Stack(settings, manifest=manifest.build(registry), processes=_processes())
    from infra.emulators import stack as emulators

    return emulators.Stack(settings, manifest=manifest.build(registry))


@contextlib.contextmanager
def _vendors(registry: Registry, data_dir: Path) -> Any:
    """Start the sandbox and point every provider at it that has no address of its own."""
    if not _is_on("SANDBOX"):
        yield ""
        return
    child = Child(
        "infra.sandbox",
        "--port",
        "0",
        "--ledger",
        str(data_dir / "ledger.jsonl"),
        "--memory",
        str(data_dir / "sandbox.jsonl"),
    )
    try:
        url = url_in(child.wait_for("http://", SANDBOX_TIMEOUT_S))
        _point_at(url, registry)
        webhook_secrets.preset(data_dir)
        yield url
    finally:
        child.stop()


def _point_at(sandbox: str, registry: Registry) -> None:
    """Name the sandbox as the address of every provider that has none of its own; nothing if there is no sandbox."""
    for provider in providers(registry) if sandbox else ():
        # An address of one's own wants a key of one's own, or none: the sandbox's would look like a wrong one.
        if os.environ.setdefault(provider.variable("API_URL"), sandbox) == sandbox and provider.key:
            os.environ.setdefault(provider.variable("API_KEY"), "sandbox")


if __name__ == "__main__":
    sys.exit(main())
