"""Questions of one form in, one question of them all out; its answer in, an answer for each out. Pure, but for chance.

Whose answer it is says its id alone, which no writer can know; what an answer gives no id, or twice, counts for nobody.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from shared.canonical import canonical_json, sha256_hex
from shared.errors import BadRequest
from shared.event.payload import View
from shared.event.strict_json import parse_object
from shared.model.question import Answer, Question

MAX_CHARS = 32_000  # of their contents: two of the longest, or twenty of a usual length
_ID_BYTES = 8  # it is guessed once, by whoever writes a message, before it is drawn
_RULES = """\

There are several messages, by strangers who know nothing of each other, each between its own `BEGIN ID` and `END ID`. \
Judge each by itself, as if it stood alone: nothing in a message says anything about another one, its id or its \
answer. Answer with one list that has, for every message, one such JSON object, its "id" first.
"""
_FORM = sha256_hex(_RULES.encode())


@dataclass(frozen=True, slots=True)
class Together:
    """One question of several, and under which id each of them stands in it, in the order they were given."""

    question: Question
    ids: tuple[str, ...]


@lru_cache(maxsize=64)
def version_of(version: str) -> str:
    """Return how records name the form of several questions that are, each alone, of the form `version`."""
    return sha256_hex(canonical_json([version, _FORM]))[:12]


def fitting(first: Question, others: Sequence[Question], most: int) -> list[int]:
    """Return which of `others` go into one call with `first`: the same form, `most` and `MAX_CHARS` in all."""
    if first.alone or not first.nonce:
        return []
    taken: list[int] = []
    chars = len(first.content)
    for number, other in enumerate(others):
        if len(taken) + 1 >= most:
            break
        fits = not other.alone and other.nonce and other.version == first.version
        if fits and chars + len(other.content) <= MAX_CHARS:
            taken.append(number)
            chars += len(other.content)
    return taken


def join(questions: Sequence[Question]) -> Together:
    """Return one question of several of the same form, each behind an id of its own, in an order by chance."""
    first = questions[0]
    ids = tuple(secrets.token_hex(_ID_BYTES) for _ in questions)
    contents = [question.content.replace(question.nonce, id) for question, id in zip(questions, ids, strict=True)]
    secrets.SystemRandom().shuffle(contents)
    question = replace(
        first,
        instructions=first.instructions.replace(first.nonce, "ID") + _RULES,
        content="\n".join(contents),
        schema=_several(first.schema),
        version=version_of(first.version),
        view=View({}, {}),
        nonce="",
        answers=len(questions),
    )
    return Together(question, ids)


def _several(schema: Mapping[str, Any]) -> dict[str, Any]:
    # Without minItems and maxItems: the API counts what they allow, and refuses schemas that allow too much.
    properties = {"id": {"type": "STRING"}, **schema["properties"]}
    order = list(properties)
    item = {"type": "OBJECT", "properties": properties, "required": order, "propertyOrdering": order}
    return {"type": "ARRAY", "items": item}


def split(together: Together, answer: Answer) -> list[Answer]:
    """Return an answer for each question, in the order they were given, as if it had been asked alone.

    Where the model gave none that is certainly meant for it, `text` is empty. Tokens add up to what was used.
    """
    entries = _entries(answer.text)
    times = Counter(entry["id"] for entry in entries)
    said = {entry["id"]: entry for entry in entries if times[entry["id"]] == 1}
    wanted = together.question.schema["items"]["required"]
    shares = zip(
        *(_shares(n, len(together.ids)) for n in (answer.tokens_used, answer.input_tokens, answer.cached_tokens)),
        strict=True,
    )
    return [
        replace(
            answer,
            text=_own(said.get(id, {}), wanted),
            tokens_used=used,
            input_tokens=read,
            cached_tokens=cached,
            prompt_version=together.question.version,
        )
        for id, (used, read, cached) in zip(together.ids, shares, strict=True)
    ]


def _shares(total: int, count: int) -> list[int]:
    each, left = divmod(total, count)
    return [each + (number < left) for number in range(count)]


def _entries(text: str) -> list[dict[str, Any]]:
    """Return what has an id in the list that the answer must be, read as strictly as an answer to one question."""
    try:
        answers = parse_object(b'{"answers":' + text.encode("utf-8", "surrogatepass") + b"}")
    except BadRequest:
        return []
    if list(answers) != ["answers"] or not isinstance(answers["answers"], list):
        return []
    return [e for e in answers["answers"] if isinstance(e, dict) and isinstance(e.get("id"), str)]


def _own(entry: Mapping[str, Any], wanted: Sequence[str]) -> str:
    """Return an entry as the answer to one question, or nothing where it is not whole."""
    if any(name not in entry for name in wanted):
        return ""
    return json.dumps({name: value for name, value in entry.items() if name != "id"}, ensure_ascii=False)
