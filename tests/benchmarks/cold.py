"""Each deployed function from its start to its first answer, beside a FastAPI service that asks the same model.

A function is its bundle, unpacked, with nothing installed but its own lock, started by plain functions-framework as in
the cloud; its clients are Google's own, on their emulators. The framework with these clients and no code of ours is
started as well: no function can be faster. The first round is not counted: emulators warm up.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import httpx

from infra.bundle import ROOT, write
from infra.document_event import approval_event
from infra.emulators.process import HOST, free_port
from infra.emulators.provision import provision
from infra.emulators.stack import environment
from infra.errors import StackError
from infra.manifest import build
from infra.reads import CHATS_SECRET
from infra.resources import Function, Manifest
from shared.event.signatures import sign
from shared.intent.registry import discover
from tests.benchmarks import usage
from tests.benchmarks.environments import compiled, python_of
from tests.benchmarks.programs import Program, last_words, running
from tests.benchmarks.rows import Cold
from tests.benchmarks.services import started
from tests.benchmarks.systems import COMPETITORS, Site, named
from tests.benchmarks.tickets import ticket

PROJECT = "cold-starts"
BESIDE = "fastapi-generativeai"
# A target of framework_alone, and the function whose lock it runs with.
ALONE = {"store": "execute", "bus": "intake", "model": "classify"}
READY_TIMEOUT_S = 120.0
KNOCK_EVERY_S = 0.005
JSON = {"content-type": "application/json"}
SECRET = "signs-what-is-pressed"


@dataclass(frozen=True, slots=True)
class Start:
    """What is started, and the first thing that it is asked. `port` is where it will listen."""

    name: str
    programs: Sequence[Program]
    port: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


async def measure(site: Site, rounds: int) -> dict[str, list[Cold]]:
    """Return every counted start of each function, and of the service beside, which is the first.

    Raises:
        StackError: emulators or an environment are missing here, or something does not answer.
    """
    manifest = build(discover())
    folders = _unpacked(manifest, site.folder)
    found: dict[str, list[Cold]] = {}
    with started({"emulators"}, site.folder) as (emulators, _), environment(emulators):
        await provision(manifest, PROJECT)
        for number in range(rounds + 1):
            functions = [_function(f, folders[f.name], site, number) for f in manifest.functions]
            for start in (_service(site, number), *(_alone(target, site) for target in ALONE), *functions):
                cold = await asyncio.to_thread(answered, start, site.folder / "cold.txt")  # the shop answers meanwhile
                if number:
                    found.setdefault(start.name, []).append(cold)
    return found


def answered(start: Start, log: Path) -> Cold:
    """Start it, ask until it answers, and end it.

    Raises:
        StackError: it ends, refuses, or takes too long.
    """
    began = time.monotonic()
    with running(start.programs, log) as (process, *_), httpx.Client(timeout=READY_TIMEOUT_S, trust_env=False) as http:
        while True:
            if process.poll() is not None or time.monotonic() - began > READY_TIMEOUT_S:
                raise StackError(f"{start.name} does not start\n{last_words(log)}")
            try:
                answer = http.request(
                    start.method, f"http://{HOST}:{start.port}{start.path}", headers=start.headers, content=start.body
                )
                break
            except httpx.ConnectError:
                time.sleep(KNOCK_EVERY_S)
        cold = Cold(time.monotonic() - began, usage.cpu([process.pid]).own_s)
    if not answer.is_success:
        raise StackError(f"{start.name} answers {answer.status_code} {answer.text[:200]}\n{last_words(log)}")
    return cold


def _unpacked(manifest: Manifest, folder: Path) -> dict[str, Path]:
    """Unpack each function's bundle; compiled, as the cloud's build leaves it."""
    folders = {}
    for name, bundle in write(ROOT, manifest.functions, folder / "dist").items():
        folders[name] = folder / "functions" / name
        with zipfile.ZipFile(bundle) as opened:
            opened.extractall(folders[name])
        compiled(folders[name])
    return folders


def _service(site: Site, number: int) -> Start:
    [system] = named([BESIDE])
    assert system.lock
    here = replace(site, python=python_of(system.name, system.lock), port=free_port())
    return Start(BESIDE, system.programs(here), here.port, "POST", "/", JSON, ticket(number))


def _function(function: Function, folder: Path, site: Site, number: int) -> Start:
    lock = ROOT / Path(*function.module.split(".")[:-1]) / "requirements.txt"
    program, port = _framework(lock, folder, site, FUNCTION_TARGET=function.target, **function.environment)
    return Start(function.name, [program], port, *first(function, number))


def _alone(target: str, site: Site) -> Start:
    lock = ROOT / "functions" / ALONE[target] / "requirements.txt"
    program, port = _framework(lock, COMPETITORS / "framework_alone", site, FUNCTION_TARGET=target)
    return Start(f"framework and {target} alone", [program], port, "POST", "/", JSON, b"{}")


def _framework(lock: Path, folder: Path, site: Site, **more: str) -> tuple[Program, int]:
    """Return functions-framework in a folder, with what this lock installs, and the port it will listen on."""
    python, port = python_of(f"function-{lock.parent.name}", lock), free_port()
    env = {
        "BACKEND": "emulators",
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "CLASSIFIER": "genai",
        "GEMINI_API_ENDPOINT": site.model,
        "GEMINI_API_KEY": "bench",
        CHATS_SECRET: SECRET,
        "HOST": HOST,
        "PORT": str(port),
        **more,
    }
    return Program([str(Path(python).with_name("functions-framework"))], folder, env), port


def first(function: Function, number: int) -> tuple[str, str, Mapping[str, str], bytes]:
    """Return a request that the function answers with success: method, path, headers, body."""
    if function.name == "console":
        return "GET", "/api/tasks", {}, b""
    if function.name == "intake":
        return "POST", "/", JSON, ticket(number)
    if function.name == "chat":  # a press on a link, of which Slack tells as well
        press = {"type": "block_actions", "actions": [{"action_id": "open"}]}
        form = urlencode({"payload": json.dumps(press)}).encode()
        return "POST", "/slack", sign("slack", form, SECRET.encode(), datetime.now(UTC)), form
    if function.trigger == "schedule":
        return "POST", "/", JSON, b"{}"
    if function.trigger == "document":
        approval = {"status": "approved", "outcome": None}
        headers, body = approval_event(PROJECT, "bench-nothing", approval, "2026-01-01T00:00:00Z", "user@example.com")
        return "POST", "/", headers, body
    # A task, which is classified; what is none is parked by every other step, with its handler loaded.
    data = ticket(number) if function.name == "classify" else b"no message of this topic"
    message = {"data": base64.b64encode(data).decode(), "messageId": str(number)}
    return "POST", "/", JSON, json.dumps({"message": message, "subscription": "cold"}).encode()
