"""What the README tells to paste into a terminal while `make run` runs does what it says, as it is printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.sources import sent
from tests.system.test_run import ROOT, environment, running, state_of, until
from tests.unit.test_readme import blocks

SECRET = "0123456789abcdef"


Stack = tuple[dict[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield the environment of a terminal beside a running stack, and where it listens."""
    env = environment(tmp_path_factory.mktemp("stack"), MY_CRM_WEBHOOK_SECRET=SECRET)
    programs = tmp_path_factory.mktemp("bin")
    (programs / "switchyard").symlink_to(ROOT / ".venv/bin/switchyard")
    with running(env) as (_, here):
        # The local model learns with the first task, and what is pasted is not sent again where that takes its time.
        task = {"task_id": "helpdesk-0", "source": "helpdesk", "raw_payload": {"text": "Where is my order #47384?"}}
        assert sent(here["intake"], task).status_code == 202
        until(lambda: state_of(here["console"], "helpdesk-0") != "not there yet")
        yield env | {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(programs)}, here


def pasted(text: str, stack: Stack, *program: str) -> str:
    """Return what a block says, with the ports of this stack."""
    env, here = stack
    text = text.replace("http://127.0.0.1:8080", here["intake"]).replace("http://127.0.0.1:8081", here["console"])
    ended = subprocess.run([*program, text], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    return ended.stdout


def block(begins: str, language: str = "sh") -> str:
    (found,) = [text for text in blocks(language) if text.startswith(begins)]
    return found


def test_first_task_is_sent_shown_and_explained(stack: Stack) -> None:
    accepted, _, shown = pasted(block("curl -s http://127.0.0.1:8080/ "), stack, "bash", "-c").partition("}{")
    assert json.loads(accepted + "}")["task_id"] == "helpdesk-1"
    assert json.loads("{" + shown)["intent"] == "order_status"
    assert "helpdesk-1  SUCCEEDED  order_status" in pasted(block("mkdir -p ~/.local/bin"), stack, "bash", "-e", "-c")


def test_task_is_approved_as_it_was_seen(stack: Stack) -> None:
    wish = {"text": "Please refund $75.00 for order #10055, it broke", "requester": {"email": "kim@example.com"}}
    task = json.dumps({"task_id": "refund-1", "source": "helpdesk", "raw_payload": wish})
    send = block("curl -s http://127.0.0.1:8080/ ").replace("/helpdesk-1", "/refund-1")
    send = re.sub(r"-d '.*?\}'\n", lambda _: f"-d '{task}'\n", send, flags=re.DOTALL)
    shown = json.loads("{" + pasted(send, stack, "bash", "-c").partition("}{")[2])
    decide = block("curl -s http://127.0.0.1:8081/api/approvals/TASK")
    decide = decide.replace("TASK", "refund-1").replace("HASH", shown["params_hash"])
    assert json.loads(pasted(decide, stack, "bash", "-c"))["state"] == "READY"


def test_events_are_signed_and_sent(stack: Stack) -> None:
    said = pasted(block("switchyard send zendesk"), stack, "bash", "-e", "-c")
    assert [line[:15] for line in said.splitlines()] == ['202 {"task_id":"'[:15]] * 2
    said = pasted(block("import hashlib", "python"), stack, sys.executable, "-c")
    assert json.loads(said)["task_id"]
