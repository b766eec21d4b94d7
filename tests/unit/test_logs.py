"""A log line holds ids, codes and numbers; whatever else is handed over stays out."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.logs import FIELDS, log, show_traceback, where


def line(message: str = "done", **fields: Any) -> dict[str, Any]:
    stream = io.StringIO()
    log("INFO", message, stream=stream, **fields)
    [text] = stream.getvalue().splitlines()
    entry: dict[str, Any] = json.loads(text)
    return entry


def test_line_is_one_json_object_in_the_format_of_cloud_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.logs.PROJECT", "p1")
    entry = line(task_id="t1", attempt=2, trace_id="a" * 32)
    assert (entry["severity"], entry["message"], entry["task_id"], entry["attempt"]) == ("INFO", "done", "t1", 2)
    assert entry["logging.googleapis.com/trace"] == "projects/p1/traces/" + "a" * 32


@pytest.mark.parametrize("name", ["payload", "parameters", "email", "headers", "exception", "authorization", "text"])
def test_field_that_is_not_listed_is_left_out(name: str) -> None:
    assert name not in FIELDS
    assert "sesame" not in json.dumps(line(**{name: "sesame"}))


@pytest.mark.parametrize(
    "value",
    ["my card is 4111", "a\nb", "a\x1b[31m", '{"a":1}', "<script>", "x" * 201, {"a": 1}, ["t1"], b"t1", object()],
)
def test_value_that_may_be_text_of_a_stranger_is_left_out(value: Any) -> None:
    assert "task_id" not in line(task_id=value)


@pytest.mark.parametrize("value", ["", None])
def test_empty_field_is_left_out(value: Any) -> None:
    assert "task_id" not in line(task_id=value)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_gets_a_readable_line() -> None:
    stream = Terminal()
    log("WARNING", "retry", stream=stream, function="execute-x", task_id="t1", payload="sesame", trace_id="a" * 32)
    text = stream.getvalue()
    assert "WARNING" in text
    assert "task_id=t1" in text
    assert "sesame" not in text
    assert "aaaa" not in text


def test_terminal_is_not_told_that_nothing_was_to_be_done() -> None:
    stream = Terminal()
    log("DEBUG", "nothing_to_do", stream=stream, function="resume")
    assert stream.getvalue() == ""


def test_numbers_have_no_more_digits_than_somebody_reads() -> None:
    assert line(latency_ms=1084.8839820000649, confidence=0.99941234)["latency_ms"] == 1084.884


def test_place_of_a_mistake_is_the_handlers_own_line_where_a_library_raised(tmp_path: Path) -> None:
    handler = tmp_path / "functions/execute/gift_card/main.py"
    handler.parent.mkdir(parents=True)
    handler.write_text("import json\n\njson.loads('sesame')\n")
    with pytest.raises(ValueError, match="Expecting") as raised:
        exec(compile(handler.read_text(), str(handler), "exec"))
    assert where(raised.value) == "gift_card/main.py:3"
    assert where(ValueError("never raised")) == ""


def traceback_on(stream: io.StringIO) -> str:
    try:
        raise ValueError("sesame\x1b[2J")
    except ValueError as error:
        show_traceback(error, stream=stream)
    return stream.getvalue()


def test_terminal_gets_the_traceback_of_a_developers_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BACKEND", raising=False)
    text = traceback_on(Terminal())
    assert "test_logs.py" in text
    assert "ValueError: sesame<U+001B>[2J" in text
    assert "\x1b" not in text


def test_traceback_is_on_the_terminal_also_where_lines_go_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    piped, terminal = io.StringIO(), Terminal()
    monkeypatch.delenv("BACKEND", raising=False)
    monkeypatch.setattr(sys, "stdout", piped)
    monkeypatch.setattr(sys, "stderr", terminal)
    show_traceback(ValueError("sesame"))
    assert (piped.getvalue(), terminal.getvalue()) == ("", "ValueError: sesame\n")


@pytest.mark.parametrize(("stream", "backend"), [(io.StringIO, "embedded"), (Terminal, "gcp")])
def test_traceback_is_for_a_terminal_on_a_local_backend_only(
    stream: type[io.StringIO], backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKEND", backend)
    assert traceback_on(stream()) == ""
