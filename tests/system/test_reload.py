"""Handlers and intents change under a running stack: what is in flight ends as it began, what comes next is new."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_seventh_intent import INTENT
from tests.shipped import SHIPPED
from tests.sources import sent

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0

MAIN = '''
"""Redeem a voucher once a file says so."""

import asyncio
from pathlib import Path

from functions.execute.redeem_voucher.intent import Parameters
from shared.intent.handler import TaskContext


async def handle(params: Parameters, ctx: TaskContext) -> str:
    """Wait, then redeem it."""
    while not Path("go").exists():
        await asyncio.sleep(0.02)
    return f"old {params.voucher}"
'''
NEW = MAIN.replace("old", "new").replace('while not Path("go").exists()', "while False")
GIFT_INTENT = (
    INTENT.replace("redeem_voucher", "gift_card")
    .replace("voucher code", "gift card")
    .replace("edeem", "end me the gift card")
)
GIFT_MAIN = NEW.replace("redeem_voucher", "gift_card").replace("new ", "gift ")


class Running:
    """`python -m infra.run` on a copy of the project that a developer works on."""

    def __init__(self, project: Path, **variables: str) -> None:
        self.project, self._said = project, project / "said"
        kept = {k: v for k, v in os.environ.items() if not k.endswith(("_WEBHOOK_SECRET", "_EMULATOR_HOST"))}
        local = {"BACKEND": "embedded", "DATA_DIR": "data", "INTAKE_URL_PORT": "0", "CONSOLE_PORT": "0"}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled copies are what a quick change trips over
        env = kept | local | {"PYTHONPATH": str(project), "CONFIDENCE_THRESHOLD": "0"} | variables
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "infra.run"], env=env, cwd=project, stdout=said, stderr=subprocess.STDOUT
            )
        self.says("ready, embedded")
        self._here = json.loads((project / "data" / "stack.json").read_text())

    def write(self, name: str, **files: str) -> None:
        folder = self.project / "functions" / "execute" / name
        folder.mkdir(exist_ok=True)
        for file, text in files.items():
            (folder / f"{file}.py").write_text(text)

    def says(self, words: str) -> str:
        """Wait for a line of output with these words, and return it."""
        found = until(lambda: next((x for x in self._said.read_text().splitlines() if words in x), None), self._lines)
        return str(found)

    def send(self, task_id: str, text: str) -> None:
        body = {"task_id": task_id, "source": "shop", "raw_payload": {"text": text, "customer": {"email": "k@x.com"}}}
        assert sent(self._here["intake"], body).status_code == 202

    def reaches(self, task_id: str, state: str) -> dict[str, Any]:
        """Wait until a task is in this state, and return its record."""

        def record() -> dict[str, Any] | None:
            try:
                with urllib.request.urlopen(f"{self._here['console']}/api/tasks/{task_id}", timeout=30) as answer:
                    found: dict[str, Any] = json.load(answer)
            except urllib.error.HTTPError:
                return None
            return found if found["state"] == state else None

        found = until(record, self._lines)
        assert isinstance(found, dict)
        return found

    def output(self, task_id: str) -> str:
        return str(self.reaches(task_id, "SUCCEEDED")["result"]["output"])

    def _lines(self) -> str:
        assert self.process.poll() is None, self._said.read_text()
        return self._said.read_text()


def until(look: Any, why: Any) -> object:
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := look()):
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for part in ("functions", "shared", "infra"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    intents = tmp_path / "functions" / "execute"
    for declared in intents.glob("*/intent.py"):
        if declared.parent.name not in SHIPPED:
            shutil.rmtree(declared.parent)
    folder = intents / "redeem_voucher"
    folder.mkdir()
    (folder / "intent.py").write_text(INTENT)
    (folder / "main.py").write_text(MAIN)
    return tmp_path


@pytest.fixture
def here(project: Path) -> Iterator[Running]:
    running = Running(project)
    yield running
    stop(running)


def stop(running: Running) -> None:
    running.process.terminate()
    try:
        running.process.wait(20)
    finally:
        running.process.kill()


def test_a_changed_handler_serves_the_next_task_while_the_one_in_flight_ends_on_the_old_code(here: Running) -> None:
    here.send("t1", "Please redeem my voucher SAVE2024")
    here.reaches("t1", "EXECUTING")
    here.write("redeem_voucher", main=NEW)
    assert here.says("reloaded") == "reloaded redeem_voucher/main.py"
    here.send("t2", "Please redeem my voucher SAVE2025")
    assert here.output("t2") == "new SAVE2025"
    here.reaches("t1", "EXECUTING")
    (here.project / "go").touch()
    assert here.output("t1") == "old SAVE2024"


def test_what_is_saved_while_the_stack_starts_is_taken_up(project: Path) -> None:
    main = project / "functions/execute/redeem_voucher/main.py"
    main.write_text(f"{MAIN}\nfrom pathlib import Path\nPath(__file__).write_text({NEW!r})\n")
    running = Running(project)
    try:
        assert running.says("reloaded") == "reloaded redeem_voucher/main.py"
        running.send("t1", "Please redeem my voucher SAVE2024")
        assert running.output("t1") == "new SAVE2024"
    finally:
        stop(running)


def test_broken_code_is_one_line_and_the_old_code_serves_on_until_it_is_mended(here: Running) -> None:
    (here.project / "go").touch()
    here.write("redeem_voucher", main="def (")
    line = here.says("not reloaded")
    where = "functions/execute/redeem_voucher/main.py:1: SyntaxError: invalid syntax; correct the line"
    assert line == f"switchyard: not reloaded, the old code goes on: {where}"
    here.send("t1", "Please redeem my voucher SAVE2024")
    assert here.output("t1") == "old SAVE2024"
    here.write("redeem_voucher", main=NEW)
    here.says("reloaded redeem_voucher/main.py")
    here.send("t2", "Please redeem my voucher SAVE2025")
    assert here.output("t2") == "new SAVE2025"


def test_old_code_that_serves_on_meets_no_module_of_the_broken_one(here: Running) -> None:
    late = NEW.replace('return f"new', 'from functions.execute.redeem_voucher.words import WORD\n\n    return f"{WORD}')
    here.write("redeem_voucher", main=late, words='"""What is said."""\n\nWORD = "first"\n')
    here.says("reloaded redeem_voucher/main.py, redeem_voucher/words.py")
    here.send("t1", "Please redeem my voucher SAVE2024")
    assert here.output("t1") == "first SAVE2024"
    here.write("redeem_voucher", main="def (", words='"""What is said."""\n\nWORD = "second"\n')
    here.says("not reloaded")
    here.send("t2", "Please redeem my voucher SAVE2025")
    assert here.output("t2") == "first SAVE2025"


def test_a_declaration_that_no_function_can_be_made_of_is_one_line_too(here: Running) -> None:
    here.write("redeem_voucher", intent=INTENT.replace('Provider("shop", url="https://shop.example.com")', '"shop"'))
    said = here.says("not reloaded, the old code goes on: functions/execute")
    assert "provider is 'shop'; it must be Provider(" in said
    here.write("redeem_voucher", intent=INTENT, main=NEW)
    here.says("reloaded redeem_voucher/intent.py, redeem_voucher/main.py")
    here.send("t1", "Please redeem my voucher SAVE2024")
    assert here.output("t1") == "new SAVE2024"


def test_a_change_within_the_same_second_and_of_the_same_size_is_seen(here: Running) -> None:
    (here.project / "go").touch()
    handler = here.project / "functions" / "execute" / "redeem_voucher" / "main.py"
    changed_ns, draft = handler.stat().st_mtime_ns, here.project / "draft"
    draft.write_text(MAIN.replace("old", "new"))
    os.utime(draft, ns=(changed_ns, changed_ns + 1))
    draft.replace(handler)
    here.says("reloaded redeem_voucher/main.py")
    here.send("t1", "Please redeem my voucher SAVE2024")
    assert here.output("t1") == "new SAVE2024"


def test_a_new_folder_is_an_intent_and_a_deleted_one_ends_what_it_had(here: Running) -> None:
    narrow = INTENT.replace("NONE, Intent", "NONE, Intent, Limits").replace("NONE,\n", "NONE,\n    limits=Limits(1),\n")
    here.write("redeem_voucher", intent=narrow)
    here.says("reloaded redeem_voucher/intent.py")
    here.send("t1", "Please redeem my voucher SAVE2024")
    here.reaches("t1", "EXECUTING")
    here.send("t3", "Please redeem my voucher SAVE2026")  # waits in the queue: one at a time
    here.reaches("t3", "READY")
    shutil.rmtree(here.project / "functions" / "execute" / "redeem_voucher")
    here.says("redeem_voucher is gone, its messages end on its last code")
    here.write("gift_card", intent=GIFT_INTENT, main=GIFT_MAIN)
    here.says("new intent gift_card")
    here.send("t2", "Please send me the gift card my voucher SAVE2024")
    assert here.output("t2") == "gift SAVE2024"
    (here.project / "go").touch()
    assert here.output("t1") == "old SAVE2024"
    assert here.output("t3") == "old SAVE2026"


def test_switched_off_nothing_is_reloaded(project: Path) -> None:
    (project / "go").touch()
    running = Running(project, RELOAD="off")
    try:
        running.write("redeem_voucher", main=NEW)
        time.sleep(1.5)  # five looks
        running.send("t1", "Please redeem my voucher SAVE2024")
        assert running.output("t1") == "old SAVE2024"
    finally:
        stop(running)
