"""Where the log cannot be written, everything else goes on, and `/healthz` says how many lines are lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sources import sent
from tests.system.test_run import ROOT, environment, running

FULL = "/dev/full"
WAIT_S = 60.0


@contextmanager
def unread() -> Iterator[int]:
    """Yield a pipe whose reader takes nothing, and then goes."""
    reader, writer = os.pipe()
    try:
        yield writer
    finally:
        os.close(reader)
        os.close(writer)


@contextmanager
def broken() -> Iterator[int]:
    """Yield a pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


@contextmanager
def full() -> Iterator[int]:
    """Yield a file on a disk that is full."""
    with open(FULL, "wb", buffering=0) as file:
        yield file.fileno()


NOWHERE = [broken, unread, pytest.param(full, marks=pytest.mark.skipif(not Path(FULL).exists(), reason="needs Linux"))]


@pytest.mark.parametrize("nowhere", NOWHERE)
def test_line_that_cannot_be_written_is_counted_and_no_more(nowhere: Any) -> None:
    program = """if True:
        import sys
        from shared.logs import lines_lost, log, show_traceback
        for n in range(3000):
            log("INFO", "done", task_id=f"t{n}")
        show_traceback(ValueError())
        print(lines_lost(), file=sys.stderr)
        sys.stdout = None
        log("INFO", "done")
        print(lines_lost(), file=sys.stderr, flush=True)
        import os
        os._exit(0)  # Python flushes at its end
    """
    with nowhere() as stdout:
        ended = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=True
        )
    lost, and_closed = map(int, ended.stderr.split())
    assert lost > 1000  # of a pipe that nobody reads, the first fit in
    assert and_closed == lost + 1


def get(url: str) -> tuple[int, Any]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.status, json.load(answer)


@pytest.mark.parametrize("nowhere", NOWHERE)
def test_whole_stack_answers_and_acts_as_ever_without_its_log(nowhere: Any, tmp_path: Path) -> None:
    with nowhere() as stdout, running(environment(tmp_path), stdout) as (_, here):
        event = {"text": "Where is my order #47384?", "requester": {"email": "customer-47384@example.com"}}
        taken = sent(here["intake"] + "/", {"task_id": "t1", "source": "helpdesk", "raw_payload": event})
        assert (taken.status_code, taken.json()["task_id"]) == (202, "t1")
        until, state = time.monotonic() + WAIT_S, ""
        while state != "SUCCEEDED":
            assert time.monotonic() < until, state
            time.sleep(0.1)
            [task] = get(here["console"] + "/api/tasks")[1]["tasks"] or [{"state": ""}]
            state = task["state"]
        for name in ("intake", "console"):
            status, health = get(here[name] + "/healthz")
            assert (status, health["status"]) == (200, "ok")
            assert nowhere is unread or health["log_lines_lost"] > 0
