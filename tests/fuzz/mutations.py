"""Changes to an input that keep most of its form: members of JSON, bytes, headers, base64 within JSON."""

from __future__ import annotations

import base64
import json
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.fuzz import hostile
from tests.fuzz.case import Case

MAX_PARSED_BYTES = 32 * 1024
MAX_PARSED_NODES = 250  # deeper trees are not worth a writer without recursion
CONTENT_TYPES = (
    *("application/json", "application/json; charset=utf-8", "application/json;charset=latin-1", "text/plain", ""),
    *("APPLICATION/JSON", "application/json;;", "application/x-www-form-urlencoded", "application/cloudevents+json"),
)
HOSTS = (
    "127.0.0.1",
    "localhost",
    "[",
    "[::1",
    "[::1]:8081",
    "evil.example.com",
    "",
    "a b",
    "127.0.0.1:x",
    "\u2100",
    "@/?#",
)
READ_HEADERS = ("host", "traceparent", "x-cloud-trace-context", "authorization", "x-goog-iap-jwt-assertion")
LENGTHS = ("0", "5", "262144", "262145", "9" * 30, "-1", "1e3", "\u00b2", "0x10", "")
METHODS = ("GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "")


class Raw(str):
    """JSON text that stands as it is: numbers keep their spelling, and what is no JSON can stand among it."""


class Members(list[tuple[str, Any]]):
    """An object that may have the same key twice."""


def read(body: bytes) -> Any:
    """Return the tree in a body; None if there is none, or if it is large or deep."""
    if len(body) > MAX_PARSED_BYTES or body.count(b"[") + body.count(b"{") > MAX_PARSED_NODES:
        return None
    try:
        return json.loads(body, object_pairs_hook=Members, parse_int=Raw, parse_float=Raw, parse_constant=Raw)
    except (ValueError, RecursionError):
        return None


def write(node: Any) -> str:
    """Return the text of a tree."""
    if isinstance(node, Raw):
        return node
    if isinstance(node, Members):
        return "{" + ",".join(f"{json.dumps(k)}:{write(v)}" for k, v in node) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(write, node)) + "]"
    return json.dumps(node, ensure_ascii=False)


def json_body(rng: random.Random, body: bytes, other: bytes = b"") -> bytes:
    """Return the body with a few values, members or bytes changed."""
    tree = read(body)
    if tree is None or rng.random() < 0.15:
        return raw_bytes(rng, body, other)
    places, donors = _places(tree), _places(read(other)) or _places(tree)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not places:
            return hostile.value(rng).encode("utf-8", "replace")
        # The fewer levels down, the likelier: most of the form that we check is near the top.
        container, index = places[int(len(places) * rng.random() ** 2)]
        _change(rng, container, index, rng.choice(donors) if donors else (container, index))
    return write(tree).encode("utf-8", "surrogatepass")


def _places(tree: Any) -> list[tuple[Any, int]]:
    """Return every place of a value in the tree, as its container and its index there, level by level."""
    found: list[tuple[Any, int]] = []
    waiting = deque([tree])
    while waiting and len(found) < 300:
        node = waiting.popleft()
        if isinstance(node, list):
            found += [(node, i) for i in range(len(node))]
            waiting += [child[1] if isinstance(node, Members) else child for child in node]
    return found


def _change(rng: random.Random, container: Any, index: int, donor: tuple[Any, int]) -> None:
    if index >= len(container):  # an earlier change took it away
        return
    name, old = container[index] if isinstance(container, Members) else ("", container[index])

    def put(value: Any, key: str = name) -> None:
        container[index] = (key, value) if isinstance(container, Members) else value

    match rng.randrange(12):
        case 0:
            del container[index]
        case 1:
            put(old, hostile.key(rng))
        case 2:  # the same member again, with another value
            container.append((name, Raw(hostile.value(rng))) if isinstance(container, Members) else old)
        case 3 if isinstance(container, Members):
            container.append((hostile.key(rng), Raw(hostile.value(rng))))
        case 4 if isinstance(old, str) and not isinstance(old, Raw):
            put(_within(rng, old))
        case 5:
            put([old] if rng.random() < 0.5 else Members([(hostile.key(rng), old)]))
        case 6 | 7 if donor[1] < len(donor[0]):
            given, at = donor
            name, value = given[at] if isinstance(given, Members) else ("", given[at])
            if isinstance(given, Members) and isinstance(container, Members):
                container.append((name, Raw(write(value)) if rng.random() < 0.5 else Raw(hostile.value(rng))))
            else:
                put(Raw(write(value)))  # as text: the tree must not come to hold itself
        case _:
            put(Raw(hostile.value(rng)))


