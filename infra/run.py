"""`python -m infra.run`: the whole of Switchyard on this machine, embedded or on Google's emulators, until Ctrl-C.

With `SANDBOX=on` (the default) a local server plays the vendors, so that no handler calls a real one by accident.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from infra import manifest
from infra.errors import StackError
from infra.processes import Child, end_with_parent, url_in
from infra.running import FILE, Running
from shared.errors import DeclarationError, SettingError
from shared.intent.registry import Registry, check_handlers, discover
from shared.settings import Settings, load
from shared.wiring import classifiers
from shared.wiring.people import DIRECTORIES

SANDBOX_TIMEOUT_S = 20.0
EMULATORS = ("PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST")


def main() -> int:
    """Run until a signal; every foreseeable trouble is one line."""
    try:
        settings = load()
        if settings.backend == "gcp":
            raise StackError("BACKEND=gcp runs in the cloud; here it must be embedded or emulators")
        asyncio.run(_run(settings, check_handlers(discover()), _folder(settings.data_dir)))
    except SettingError as error:
        print(f"switchyard: {error.message}", file=sys.stderr)
        return 2
    except (DeclarationError, StackError) as error:
        print(f"switchyard: {error}", file=sys.stderr)
        return 1
    return 0


def _folder(path: str) -> Path:
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"DATA_DIR {path} cannot be made: {error.strerror}") from None
    return Path(path)


async def _run(settings: Settings, registry: Registry, data_dir: Path) -> None:
    end_with_parent()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await _check_classifier(settings, registry)
    with _vendors(registry, data_dir) as sandbox:
        async with _stack(settings, registry) as stack:
            found = {name: os.environ[name] for name in EMULATORS if name in os.environ}
            here = Running(settings.backend, os.getpid(), stack.intake_url, stack.console_url, sandbox, found)
            here.write(data_dir)
            print(f"intake   {here.intake}\nconsole  {here.console}", flush=True)
            if sandbox:
                print(f"vendors  {sandbox} (sandbox)", flush=True)
            print(f"ready, {settings.backend}, {len(registry)} intents; Ctrl-C stops it", flush=True)
            await stopping.wait()
            print("stopping", flush=True)
    (data_dir / FILE).unlink(missing_ok=True)


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

        return embedded.Stack(settings, manifest=manifest.build(registry))
    from infra.emulators import stack as emulators

    return emulators.Stack(settings, manifest=manifest.build(registry))


@contextlib.contextmanager
def _vendors(registry: Registry, data_dir: Path) -> Any:
    """Start the sandbox and point every provider at it that has no address of its own."""
    if os.environ.get("SANDBOX", "on") != "on":
        yield ""
        return
    child = Child("infra.sandbox", "--port", "0", "--ledger", str(data_dir / "ledger.jsonl"))
    try:
        url = url_in(child.wait_for("http://", SANDBOX_TIMEOUT_S))
        for intent in registry.values():
            os.environ.setdefault(intent.provider.variable("API_URL"), url)
            if intent.provider.key:
                os.environ.setdefault(intent.provider.variable("API_KEY"), "sandbox")
        for directory, _ in DIRECTORIES.values():
            os.environ.setdefault(directory.variable("API_URL"), url)
            os.environ.setdefault(directory.variable("API_KEY"), "sandbox")
        yield url
    finally:
        child.stop()


if __name__ == "__main__":
    sys.exit(main())
