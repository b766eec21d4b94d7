"""A log line holds ids, codes and numbers; whatever else is handed over stays out."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from shared.logs import FIELDS, log, show_traceback


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


@pytest.mark.parametrize(("stream", "backend"), [(io.StringIO, "embedded"), (Terminal, "gcp")])
def test_traceback_is_for_a_terminal_on_a_local_backend_only(
    stream: type[io.StringIO], backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKEND", backend)
    assert traceback_on(stream()) == ""
