"""A file of Terraform variables in, their values out. Literals only, as the environments' files are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

from infra.errors import StackError

_TOKEN = re.compile(
    r"(?P<space>\s+|(?:#|//)[^\n]*|/\*.*?\*/)"
    r'|(?P<text>"(?:[^"\\\n]|\\.)*")'
    r"|<<(?P<dash>-?)(?P<tag>\w+)\n(?P<lines>.*?)^[ \t]*(?P=tag)$"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<mark>[\[\]{}=:,])"
    r"|(?P<other>\S+)",
    re.DOTALL | re.MULTILINE,
)
_WORDS = {"true": True, "false": False, "null": None}
_Token = tuple[str, str, int]  # kind, text, line


def read(path: Path) -> dict[str, Any]:
    """Return the variables that a file sets.

    Raises:
        StackError: it is missing, or holds what is no literal; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from None
    return _Reader(path.name, list(_tokens(text))).variables()


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found.lastgroup == "lines":
            yield "text", json.dumps(dedent(found["lines"]) if found["dash"] else found["lines"]), line
        elif found.lastgroup and found.lastgroup != "space":
            yield found.lastgroup, found.group(), line
    yield "end", "", text.count("\n") + 1


class _Reader:
    """Takes tokens from the left."""

    def __init__(self, name: str, tokens: list[_Token]) -> None:
        self._name, self._tokens = name, tokens[::-1]

    def variables(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._tokens[-1][0] != "end":
            name = self._take("name")
            self._take("mark", "=")
            found[name] = self._value()
        return found

    def _value(self) -> Any:
        kind, text, line = self._tokens.pop()
        if kind == "text":
            return json.loads(text)
        if kind == "number":
            return float(text) if re.search("[.eE]", text) else int(text)
        if kind == "name" and text in _WORDS:
            return _WORDS[text]
        if text == "[":
            return list(self._items("]"))
        if text == "{":
            return dict(self._pairs())
        raise self._refused(text, line)

    def _items(self, end: str) -> Iterator[Any]:
        while not self._is(end):
            yield self._value()
            self._is(",")

    def _pairs(self) -> Iterator[tuple[str, Any]]:
        while not self._is("}"):
            kind, text, line = self._tokens.pop()
            if kind not in ("name", "text"):
                raise self._refused(text, line)
            if not self._is(":"):
                self._take("mark", "=")
            yield (json.loads(text) if kind == "text" else text), self._value()
            self._is(",")

    def _is(self, mark: str) -> bool:
        """Take the mark if it is the next token."""
        if self._tokens[-1][:2] != ("mark", mark):
            return False
        self._tokens.pop()
        return True

    def _take(self, kind: str, text: str = "") -> str:
        found, said, line = self._tokens.pop()
        if found != kind or (text and said != text):
            raise self._refused(said, line)
        return said

    def _refused(self, text: str, line: int) -> StackError:
        return StackError(
            f"{self._name} line {line}: {text or 'the end'!r} is not expected: only literal values are read here"
        )
