"""A run that was recorded: read back as it was, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.errors import StackError
from infra.evaluate.recording import Recorder, read
from shared.errors import ModelRefused
from shared.model.question import Answer
from tests.unit.infra.evaluate.verdicts import ticket

ANSWER = Answer('{"intent": "refund_request"}', "gemini", 900, 412.5)
HEAD = {"switchyard_run": 1, "classifier": "local", "prompt_version": "abc"}
LINE = {
    "id": "t1",
    "text_sha256": "0",
    "answer": "{}",
    "model": "m",
    "tokens_used": 1,
    "latency_ms": 2.5,
    "failure": "",
}


def recorded(path: Path) -> None:
    recorder = Recorder(path, "CLASSIFIER=genai", "abc123")
    recorder.add(ticket(1), ANSWER, "")
    recorder.add(ticket(2), None, "safety_block")
    recorder.close()


def test_answers_and_failures_come_back_as_they_were(tmp_path: Path) -> None:
    recorded(tmp_path / "run.jsonl")
    found = read(tmp_path / "run.jsonl")
    assert (found.classifier, found.prompt_version) == ("CLASSIFIER=genai", "abc123")
    assert found.answer(ticket(1)) == ANSWER
    with pytest.raises(ModelRefused) as refused:
        found.answer(ticket(2))
    assert refused.value.code == "safety_block"


def test_a_ticket_that_is_not_in_it_or_has_another_text_is_refused(tmp_path: Path) -> None:
    recorded(tmp_path / "run.jsonl")
    found = read(tmp_path / "run.jsonl")
    with pytest.raises(StackError, match="has no answer for ticket 't3'; record a run over these tickets"):
        found.answer(ticket(3))
    with pytest.raises(StackError, match="ticket 't1' had another text when it was recorded"):
        found.answer(ticket(1, text="another text"))


def test_a_run_that_broke_off_goes_on_and_asks_again_what_failed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded(path)
    recorder = Recorder(path, "CLASSIFIER=genai", "abc123")
    assert [recorder.known(ticket(n)) for n in (1, 2, 3)] == [ANSWER, None, None]
    with pytest.raises(StackError, match="ticket 't1' had another text"):
        recorder.known(ticket(1, text="another text"))
    recorder.add(ticket(2), ANSWER, "")
    recorder.close()
    assert [read(path).answer(ticket(n)) for n in (1, 2)] == [ANSWER, ANSWER]


@pytest.mark.parametrize(("classifier", "version"), [("CLASSIFIER=local", "abc123"), ("CLASSIFIER=genai", "abc124")])
def test_a_recording_of_another_run_is_left_as_it_is(tmp_path: Path, classifier: str, version: str) -> None:
    path = tmp_path / "run.jsonl"
    recorded(path)
    before = path.read_bytes()
    with pytest.raises(StackError, match="is of another classifier, or of other intents; name another file"):
        Recorder(path, classifier, version)
    assert path.read_bytes() == before
    with pytest.raises(StackError, match="cannot be written: No such file"):
        recorded(tmp_path / "nowhere" / "run.jsonl")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "holds no run; write one with --record"),
        ([LINE], "line 1, field 'switchyard_run': must be 1 in the first line"),
        ([HEAD | {"switchyard_run": 2}], "line 1, field 'switchyard_run'"),
        ([HEAD | {"classifier": 1}], "line 1, field 'classifier': is missing or of another kind"),
        ([HEAD, LINE, LINE], "line 3, field 'id': 't1' stands there twice; record the run anew"),
        ([HEAD, LINE | {"answer": 5}], "line 2, field 'answer'"),
        ([HEAD, {k: v for k, v in LINE.items() if k != "answer"}], "line 2, field 'answer'"),
        ([HEAD, LINE | {"tokens_used": True}], "line 2, field 'tokens_used'"),
        ([HEAD, LINE | {"latency_ms": -1}], "line 2, field 'latency_ms': must not be negative"),
        ([HEAD, "text"], "line 2: "),
    ],
)
def test_a_line_that_is_none_of_a_run_is_named(tmp_path: Path, lines: list[object], words: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(StackError) as refused:
        read(path)
    assert words in str(refused.value)