def _within(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + hostile.text(rng) + text[at + rng.randrange(3) :]


def raw_bytes(rng: random.Random, body: bytes, other: bytes = b"") -> bytes:
    """Return the body with bytes flipped, cut, repeated, inserted, spliced or padded."""
    at = rng.randrange(len(body) + 1)
    end = min(len(body), at + rng.choice((1, 1, 2, 8, 64)))
    match rng.randrange(8):
        case 0:
            return body[:at] + bytes([rng.randrange(256)]) + body[end:]
        case 1:
            return body[:at]
        case 2:
            return body[:at] + body[end:]
        case 3:
            return body[:at] + body[at:end] * rng.choice((2, 3, 100)) + body[end:]
        case 4:
            inserted = rng.choice(
                (b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xc0\x80", b'"', b"{", b"]", b",")
            )
            return body[:at] + inserted + body[at:]
        case 5:
            return body[:at] + other[rng.randrange(len(other) + 1) :]
        case 6 if rng.random() < 0.02:
            return sized(rng, body)
        case _:
            return body[:at] + hostile.value(rng).encode("utf-8", "replace") + body[end:]


def sized(rng: random.Random, body: bytes) -> bytes:
    """Return the body padded to the neighbourhood of a limit: with blanks, or within its last string."""
    limit = rng.choice(hostile.LARGE) if rng.random() < 0.1 else hostile.LIMITS[-1]
    missing = max(0, limit + rng.choice((-1, 0, 1)) - len(body))
    at = body.rfind(b'"') if rng.random() < 0.5 else -1
    filler = (b"y" if at >= 0 else b" ") * missing
    return body[:at] + filler + body[at:] if at >= 0 else filler + body


def base64_member(rng: random.Random, body: bytes, other: bytes, inner: Callable[..., bytes] = json_body) -> bytes:
    """Return a push envelope whose message has other data, still in base64."""
    try:
        envelope = json.loads(body)
        data, others = (base64.b64decode(json.loads(b)["message"]["data"]) for b in (body, other))
        envelope["message"]["data"] = base64.b64encode(inner(rng, data, others)).decode()
        return json.dumps(envelope).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return json_body(rng, body, other)


def headers(rng: random.Random, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the headers with one dropped, doubled, changed or added."""
    kept = list(pairs)
    at = rng.randrange(len(kept)) if kept else 0
    match rng.randrange(6):
        case 0 if kept:
            del kept[at]
        case 1 if kept:
            kept.append((kept[at][0], hostile.text(rng)))
        case 2 if kept:
            kept[at] = (kept[at][0], _within(rng, kept[at][1])[:5000])
        case 3:
            kept.append(("content-type", rng.choice(CONTENT_TYPES)))
        case 4:
            kept.append(("content-length", rng.choice(LENGTHS)))
        case _:
            name = rng.choice(READ_HEADERS)
            kept.append((name, rng.choice(HOSTS) if name == "host" else hostile.text(rng)[:5000]))
    # No server passes these on within a header.
    return tuple((name, value.translate({0: None, 10: None, 13: None})) for name, value in kept)


def envelope(rng: random.Random, case: Case) -> Case:
    """Return the case with something around its body changed: method, headers, or how the body arrives."""
    match rng.randrange(4):
        case 0:
            return case.but(method=rng.choice(METHODS))
        case 1:
            return case.but(arrival=rng.choice(("chunks", "cut", "whole")))
        case _:
            return case.but(headers=headers(rng, case.headers))
