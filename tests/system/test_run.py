"""`python -m infra.run` as people start it: one clear line for every foreseeable trouble, and Ctrl-C ends it all."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.benchmarks.usage import processes
from tests.sources import sent

ROOT = Path(__file__).resolve().parent.parent.parent
START_TIMEOUT_S = 60.0
LEASE_AND_SWEEP_S = 180.0
T = TypeVar("T")


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.endswith(("_WEBHOOK_SECRET", "_EMULATOR_HOST"))}
    local = {"BACKEND": "embedded", "DATA_DIR": str(data_dir), "INTAKE_URL_PORT": "0", "CONSOLE_PORT": "0"}
    return kept | local | {"PYTHONPATH": str(ROOT)} | more


def refused(env: dict[str, str]) -> tuple[int, str]:
    """Start, expect it to end by itself, and return its status and what it said on standard error."""
    ended = subprocess.run(
        [sys.executable, "-m", "infra.run"], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    return ended.returncode, ended.stderr.strip()


@contextmanager
def running(
    env: dict[str, str], stdout: int = subprocess.DEVNULL
) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Start, wait until it is ready, and yield the process and where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.run"],
        env=env,
        cwd=ROOT,
        text=True,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )
    note = Path(env["DATA_DIR"]) / "stack.json"
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        while not note.exists():
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline, "not ready in time"
            time.sleep(0.05)
        yield process, json.loads(note.read_text())
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        if process.stderr:
            process.stderr.close()


def test_bad_setting_is_one_line_that_names_it(tmp_path: Path) -> None:
    status, said = refused(environment(tmp_path, CONFIDENCE_THRESHOLD="80%"))
    assert status == 2
    assert said == "switchyard: CONFIDENCE_THRESHOLD is '80%'; it must be a number from 0 to 1"


@pytest.mark.parametrize("name", ["RELOAD", "SANDBOX"])
def test_bad_switch_is_one_line_that_names_it(name: str, tmp_path: Path) -> None:
    status, said = refused(environment(tmp_path, **{name: "no"}))
    assert (status, said) == (2, f"switchyard: {name} is 'no'; it must be on or off")


def test_bad_number_of_processes_is_one_line_that_names_it(tmp_path: Path) -> None:
    assert refused(environment(tmp_path, PROCESSES="0")) == (
        2,
        "switchyard: PROCESSES is '0'; it must be a number from 1 to 32",
    )


def test_the_cloud_backend_is_refused_here(tmp_path: Path) -> None:
    status, said = refused(environment(tmp_path, BACKEND="gcp"))
    assert (status, said) == (1, "switchyard: BACKEND=gcp runs in the cloud; here it must be embedded or emulators")


def test_a_port_in_use_is_one_line_that_names_port_and_setting(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = refused(environment(tmp_path, INTAKE_URL_PORT=str(port)))
    assert status == 1
    assert said.startswith("switchyard: ")
    assert str(port) in said
    assert "INTAKE_URL_PORT" in said
    assert len(said.splitlines()) == 1


def test_a_data_folder_in_use_is_one_line(tmp_path: Path) -> None:
    with running(environment(tmp_path)):
        status, said = refused(environment(tmp_path))
    assert status == 1
    assert "in use" in said
    assert len(said.splitlines()) == 1


def test_a_missing_sdk_is_one_line_that_says_what_to_install(tmp_path: Path) -> None:
    env = environment(tmp_path, BACKEND="emulators", PATH=str(tmp_path / "empty"))
    env.pop("CLOUDSDK_ROOT", None)
    status, said = refused(env)
    assert (status, len(said.splitlines())) == (1, 1)
    assert said.startswith("switchyard: the Google Cloud SDK was not found")


def test_a_missing_java_is_one_line_that_says_what_to_install(tmp_path: Path) -> None:
    env = environment(tmp_path, BACKEND="emulators", PATH=str(tmp_path / "empty"), CLOUDSDK_ROOT=str(tmp_path))
    status, said = refused(env)
    assert (status, len(said.splitlines())) == (1, 1)
    assert said.startswith("switchyard: Java was not found")


def test_ctrl_c_stops_everything_it_started(tmp_path: Path) -> None:
    with running(environment(tmp_path)) as (process, here):
        assert urllib.request.urlopen(here["intake"] + "/healthz", timeout=30).status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        for name in ("intake", "console", "sandbox"):
            with pytest.raises(urllib.error.URLError):
                urllib.request.urlopen(here[name] + "/healthz", timeout=5)
    assert not (tmp_path / "stack.json").exists()


@pytest.mark.timeout(300)
def test_tasks_end_though_a_process_dies_and_ctrl_c_stops_them_all(tmp_path: Path) -> None:
    with running(environment(tmp_path, PROCESSES="2")) as (process, here):
        [killed] = until(lambda: _workers(process.pid))
        for number in range(20):
            _send(here["intake"], f"t{number}")
        os.kill(killed, signal.SIGKILL)
        [worker] = until(lambda: [pid for pid in _workers(process.pid) if pid != killed])
        # What was claimed at that moment waits for the end of its lease, and for the sweep that finds it.
        until(lambda: {state_of(here["console"], f"t{n}") for n in range(20)} == {"SUCCEEDED"}, LEASE_AND_SWEEP_S)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert worker not in processes()


def _send(intake: str, task_id: str) -> None:
    order = f"10{task_id[1:]:0>2}"
    text = f"Where is my order #{order}? What is its status?"
    asks = {"email": f"customer-{order}@example.com"}  # as the sandbox's orders belong to
    body = {"task_id": task_id, "source": "shop", "raw_payload": {"text": text, "customer": asks}}
    assert sent(intake, body).status_code == 202


def state_of(console: str, task_id: str) -> str:
    try:
        with urllib.request.urlopen(f"{console}/api/tasks/{task_id}", timeout=30) as answer:
            return str(json.load(answer)["state"])
    except urllib.error.HTTPError:
        return "not there yet"


def _workers(pid: int) -> list[int]:
    """Return the processes that deliver beside this one."""
    commands = {child: Path(f"/proc/{child}/cmdline") for child, p in processes().items() if p.parent == pid}
    return [
        child for child, path in commands.items() if path.exists() and b"infra.embedded.worker" in path.read_bytes()
    ]


def until(found: Callable[[], T], within_s: float = START_TIMEOUT_S) -> T:
    deadline = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)
    return value


def test_the_sandbox_ends_with_a_stack_that_was_killed(tmp_path: Path) -> None:
    with running(environment(tmp_path)) as (process, here):
        process.kill()
        process.wait(10)
        deadline = time.monotonic() + START_TIMEOUT_S
        while _answers(here["sandbox"]) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not _answers(here["sandbox"])


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url + "/healthz", timeout=5)
    except OSError:  # also of one that dies while it is read
        return False
    return True
