"""A ticket tried from end to end: what the screen and its JSON say is what the real steps, gate and sandbox did."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.trial import main
from infra.trial.gate import CHECKS

ROOT = Path(__file__).parents[2]
WEBHOOKS = ROOT / "tests" / "data" / "webhooks"
REFUND = "Please refund $25.00 for order #10021, it arrived broken"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project, to be changed."""
    for part in ("functions", "shared", "infra"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def tried(capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    status = main([*arguments, "--json"])
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return status, said


def refused(capsys: Capture, *arguments: str) -> str:
    """Return the one line of a ticket that cannot be tried."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def results(said: dict[str, Any]) -> dict[str, str]:
    return {check["wants"]: check["result"] for check in said["gate"]}


def test_a_ticket_goes_its_whole_way_to_the_effect(capsys: Capture) -> None:
    status, said = tried(capsys, "refund_request", "--text", REFUND)
    assert (status, said["state"]) == (0, "SUCCEEDED")
    assert said["event"]["texts"] == {"/text": REFUND}
    assert said["event"]["requester"] == {"email": "kim@example.com"}
    assert said["parameters"] == {"order_id": "#10021", "amount_minor": 2500, "currency": "USD"}
    assert said["plan"] == "Refund 25.00 USD of order 10021 through Stripe"
    assert {c["method"] for c in said["plan_calls"]} == {"GET"}
    *looks, write = [(c["method"], bool(c["key"])) for c in said["calls"]]
    assert (set(looks), write) == ({("GET", False)}, ("POST", True))
    assert [e["amount_minor"] for e in said["effects"]] == [2500]
    failed = [(c["wants"], c["reasons"]) for c in said["gate"] if c["result"] == "fail"]
    assert failed == [("policy lets it run without a person", ["policy: money intents need a person"])]
    assert "approved here" in said["approval"]


def test_the_screen_shows_each_part_and_folds_the_instructions(capsys: Capture) -> None:
    assert main(["refund_request", "--text", REFUND]) == 0
    screen = capsys.readouterr().out
    parts = [line.split()[0] for line in screen.splitlines() if not line.startswith(" ")]
    assert parts == ["event", "question", "answer", "gate", "plan", "approval", "provider", "state"]
    assert "Sort a support" not in screen
    assert main(["refund_request", "--text", REFUND, "--verbose"]) == 0
    assert "Sort a support" in capsys.readouterr().out


def test_words_of_a_ticket_cannot_move_the_cursor(capsys: Capture) -> None:
    answer = json.dumps({"intent": "\x1b[2Jhidden", "parameters": {}, "confidence": 1})
    main(["--text", "hello", "--answer", answer.replace("\\u001b", "\x1b")])
    screen = capsys.readouterr().out
    assert "\x1b" not in screen
    assert "<U+001B>[2Jhidden" in screen


def test_another_intent_than_the_classifiers_is_tried_with_what_the_text_states_for_it(capsys: Capture) -> None:
    status, said = tried(capsys, "cancel_order", "--text", REFUND)
    assert json.loads(said["answer"]["instead_of"])["intent"] == "refund_request"
    assert json.loads(said["answer"]["text"]) == {
        "intent": "cancel_order",
        "parameters": {"order_id": "#10021"},
        "confidence": 0.0,
    }
    assert results(said)["the confidence is high enough"] == "fail"
    assert (status, said["state"]) == (0, "SUCCEEDED")
    assert [(e["operation"], e["subject"]) for e in said["effects"]] == [("cancel", "10021")]


def test_a_pretended_answer_goes_through_the_same_gate(capsys: Capture) -> None:
    order = {"intent": "order_status", "parameters": {"order_id": "99999"}, "confidence": 1}
    _, said = tried(capsys, "--text", "where is order 10021?", "--answer", json.dumps(order))
    (provenance,) = [c for c in said["gate"] if c["wants"] == "the parameters come from the event"]
    assert provenance["reasons"] == ["provenance: order_id is not in the text"]
    assert said["answer"]["model"] == "pretended"


def test_an_unreadable_answer_reaches_no_further_check_and_no_handler(capsys: Capture) -> None:
    status, said = tried(capsys, "--text", "hello", "--answer", "sure!")
    first, *others = results(said).values()
    assert (first, set(others)) == ("fail", {"not reached"})
    assert (status, said["state"], said["calls"], said["effects"]) == (1, "AWAITING_APPROVAL", [], [])


def test_an_answer_without_an_intent_of_ours_fails_the_second_check(capsys: Capture) -> None:
    answer = {"intent": "launch_rocket", "parameters": {}, "confidence": 1}
    _, said = tried(capsys, "--text", "hello", "--answer", json.dumps(answer))
    first, second, *others = results(said).values()
    assert (first, second, set(others)) == ("pass", "fail", {"not reached"})


def test_what_the_handler_refuses_is_said_with_the_line_of_the_handler(capsys: Capture) -> None:
    status, said = tried(capsys, "--text", "Please refund $25.00 for order #40410, it arrived broken")
    assert (status, said["state"], said["error"]["code"], said["effects"]) == (1, "FAILED", "no_payment", [])
    assert said["plan"] == "would fail: the order has no payment in USD (no_payment)"
    (planned, handled) = said["raised"]
    assert (planned["function"], handled["function"]) == ("plan", "handle")
    assert handled["words"] == "Permanent(no_payment) the order has no payment in USD"
    assert re.fullmatch(r"payments\.py:\d+", handled["where"])
    assert handled["traceback"] == ""


def test_a_file_with_a_task_keeps_its_id_and_its_requester(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "ticket.json"
    file.write_text(json.dumps({"task_id": "t1", "source": "shop", "raw_payload": {"text": REFUND}}))
    status, said = tried(capsys, "--file", str(file))
    assert (said["event"]["task_id"], said["event"]["source"], said["event"]["requester"]) == ("t1", "shop", {})
    assert results(said)["the requester is known, and below the rate"] == "fail"
    assert (status, said["calls"][-1]["key"]) == (0, "t1.refund_request.1")


def test_a_webhook_is_read_as_intake_reads_it(capsys: Capture) -> None:
    _, said = tried(capsys, "--file", str(WEBHOOKS / "zendesk_ticket_created.json"), "--source", "zendesk")
    assert set(said["event"]["texts"]) == {"/detail/subject", "/detail/description"}
    assert said["event"]["source"] == "zendesk"


def test_a_text_that_is_cut_is_said(tmp_path: Path, capsys: Capture) -> None:
    text = "Where is order #10021?\n> quoted\n" + "word " * 2_000
    _, said = tried(capsys, "--text", text)
    assert said["event"]["cuts"] == [f"/text: 8,000 of {len(text):,} characters are read"]
    file = tmp_path / "long.json"
    file.write_text(json.dumps(dict.fromkeys(("subject", "body", "description"), "x" * 7000)))
    _, said = tried(capsys, "--file", str(file), "--source", "shop")
    assert len(said["event"]["cuts"]) == 3
    assert said["event"]["cuts"][0].endswith("of 7,000 characters are asked about")


def test_every_code_of_the_gate_is_shown_with_its_check() -> None:
    known = {code for _, codes in CHECKS for code in codes}
    sources = [*(ROOT / "shared/gate").glob("*.py"), ROOT / "shared/intent/provenance.py"]
    codes = {code for path in sources for code in re.findall(r'f?"([a-z_]{4,}): ', path.read_text())}
    assert {"low_confidence", "provenance", "audit"} <= codes
    assert codes <= known


def test_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    tried(capsys, "refund_request", "--text", REFUND)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("nope", "--text", "x"), "switchyard: there is no intent 'nope'; choose one of cancel_order, "),
        (("refund_request",), "switchyard: there is no ticket: give its words as TEXT"),
        (("--text", " "), "switchyard: TEXT is empty"),
        (("--text", "x", "--source", "Not A Name"), "switchyard: source: String should match"),
        (("--file", "no/such.json"), "switchyard: no/such.json cannot be read: No such file"),
        (("--file", str(WEBHOOKS / "jira_issue_created.json")), "switchyard: say whose webhook"),
        (("--file", str(WEBHOOKS / "slack_bot_message.json"), "--source", "slack"), "switchyard: intake ignores"),
        (("--file", str(WEBHOOKS / "README.md")), f"switchyard: {WEBHOOKS}/README.md: "),
        (("--file", "x", "--email", "a@b.c"), "switchyard: EMAIL goes with TEXT"),
    ],
)
def test_what_cannot_be_tried_is_one_line(arguments: tuple[str, ...], line: str, capsys: Capture) -> None:
    assert refused(capsys, *arguments).startswith(line)


def test_a_model_that_cannot_be_asked_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("CLASSIFIER", "gemini")
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    assert "GEMINI_API_KEY is empty" in refused(capsys, "--text", "x")


def test_a_mistake_of_the_handler_is_shown_with_its_traceback(project: Path) -> None:
    handler = project / "functions/execute/ticket_summary/main.py"
    handler.write_text(handler.read_text() + "\n\nasync def handle(params, ctx):\n    return {}['nope']\n")
    answer = json.dumps({"intent": "ticket_summary", "parameters": {"summary": "It is slow."}, "confidence": 1})
    command = [sys.executable, "-m", "infra.trial", "--text", "It is slow.", "--answer", answer]
    done = subprocess.run(
        command, cwd=project, env={"PYTHONPATH": str(project)}, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(r"^handler   handle\(\) raised KeyError: 'nope' at main.py:\d+$", done.stdout, re.MULTILINE)
    assert "return {}['nope']" in done.stdout
    assert "watched.py" not in done.stdout
