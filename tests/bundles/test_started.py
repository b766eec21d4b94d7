"""Each bundle unpacked into an empty folder, with nothing installed but its own lock, started as the cloud does.

No emulator runs: its addresses lead nowhere, so that what needs the store or the bus answers 503 and nothing else does.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.bundle import ROOT, write
from infra.document_event import approval_event
from infra.emulators.process import HOST, free_port
from infra.lock import RUNTIME_PYTHON
from infra.manifest import build
from infra.resources import Function
from shared.intent.registry import discover

FUNCTIONS = {function.name: function for function in build(discover()).functions}
READY_TIMEOUT_S = 60.0
DEAD = f"{HOST}:1"
# Clients that wait until they are used: each would cost a cold start up to a second.
HEAVY = (
    "google.auth",
    "google.cloud.firestore",
    "google.cloud.firestore_v1",
    "google.cloud.pubsub",
    "google.events",
    "google.genai",
    "google.generativeai",
    "google.protobuf",
    "google.pubsub_v1",
    "grpc",
    "httpx",
    "requests",
)
# Modules in memory once `main` is imported; functions-framework and pydantic bring nearly all of them, and the console
# has some hundred of its own, a file for each page and what it does.
BUDGET_MODULES = 645
TASK = {"task_id": "bundle-1", "source": "bundle", "raw_payload": {"text": "hello"}}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each bundle's files in a folder of their own."""
    folders = {}
    for name, bundle in write(ROOT, FUNCTIONS.values(), tmp_path_factory.mktemp("dist")).items():
        folders[name] = tmp_path_factory.mktemp(name)
        with zipfile.ZipFile(bundle) as opened:
            opened.extractall(folders[name])
    return folders


@pytest.fixture(scope="module")
def environments(unpacked: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of programs of a fresh environment for each function; equal locks share one."""
    made: dict[str, Path] = {}
    found = {}
    uv = Path(sys.executable).with_name("uv")
    for name, folder in unpacked.items():
        lock = folder / "requirements.txt"
        digest = hashlib.sha256(lock.read_bytes()).hexdigest()
        if digest not in made:
            venv = tmp_path_factory.mktemp("venv") / "venv"
            run([str(uv), "venv", "--quiet", "--python", runtime(), str(venv)], folder, os.environ)
            into = ["--python", str(venv / "bin/python"), "--require-hashes", "--quiet"]
            run([str(uv), "pip", "install", *into, "-r", str(lock)], folder, os.environ)
            made[digest] = venv / "bin"
        found[name] = made[digest]
    return found


def runtime() -> str:
    """Return the cloud's Python where this machine has it, else the one that runs the tests."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [shutil.which(f"python{RUNTIME_PYTHON}"), *versions.glob(f"{RUNTIME_PYTHON}.*/bin/python")]
    for candidate in map(str, filter(None, candidates)):
        # A shim of a version manager may be there and yet not run.
        if subprocess.run([candidate, "--version"], capture_output=True, timeout=20, check=False).returncode == 0:
            return candidate
    return sys.executable


def run(command: list[str], folder: Path, env: Mapping[str, str]) -> str:
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def environment(**more: str) -> dict[str, str]:
    """Return what a process of the cloud sees, but for emulators that are not there."""
    dead = {"PUBSUB_EMULATOR_HOST": DEAD, "FIRESTORE_EMULATOR_HOST": DEAD}
    return {"PATH": "/usr/bin:/bin", "BACKEND": "emulators", "GOOGLE_CLOUD_PROJECT": "bundles"} | dead | more


@contextmanager
def serving(function: Function, folder: Path, programs: Path) -> Iterator[httpx.Client]:
    """Run plain functions-framework in the bundle's folder; yield a client for it."""
    port = free_port()
    env = environment(HOST=HOST, PORT=str(port), FUNCTION_TARGET=function.target, **function.environment)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(programs / "functions-framework")], cwd=folder, env=env, stdout=output, stderr=output
        )
    try:
        with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=30, trust_env=False) as client:
            wait_until_it_answers(client, process, log)
            yield client
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def wait_until_it_answers(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            client.get("/robots.txt")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return


def imported(folder: Path, programs: Path) -> set[str]:
    """Return the modules in memory once the bundle's `main` is imported."""
    program = "import sys, json, main; print(json.dumps(sorted(sys.modules)))"
    return set(json.loads(run([str(programs / "python"), "-c", program], folder, environment())))


def others_imports(folder: Path) -> set[str]:
    """Return every module or member of other packages that a bundle's code imports, wherever in it."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module))
    return {name for name in found if name.partition(".")[0] not in ("shared", "functions", "__future__")}


def push(data: bytes) -> dict[str, Any]:
    return {"message": {"data": base64.b64encode(data).decode(), "messageId": "1"}, "subscription": "s"}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_importing_a_bundle_brings_no_client_and_few_modules(
    unpacked: dict[str, Path], environments: dict[str, Path], name: str
) -> None:
    modules = imported(unpacked[name], environments[name])
    assert "functions_framework.aio" in modules
    assert [heavy for heavy in HEAVY if heavy in modules] == []
    assert len(modules) <= BUDGET_MODULES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_that_a_bundle_ever_imports_is_in_it_or_in_its_lock(
    unpacked: dict[str, Path], environments: dict[str, Path], name: str
) -> None:
    folder = unpacked[name]
    own = {path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py")}
    modules = {path.as_posix().replace("/", ".").removesuffix(".__init__") for path in own}
    program = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    python = str(environments[name] / "python")
    run([python, "-W", "ignore", "-c", program, *modules, *others_imports(folder)], folder, environment())


@pytest.mark.parametrize("name", ["intake", "console"])
def test_a_public_function_is_healthy(unpacked: dict[str, Path], environments: dict[str, Path], name: str) -> None:
    with serving(FUNCTIONS[name], unpacked[name], environments[name]) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
        if name == "intake":
            assert code_of(client.post("/", json={})) == (400, "invalid_task")
            assert code_of(client.post("/", json=TASK)) == (503, "publish_failed")
        else:
            assert code_of(client.get("/api/tasks")) == (503, "store_unavailable")


@pytest.mark.parametrize("name", [f.name for f in FUNCTIONS.values() if f.trigger == "push"])
def test_a_pushed_function_refuses_what_is_no_envelope_and_keeps_what_it_cannot_park(
    unpacked: dict[str, Path], environments: dict[str, Path], name: str
) -> None:
    with serving(FUNCTIONS[name], unpacked[name], environments[name]) as client:
        assert code_of(client.post("/", json={})) == (400, "invalid_envelope")
        # An executor has loaded its handler by then, and every intent that it ships.
        assert code_of(client.post("/", json=push(b"no task at all"))) == (503, "store_unavailable")


def test_resume_reads_an_event_as_firestore_sends_it(unpacked: dict[str, Path], environments: dict[str, Path]) -> None:
    approval = {"status": "approved", "outcome": None}
    headers, body = approval_event("bundles", "bundle-1", approval, "2026-01-01T00:00:00Z", "user@example.com")
    with serving(FUNCTIONS["resume"], unpacked["resume"], environments["resume"]) as client:
        assert code_of(client.post("/", json={})) == (400, "invalid_event")
        assert code_of(client.post("/", content=body, headers=headers)) == (503, "store_unavailable")


def test_sweep_says_that_the_store_is_away(unpacked: dict[str, Path], environments: dict[str, Path]) -> None:
    with serving(FUNCTIONS["sweep"], unpacked["sweep"], environments["sweep"]) as client:
        assert code_of(client.post("/", json={})) == (503, "store_unavailable")
