"""One canonical JSON line per handled message, in Cloud Logging's format; readable lines on a terminal.

Only allow-listed fields pass: ids, hashes, codes and numbers. No payload, parameter, header or exception text ever.
A line that cannot be written, because its reader is gone or stands still or the disk is full, is counted and no more.
"""

from __future__ import annotations

import json
import os
import re
import select
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

PROJECT = os.environ.get("GOOGLE_CLOUD_PROJECT", "switchyard-local")
Severity = Literal["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"]

FIELDS = frozenset(
    {
        "function",
        "task_id",
        "source",
        "kind",
        "intent",
        "generation",
        "state_from",
        "state_to",
        "execution_time_ms",
        "latency_ms",
        "reasons",
        "tokens_used",
        "model",
        "confidence",
        "attempt",  # of the delivery; those of the task are `attempts`
        "attempts",
        "outcome",
        "error_code",
        "error_type",
        "field",
        "trace_id",
        "subscription",
        "message_id",
        "topic",
        "status",
        "count",
        "operation",
        "provider_status",
        "payload_sha256",
        "variable",
        "prompt_version",
        "overdue_s",
        "step_s",
        "wait_s",
        "approvals_waiting",
        "oldest_approval_s",
        "author",
    }
)
HANDLERS = "/functions/execute/"
DIGITS = 4  # of a fraction
PATIENCE_MS = 1000  # what a reader may be late for the first line; then it is not waited for until it has taken one
_lost = 0
_stalled = False
_around: Callable[[], str] | None = None
_encode = json.JSONEncoder(separators=(",", ":")).encode  # ASCII: no stream can refuse it
is_word = re.compile(r"[\w.:/@#*+-]{1,200}").fullmatch  # what may be said of anything, here and on spans


def log(severity: Severity, message: str, *, stream: TextIO | None = None, **fields: Any) -> None:
    """Write one line; of the fields, unlisted ones and unsafe and empty values are left out.

    `message` is a constant of our code, or what is wrong with a setting.
    """
    stream = stream or sys.stdout
    kept = {
        k: round(v, DIGITS) if isinstance(v, float) else v
        for k, v in fields.items()
        if k in FIELDS and (is_word(v) if isinstance(v, str) else isinstance(v, (int, float)))
    }
    if _is_terminal(stream):
        if severity == "DEBUG":  # that nothing was to be done is for whoever searches the log
            return
        words = " ".join(f"{k}={v}" for k, v in kept.items() if k not in ("function", "trace_id", "message_id"))
        say(f"{datetime.now():%H:%M:%S} {severity:<7} {kept.get('function', ''):<22} {message} {words}", stream)
        return
    entry: dict[str, Any] = {"severity": severity, "message": message, "time": datetime.now(UTC).isoformat(), **kept}
    say(_encode(entry | _place(str(kept.get("trace_id", "")))), stream)


def follow(around: Callable[[], str] | None) -> None:
    """From now on say in which span a line is written: `around` returns the current one in W3C's form, or nothing."""
    global _around
    _around = around


def _place(trace_id: str) -> dict[str, Any]:
    """Return where Cloud Logging shows a line: with its span; or else with the trace of its task, which began it."""
    _, *span = (_around() if _around else "").split("-")
    trace = f"projects/{PROJECT}/traces/{span[0] if span else trace_id}"
    if not span:
        return {"logging.googleapis.com/trace": trace} if trace_id else {}
    _, span_id, flags = span
    return {
        "logging.googleapis.com/trace": trace,
        "logging.googleapis.com/spanId": span_id,
        "logging.googleapis.com/trace_sampled": bool(int(flags, 16) & 1),
    }


def say(text: str, stream: TextIO | None) -> None:
    """Write `text` and a line break; if that fails, or would wait for long, it is lost and counted."""
    global _lost
    try:
        if stream is None or _stands_still(stream):
            raise BlockingIOError
        stream.write(f"{text}\n")
        stream.flush()
    except (OSError, ValueError):  # ValueError: it was closed
        _lost += 1


def lines_lost() -> int:
    """Return how many lines this process could not write."""
    return _lost


def _stands_still(stream: TextIO) -> bool:
    """Whether nothing takes what is written: a full pipe would hold up this thread, and so every request, for ever."""
    global _stalled
    try:
        poll = select.poll()
        poll.register(stream, select.POLLOUT)
    except (OSError, ValueError):  # it is no file; what is wrong with it shows when it is written to
        return False
    _stalled = not poll.poll(0 if _stalled else PATIENCE_MS)
    return _stalled


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def show_traceback(error: BaseException, *, stream: TextIO | None = None) -> None:
    """Show a developer where our or a handler's code broke: on a terminal of a local backend, else nothing at all.

    Exceptions may hold words of a payload: they are for eyes only, and cannot move the terminal's cursor.
    """
    terminal = next((s for s in ([stream] if stream else [sys.stdout, sys.stderr]) if _is_terminal(s)), None)
    if terminal and os.environ.get("BACKEND") != "gcp":
        text = "".join(traceback.format_exception(error)).rstrip("\n")
        say("".join(c if c.isprintable() or c == "\n" else f"<U+{ord(c):04X}>" for c in text), terminal)


def where(error: BaseException) -> str:
    """Return `folder/file:line` of what broke, in a handler's own code where it went through that; no data."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    handlers = [at for at in frames if HANDLERS in at[0]]
    file, line = next(iter(handlers[-1:] or frames[-1:]), ("", 0))
    return f"{'/'.join(file.split('/')[-2:])}:{line}" if file else ""
