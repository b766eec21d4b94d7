"""Spans of this machine: whole lines from several processes, bounded, and found by what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared import span_file
from shared.span_file import SpanFile, spans_about


def line(trace: str, span: str, task: str = "", links: str = "") -> str:
    context = {"trace_id": f"0x{trace * 32}", "span_id": f"0x{span * 16}", "trace_state": "[]"}
    linked = [{"context": context | {"trace_id": f"0x{other * 32}"}, "attributes": {}} for other in links]
    attributes = {"switchyard.task.id": task} if task else {}
    told = {"name": span, "context": context, "status": {"status_code": "UNSET"}, "attributes": attributes}
    return json.dumps(told | {"links": linked}) + "\n"


def names(folder: Path, task_id: str) -> list[str]:
    return [span["name"] for span in spans_about(folder, task_id)]


def test_all_spans_of_the_traces_that_tell_of_a_task_are_found(tmp_path: Path) -> None:
    first, second = SpanFile(tmp_path), SpanFile(tmp_path)
    first.write(line("a", "1") + line("b", "2", task="t2"))
    second.write(line("a", "3", task="t1"))
    assert names(tmp_path, "t1") == []
    first.flush()
    second.flush()
    assert names(tmp_path, "t1") == ["1", "3"]
    assert names(tmp_path, "t") == []


def test_what_was_done_for_a_task_among_others_is_found_with_all_that_is_part_of_it(tmp_path: Path) -> None:
    writer = SpanFile(tmp_path)
    writer.write(line("a", "1", task="t1") + line("b", "2", task="t2") + line("c", "3", task="t3"))
    writer.write(line("a", "4", links="b") + line("a", "5"))  # the call for both, and a part of it
    writer.flush()
    assert names(tmp_path, "t2") == ["1", "2", "4", "5"]
    assert names(tmp_path, "t3") == ["3"]


def test_a_task_whose_id_is_a_word_of_every_span_finds_its_own(tmp_path: Path) -> None:
    writer = SpanFile(tmp_path)
    writer.write(line("a", "1", task="t1") + line("b", "2", task="UNSET"))
    writer.flush()
    assert names(tmp_path, "UNSET") == ["2"]


def test_two_files_are_kept_and_the_older_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_file, "MAX_BYTES", 400)
    writer = SpanFile(tmp_path)
    for n in "123456789":
        writer.write(line("a", n, task="t1"))
        writer.flush()
    found = names(tmp_path, "t1")
    assert found == list("123456789")[-len(found) :]
    assert 2 <= len(found) < 9
    assert all(path.stat().st_size <= 400 for path in (tmp_path / "traces").iterdir())


def test_a_line_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    writer = SpanFile(tmp_path)
    writer.write(line("a", "1", task="t1") + line("a", "2")[:-20] + "\n" + "[]\n\xff\n" + line("a", "3"))
    writer.flush()
    assert names(tmp_path, "t1") == ["1", "3"]


def test_a_disk_that_takes_nothing_costs_the_spans_alone(tmp_path: Path) -> None:
    (tmp_path / "traces").write_text("in the way")
    writer = SpanFile(tmp_path)
    writer.write(line("a", "1", task="t1"))
    writer.flush()
    assert names(tmp_path, "t1") == []
