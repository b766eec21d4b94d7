"""One hostile input, what came of it, and its form on disk, from which it can be replayed."""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Arrival = Literal["whole", "chunks", "cut"]

# Stands for what no answer and no log line may repeat. No identifier may hold a space, so it cannot pass for one.
CANARY = "sesame 4711!"


class Broken(BaseException):
    """A promise that an input broke: `promise` is a stable word, `detail` says what was seen.

    No `Exception`: it is raised below the code under test as well, and has to come out of it.
    """

    def __init__(self, promise: str, detail: str) -> None:
        super().__init__(f"{promise}: {detail}")
        self.promise = promise


@dataclass(frozen=True, slots=True)
class Case:
    """One request, and the scene it meets: what is stored, deployed, signed. Each target knows its scenes.

    Text of path, query and headers goes onto the wire as UTF-8. `arrival` is how the body comes: in one piece, in
    several, or with the caller gone before its end.
    """

    target: str
    scene: str
    body: bytes = b""
    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    arrival: Arrival = "whole"

    def but(self, **changes: Any) -> Case:
        """Return this case with other values."""
        return dataclasses.replace(self, **changes)

    def save(self, path: Path) -> None:
        """Write the case as JSON: the body as text where it is some, else packed."""
        members = dataclasses.asdict(self)
        body = members.pop("body")
        if len(body) <= 4096 and body.isascii() and body.decode().isprintable():
            members["body"] = body.decode()
        else:
            members["packed_body"] = base64.b64encode(zlib.compress(body, 9)).decode()
        path.write_text(json.dumps(members, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Case:
        """Return the case that `save` wrote."""
        members = json.loads(path.read_text())
        packed = members.pop("packed_body", None)
        body = zlib.decompress(base64.b64decode(packed)) if packed else members.pop("body").encode()
        headers = tuple((name, value) for name, value in members.pop("headers"))
        return cls(**members, body=body, headers=headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an app answered, and the log lines it wrote meanwhile.

    `expected_503` are the codes that are real here; `came_of_it` tells apart what looks the same from outside.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    lines: tuple[dict[str, Any], ...]
    shows_records: bool = False
    expected_503: frozenset[str] = frozenset()
    came_of_it: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The stable code of an error answer, or an empty string."""
        if not self.body.startswith(b'{"error"'):
            return ""
        return str(json.loads(self.body)["error"]["code"])

    @property
    def signature(self) -> tuple[Any, ...]:
        """What tells this behaviour from others: the feedback of the fuzzer."""
        said = tuple((line.get("outcome"), line.get("error_code"), line.get("state_to")) for line in self.lines)
        return (self.status, self.code, said, self.came_of_it)
