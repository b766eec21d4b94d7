"""A case in, through a deployed function's ASGI app in this process, its answer and log lines out."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp, Message

from tests.fuzz.case import Answer, Broken, Case

CHUNK = 50_000


class Output(io.StringIO):
    """Standard output and error of the functions, emptied by every look."""

    def take(self) -> str:
        """Return what was written since the last look."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


@contextlib.contextmanager
def captured() -> Iterator[tuple[Output, Output]]:
    """Redirect standard output and error, and what the root logger says, for as long as apps are called."""
    out, err = Output(), Output()
    handler = logging.StreamHandler(err)
    logging.getLogger().addHandler(handler)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield out, err
    finally:
        logging.getLogger().removeHandler(handler)


class Wire:
    """Calls apps while their output is captured."""

    def __init__(self, out: Output, err: Output) -> None:
        self._out, self._err = out, err

    async def call(self, app: ASGIApp, case: Case, **expected: Any) -> Answer:
        """Send the case and return the answer; `expected` are fields of `Answer`.

        Raises:
            Broken: an exception left the app, or something other than a log line was written.
        """
        started: Message = {}
        body = bytearray()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                body.extend(message.get("body", b""))

        self._out.take()
        try:
            await app(_scope(case), _receive(case), send)
        except Exception as error:
            raise Broken("exception escapes", f"{type(error).__name__}: {error}") from error
        headers = {name.decode(): value.decode("latin-1") for name, value in started.get("headers", [])}
        return Answer(started.get("status", 0), headers, bytes(body), self._lines(), **expected)

    def _lines(self) -> tuple[dict[str, Any], ...]:
        if noise := self._err.take():
            raise Broken("writes to standard error", noise[:500])
        written = self._out.take()
        try:
            return tuple(json.loads(line) for line in written.splitlines())
        except ValueError:
            raise Broken("writes something other than log lines", written[:500]) from None


def _receive(case: Case) -> Any:
    size = len(case.body) if case.arrival == "whole" else CHUNK
    pieces = [case.body[i : i + size] for i in range(0, len(case.body), size or 1)] or [b""]
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if case.arrival == "cut":
        messages[-1:] = []
    else:
        messages[-1]["more_body"] = False
    messages.reverse()

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def _scope(case: Case) -> dict[str, Any]:
    pairs = [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in case.headers]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": case.method,
        "scheme": "http",
        "path": case.path,
        "raw_path": quote(case.path, errors="replace").encode(),
        "query_string": case.query.encode("utf-8", "replace"),
        "root_path": "",
        "headers": pairs,
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
    }
