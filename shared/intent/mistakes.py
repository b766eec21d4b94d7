"""Why a file of an intent cannot be imported: an exception in, one line that names place, field and fix out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from difflib import get_close_matches
from types import FrameType
from typing import Any

from shared.intent.declaration import Idempotency, Intent, Limits, Policy, Provider

_DECLARED = {declared.__name__: declared for declared in (Intent, Policy, Limits, Provider, Idempotency)}
_UNEXPECTED = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"(\w+)\.__init__\(\) missing \d+ required (?:positional|keyword-only) arguments?: (.*)")
# How pydantic-core tells of a schema that it cannot build: lines, the field in one of them, the cause last.
_FIELD = re.compile(r'Field "(\w+)"')
_PATTERN = re.compile(r"regex parse error:\n\s*(.*)\n[\s\S]*?error: (.*)")
MAX_CHARS = 300


def why(error: Exception, file: str) -> str:
    """Return `<file>:<line>: what is wrong and what to do`; without the line where the file is not to blame."""
    line, frame = _place(error, file)
    return f"{file}{f':{line}' if line else ''}: {words_of(error, frame)}"


def words_of(error: Exception, frame: FrameType | None = None) -> str:
    """Return what is wrong, in one line of at most 300 characters."""
    text = str(error)
    if isinstance(error, NameError) and error.name:
        near = like(error.name, {**frame.f_builtins, **frame.f_globals} if frame else ())
        return f"the name {error.name!r} is not defined;{near} import it, or correct its spelling"
    if isinstance(error, TypeError) and (match := _UNEXPECTED.fullmatch(text)) and match[1] in _DECLARED:
        names = [field.name for field in fields(_DECLARED[match[1]])]
        return f"{match[1]} has no field {match[2]!r};{like(match[2], names)} it has {', '.join(names)}"
    if isinstance(error, TypeError) and (match := _MISSING.fullmatch(text)) and match[1] in _DECLARED:
        return f"{match[1]} needs {match[2]}; add what is missing"
    if match := _PATTERN.search(text):
        where = f"field {field[1]!r}: " if (field := _FIELD.search(text)) else ""
        return f"{where}pattern {match[1]!r} cannot be used: {match[2]}; correct the pattern"
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}; correct the line"
    text = " ".join(text.partition("\n\n")[0].split())
    return f"import failed: {type(error).__name__}: {text}"[:MAX_CHARS]


def like(name: str, known: Iterable[str]) -> str:
    """Return ` did you mean 'x'?` for the known name that is most alike; nothing where none is."""
    found = get_close_matches(name, list(known), n=1)
    return f" did you mean {found[0]!r}?" if found else ""


def _place(error: Exception, file: str) -> tuple[int | None, FrameType | None]:
    """Return line and frame of the innermost place in `file` that the error went through."""
    if isinstance(error, SyntaxError):
        return (error.lineno if (error.filename or "").endswith(file) else None), None
    found: tuple[int | None, Any] = (None, None)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(file):
            found = trace.tb_lineno, trace.tb_frame
        trace = trace.tb_next
    return found
