"""A file signed and sent as its source would, at a stack to which nobody gave a secret."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.sources import SENDINGS
from tests.system.test_run import ROOT, environment, running
from tests.system.test_smoke import smoke

WEBHOOKS = ROOT / "tests/data/webhooks"
EVENTS = {
    "zendesk": "zendesk_ticket_created.json",
    "jira": "jira_issue_created.json",
    "slack": "slack_message.json",
    "github": "github_issue_opened.json",
    "stripe": "stripe_charge_updated.json",
}


def send(env: dict[str, str], *arguments: str, stdin: str = "") -> tuple[int, str]:
    """Run it, again after 503 as its source would; return its exit status and all that it said."""
    command = [sys.executable, "-m", "infra.send", *arguments]
    for _ in range(SENDINGS):
        ended = subprocess.run(command, env=env, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=60)
        if not ended.stdout.startswith("503 "):
            break
    return ended.returncode, ended.stdout + ended.stderr


def test_every_vendor_a_source_of_ones_own_and_the_canary_are_signed_for(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with running(env):
        for source, file in EVENTS.items():
            status, said = send(env, source, str(WEBHOOKS / file))
            assert (status, said[:4]) == (0, "202 "), said
        assert smoke(env)[0] == 0
        status, said = send(env, "my-crm", "-", stdin='{"id": "1", "text": "where is order #10021?"}')
        assert (status, said) == (
            2,
            "switchyard: MY_CRM_WEBHOOK_SECRET is not set; my-crm webhooks are refused until it is; start `make run` "
            "with it, and this command\n",
        )
    env = environment(tmp_path / "again") | {"MY_CRM_WEBHOOK_SECRET": "0123456789abcdef"}
    with running(env):
        status, said = send(env, "my-crm", "-", stdin='{"id": "1", "text": "where is order #10021?"}')
        assert (status, "task_id" in json.loads(said.partition(" ")[2])) == (0, True)
        status, said = send(env | {"MY_CRM_WEBHOOK_SECRET": "fedcba9876543210"}, "my-crm", "-", stdin="{}")
        assert (status, said[:4]) == (1, "401 ")


def test_what_is_missing_is_one_line(tmp_path: Path) -> None:
    env = environment(tmp_path, ZENDESK_WEBHOOK_SECRET="0123456789abcdef")
    assert send(env, "zendesk", "nowhere.json") == (
        2,
        "switchyard: nowhere.json cannot be read: No such file or directory\n",
    )
    assert send(env, "zendesk", "-") == (1, f"switchyard: no stack runs on {tmp_path}; start one with `make run`\n")
    status, said = send(env, "zendesk", "-", "--intake", "http://127.0.0.1:9")
    assert (status, said) == (1, "switchyard: intake at http://127.0.0.1:9 does not answer (ConnectError)\n")
