"""`make calibrate` from a file of labels, or of tickets and a recorded run, to a certificate."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.calibrate.__main__ import main
from infra.evaluate.recording import Recorder
from infra.evaluate.route import WRITER, ask
from infra.evaluate.tickets import Ticket
from infra.evaluate.tickets import write as write_tickets
from shared.certificate import parse
from shared.intent.registry import discover
from shared.model.artefact import load as load_weights
from shared.model.question import Answer
from shared.settings import load
from shared.task.label import Label
from tests.unit.infra.calibrate.made import HOURLY, WRONG, label, written

YESTERDAY = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture(autouse=True)
def defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CERTIFICATE", "CERTIFICATION", "CONFIDENCE_THRESHOLD", "AUTOMATIC", "DISABLED_INTENTS"):
        monkeypatch.delenv(name, raising=False)


def lately(*kinds: Mapping[str, Any], each: int) -> list[Label]:
    """Return so many labels of each kind in turn, one an hour until yesterday."""
    total = each * len(kinds)
    times = (YESTERDAY - (total - n) * HOURLY for n in range(total))
    return [label(n, **{"at": at, **kinds[n % len(kinds)]}) for n, at in enumerate(times)]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    shown = capsys.readouterr()
    return " ".join((shown.out + shown.err).split())


def test_labels_become_a_certificate_with_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, modest = {"confidence": 0.93}, {"confidence": 0.71, "said": "ticket_summary", "intent": "ticket_summary"}
    path = written(tmp_path / "labels.jsonl", lately(good, good, modest, {"said": "unclassified", **WRONG}, each=130))
    out, drawn = tmp_path / "certificate.json", tmp_path / "pictures"
    assert main([str(path), "--out", str(out), "--pictures", str(drawn)]) == 0
    shown = said(capsys)
    assert "look 2 of 4, for 95% at a risk of 1.25%" in shown
    assert "0.4 375 375 0.9884 the loosest that is proven" in shown
    assert "order_status 250 250 1.000 ticket_summary 125 125 1.000" in shown
    assert "of 24.0 tickets a day (22 days), 18.0 would be sure enough, and 18.0 run by themselves" in shown
    made = parse(out.read_text())
    assert (made.look, made.decisions, set(made.intents)) == (2, 500, {"order_status", "ticket_summary"})
    assert {p.name for p in drawn.iterdir()} == {"walk-pool.svg", "reliability-pool.svg"}
    assert all(ET.fromstring(p.read_text()).tag.endswith("svg") for p in drawn.iterdir())


def test_what_a_folder_teaches_word_for_word_is_no_proof(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taught = next(iter(discover()["order_status"].examples))
    path = written(tmp_path / "labels.jsonl", lately({"text": "where is it?"}, {"text": f"{taught.upper()}!"}, each=70))
    assert main([str(path), "--one-look", "--out", str(tmp_path / "c.json")]) == 1
    shown = said(capsys)
    assert "left out, because an intent's folder teaches them word for word: 70" in shown
    assert "it takes 93" in shown
    assert not (tmp_path / "c.json").exists()


def test_tickets_with_a_recorded_run_count_as_drawn_on_probation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tickets = [Ticket(f"t{n}", f"I cannot log in, said customer {n}", "password_reset") for n in range(90)]
    tickets += [Ticket(f"o{n}", f"what is the weather on day {n}", "out_of_scope", "far") for n in range(60)]
    write_tickets(tmp_path / "tickets.jsonl", tickets)
    registry, settings = discover(), load({})
    run = Recorder(tmp_path / "run.jsonl", "m", ask(tickets[0], registry, settings).question.version)
    for ticket in tickets:
        intent = "password_reset" if ticket.id.startswith("t") else "unclassified"
        parameters = {"email": WRITER} if intent == "password_reset" else {}
        answer = json.dumps({"intent": intent, "parameters": parameters, "confidence": 0.9})
        run.add(ticket, Answer(answer, "m", 10, 1.0), "")
    run.close()
    out = tmp_path / "c.json"
    arguments = [str(tmp_path / "tickets.jsonl"), "--recorded", str(tmp_path / "run.jsonl"), "--out", str(out)]
    assert main([*arguments, "--one-look", "--target", ".9"]) == 0
    assert "how many tickets that is a day, these labels do not say" in said(capsys)
    made = parse(out.read_text())
    (line,) = made.lines
    assert (line.intents, line.right, line.counted, made.acted_share) == (("password_reset",), 90, 90, 0.6)


def test_what_decisions_teach_is_written_with_its_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    things = ("app", "shop", "page", "portal", "tablet", "phone", "laptop", "profile")
    texts = [f"{begins} my password for the {t}" for t in things for begins in ("I forgot", "please reset", "I lost")]
    decided = {"intent": "password_reset", "said": "unclassified", "verdict": "relabelled", "right": False}
    path = written(tmp_path / "labels.jsonl", lately(*({**decided, "text": text} for text in texts), each=1))
    out, weights = tmp_path / "c.json", tmp_path / "model.bin"
    assert main([str(path), "--teach", str(weights), "--out", str(out), "--one-look", "--target", ".8"]) == 0
    assert "taught by 24 decisions" in said(capsys)
    assert load_weights(weights.read_bytes(), discover()).name == parse(out.read_text()).model


def test_a_run_of_another_question_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tickets(tmp_path / "tickets.jsonl", [Ticket("t1", "sum it up", "ticket_summary")])
    Recorder(tmp_path / "run.jsonl", "m", "another").close()
    assert main([str(tmp_path / "tickets.jsonl"), "--recorded", str(tmp_path / "run.jsonl")]) == 1
    assert "was asked question another" in said(capsys)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--target", "1.5"], "--target is 1.5; it must lie between 0 and 1"),
        (["--target", "0.2"], "--target goes from 0.5 to 0.999"),
        (["--delta", "0"], "--delta is 0; it must"),
        (["--days", "0"], "--days is 0; it must be from 1 to"),
        (["--audit-share", "2"], "--audit-share is 2"),
        (["--without", "order_stat"], "--without has 'order_stat', which is no intent; did you mean 'order_status'"),
        (["--model", "x"], "none of them is --model x"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "labels.jsonl", lately({}, each=3))
    assert main([str(path), *arguments]) == 1
    assert says in said(capsys)
