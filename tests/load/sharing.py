"""A backlog in, on the embedded stack; how many model calls and input tokens its tasks took, and in which time, out.

Then tasks one by one: each has a call of its own, at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.embedded.stack import Stack
from infra.emulators.stack import environment
from infra.manifest import build
from infra.processes import Child, url_in
from shared.intent.registry import discover
from shared.settings import load
from tests.chaos import ground
from tests.load.backlog import TEXTS, at_rest, send
from tests.load.sender import wanted

LATENCY_MS = 450.0
IDLE = 20


@dataclass(frozen=True, slots=True)
class Sharing:
    """What `tasks` at once took of the model, and what each took that came alone. Tokens are of the input."""

    tasks: int
    seconds: float
    calls: float
    tokens: float
    idle_calls: float
    idle_tokens: float

    def __str__(self) -> str:
        backlog = (
            f"{self.tasks} at once: {self.seconds:.1f} s, {self.calls:.3f} model calls and {self.tokens:.0f} input"
        )
        return f"{backlog} tokens a task; one by one: {self.idle_calls:.3f} and {self.idle_tokens:.0f}"

    def problems(self) -> list[str]:
        """Return what is not as it should be. A machine that is busier than the model has no line, and shares less."""
        found = []
        if self.calls >= 1:
            found.append(f"{self.calls:.3f} model calls a task in a backlog: none was shared")
        if self.idle_calls != 1:
            found.append(f"{self.idle_calls:.3f} model calls for a task that came alone")
        return found


async def measure(
    tasks: int, folder: Path, timeout_s: float, say: Callable[[int], None], automatic: str = ""
) -> Sharing:
    """Send all at once, wait until all rest, then send some one by one. `automatic`: as `AUTOMATIC`.

    Raises:
        TimeoutError: they do not come to rest.
    """
    child = Child("infra.gemini_server", "--port", "0", "--latency-ms", str(LATENCY_MS), log=folder / "model.log")
    try:
        url = url_in(child.wait_for("http://", ground.START_TIMEOUT_S))
        model = ground.Model({"CLASSIFIER": "genai", "GEMINI_API_ENDPOINT": url, "GEMINI_API_KEY": "load"}, url)
        with ground.vendors(folder, 0, rare=False) as vendors:
            own = {"AUTOMATIC": automatic, "ERROR_BUDGET": "0", "ANSWER_CACHE_S": "0"}  # its tickets repeat themselves
            env = ground.environment(vendors, model, folder) | own
            ports = {"INTAKE_URL_PORT": "0", "CONSOLE_PORT": "0", "BACKEND": "embedded"}
            with environment(env | ports), contextlib.redirect_stdout(io.StringIO()):
                async with Stack(load(), build(discover())) as stack, asyncio.timeout(timeout_s):
                    return await _measured(stack, url, tasks, say)
    finally:
        child.stop()


async def _measured(stack: Stack, model: str, tasks: int, say: Callable[[int], None]) -> Sharing:
    # One first, so that what is loaded on first use is.
    await _rested(stack, {"warm": "order_status"}, lambda done: None)
    async with httpx.AsyncClient(base_url=model, trust_env=False) as http:
        seen = [(await http.get("/_calls")).json()]
        began = time.perf_counter()
        await _drained(stack, tasks, say)
        seconds = time.perf_counter() - began
        seen.append((await http.get("/_calls")).json())
        for n in range(IDLE):
            await _rested(stack, {f"idle-{n}": list(TEXTS)[n % len(TEXTS)]}, lambda done: None)
        seen.append((await http.get("/_calls")).json())
    (calls, tokens), (idle_calls, idle_tokens) = (
        [(after[name] - before[name]) / count for name in ("calls", "prompt_tokens")]
        for before, after, count in zip(seen, seen[1:], (tasks, IDLE), strict=False)
    )
    return Sharing(tasks, seconds, calls, tokens, idle_calls, idle_tokens)


async def _drained(stack: Stack, tasks: int, say: Callable[[int], None]) -> None:
    sending = Child("tests.load.sender", stack.intake_url, str(tasks))
    try:
        await at_rest(stack.ports.store, list(wanted(tasks)), say)
    finally:
        sending.stop()


async def _rested(stack: Stack, tasks: dict[str, str], say: Callable[[int], None]) -> None:
    sending = asyncio.create_task(send(stack.intake_url, tasks))
    await at_rest(stack.ports.store, list(tasks), say)
    await sending
