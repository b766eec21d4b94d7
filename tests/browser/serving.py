"""The console's app over HTTP on a free port, on a world in memory; and Chromium to look at it with."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn
from playwright.async_api import Browser, async_playwright

import functions.console.main as console
from shared.wiring import composition
from tests.world import World, deployed

APP = deployed(console, "console")
HOST = "127.0.0.1"


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """Serve a world's console; its URL."""
    composition.install(world.ports)
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()  # who connects before the server accepts waits instead of being refused
        server = uvicorn.Server(uvicorn.Config(APP, log_level="error", lifespan="off", timeout_graceful_shutdown=2))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait([serving], timeout=10)
            composition.install(None)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start the browser; where there is none, skip, but never in CI."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None and not os.environ.get("CI"):
        pytest.skip("no Chromium here: apt-get install chromium")
    assert path is not None, "CI needs Chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


def at_present(world: World, **ago: float) -> World:
    """Set a world's clock by this machine's: ages on the page are counted from now."""
    world.now = datetime.now(UTC) - timedelta(**ago)
    return world
