"""What holds for every answer, whatever came in: no 5xx but a real 503, nothing told, nothing large."""

from __future__ import annotations

import json
import re

from shared.logs import FIELDS
from tests.fuzz.case import CANARY, Answer, Broken

MAX_ANSWER_BYTES = 4096
MAX_LINE_BYTES = 8192
SECRET = "-secret-0123456789"
_PLACE = {f"logging.googleapis.com/{name}" for name in ("trace", "spanId", "trace_sampled")}
_FRAME = {"severity", "message", "time", *_PLACE}
_CONSTANT = re.compile(r"[a-z][a-z0-9_ ]{0,60}")
_TELLTALE = re.compile(r"Traceback|File \"|\.py\b|line \d|Error\b|Exception|pydantic|0x[0-9a-f]{6}")
# Written by the framework's router before any code of ours runs.
_ROUTER = {(405, b"Method Not Allowed"), (404, b"Not Found")}


def check(answer: Answer) -> None:
    """Raise Broken for the first promise that this answer breaks."""
    _status(answer)
    if answer.status >= 400:
        _error(answer)
    elif not answer.shows_records and len(answer.body) > MAX_ANSWER_BYTES:
        raise Broken("answer too large", f"{answer.status} with {len(answer.body)} bytes")
    for line in answer.lines:
        _line(line)


def _status(answer: Answer) -> None:
    if answer.status == 503 and answer.code in answer.expected_503:
        return
    if answer.status >= 500 or answer.status < 200:
        where = [line.get("operation") or line.get("error_code") for line in answer.lines]
        errors = [line.get("error_type") for line in answer.lines]
        raise Broken("5xx", f"{answer.status} {answer.code} {where} {errors} {answer.body[:200]!r}")


def _error(answer: Answer) -> None:
    if (answer.status, answer.body) in _ROUTER or not answer.body:  # HEAD has no body
        return
    if len(answer.body) > MAX_ANSWER_BYTES:
        raise Broken("answer too large", f"{answer.status} with {len(answer.body)} bytes")
    try:
        error = json.loads(answer.body)["error"]
        code, message = error["code"], error["message"]
    except (ValueError, KeyError, TypeError):
        raise Broken("error without its body", repr(answer.body[:200])) from None
    if set(error) != {"code", "message", "field"} or not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", code) or not message:
        raise Broken("error of another form", repr(answer.body[:200]))
    # `field` is a pointer made of the sender's keys: documented, and for the sender alone.
    if found := _TELLTALE.search(message) or re.search(re.escape(CANARY), message):
        raise Broken("error tells", f"{found[0]!r} in {message[:200]!r}")
    if SECRET in answer.body.decode():
        raise Broken("secret told", "in an answer")


def _line(line: dict[str, object]) -> None:
    text = json.dumps(line, ensure_ascii=False)
    if extra := set(line) - FIELDS - _FRAME:
        raise Broken("log line with unlisted fields", str(extra))
    if not _CONSTANT.fullmatch(str(line["message"])):
        raise Broken("log message is no constant", str(line["message"])[:200])
    if CANARY in text or SECRET in text or "Traceback" in text:
        raise Broken("log tells", text[:500])
    if len(text) > MAX_LINE_BYTES:
        raise Broken("log line too large", f"{len(text)} characters")
    if line.get("outcome") in ("internal", "unreadable"):
        raise Broken("unexpected error", f"{line.get('error_type')} at {line.get('operation')}")
