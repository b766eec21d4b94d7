"""Google's emulators, once per session. Without a Cloud SDK these tests skip with one line; under CI they fail."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from infra.emulators.process import HOST, free_port
from infra.emulators.sdk import emulators, firestore_command, pubsub_command, sdk_root
from infra.errors import StackError


@pytest.fixture(scope="session")
def sdk() -> Path:
    """The Cloud SDK's folder, with both emulators in it."""
    if problem := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(problem)
    return sdk_root(os.environ)


def missing() -> str:
    """Return why the emulators cannot run here, or an empty string."""
    try:
        root = sdk_root(os.environ)
        pubsub_command(root, "127.0.0.1:0")
        firestore_command(root, "127.0.0.1:0")
    except StackError as error:
        return str(error)
    return ""


@pytest.fixture(scope="session")
def events_port() -> int:
    """Where Firestore's emulator sends the events of triggers, if somebody makes one and listens."""
    return free_port()


@pytest.fixture(scope="session")
def emulator_hosts(
    sdk: Path, events_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """Both emulators, running; the environment points Google's clients at them.

    They live in an event loop of their own thread, for every test has another loop.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = emulators(tmp_path_factory.mktemp("emulators"), f"{HOST}:{events_port}")
    hosts = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(timeout=90)
    patch = pytest.MonkeyPatch()
    for name, value in hosts.items():
        patch.setenv(name, value)
    yield hosts
    patch.undo()
    asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(timeout=30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
    loop.close()


@pytest.fixture
def project(emulator_hosts: Mapping[str, str]) -> str:
    """A project of this test's own: emulators take any, and projects share nothing."""
    return f"test-{uuid4().hex[:12]}"
