"""Intents that are no folders yet: their definitions and examples as files in, a registry in memory out.

So a team can measure what a classifier would make of its intents before it writes a handler for any of them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, create_model

from infra.errors import StackError
from infra.evaluate import tickets
from shared.errors import BadRequest
from shared.event.strict_json import parse_object
from shared.intent.checks import clashes, problems
from shared.intent.declaration import Intent, ParametersModel, Policy, Provider
from shared.intent.provenance import FromPayload
from shared.intent.registry import NAME, RESERVED, Registry

MAX_BYTES = 1024 * 1024
NOBODY = Provider("nobody", url="https://nobody.example.com", key=False)  # nothing of it is ever executed


def read(definitions: Path, examples: Path) -> Registry:
    """Return the intents of `definitions`, `{"intents": [{"name", "description", "parameters": [name, ...]}]}`.

    `examples` are labelled tickets; `near_misses`, texts, may stand beside the parameters. Every parameter is an
    optional text that has to stand in the ticket: what it must look like only a folder says.

    Raises:
        StackError: a file cannot be read, or an intent lacks something; it says which and what to change.
    """
    taught = _examples(examples)
    entries = _entries(definitions)
    found = {intent.name: intent for intent in (_intent(entry, taught, definitions) for entry in entries)}
    if len(found) < len(entries):
        raise StackError(f"{definitions}: two intents have the same name; names must differ")
    if strange := sorted(taught.keys() - found.keys() - RESERVED):
        raise StackError(
            f"{examples}: has examples of {', '.join(strange)}, which {definitions} does not define; define or remove"
        )
    for intent in found.values():
        for problem in problems(intent, intent.name):
            raise StackError(f"{definitions}, intent {intent.name!r}: {problem}")
    for problem in clashes(found.values()):
        raise StackError(problem)
    return Registry(found)


def intent_alone(registry: Registry) -> Registry:
    """Return the same intents without parameters: what is asked, and how sure the answer is, is the intent alone.

    What else an intent says is about its parameters, or about who asks: the policy is left out as well.
    """
    nothing = create_model("Nothing", __base__=ParametersModel, note=(str | None, None))
    bare = {name: replace(i, parameters=nothing, policy=Policy(), needs=()) for name, i in registry.items()}
    return Registry(bare)


def _examples(path: Path) -> dict[str, list[str]]:
    taught: dict[str, list[str]] = defaultdict(list)
    for ticket in tickets.read(path):
        taught[ticket.intent].append(ticket.text)
    return dict(taught)


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise StackError(
                f"{path} is over {MAX_BYTES} bytes; it should hold names, descriptions and parameters only"
            )
        entries = parse_object(path.read_bytes()).get("intents")
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from None
    except BadRequest as error:
        raise StackError(f"{path}: {error.message}") from None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise StackError(f'{path}: must be {{"intents": [{{"name", "description", "parameters"}}, ...]}}')
    return entries


def _intent(entry: Mapping[str, Any], taught: Mapping[str, list[str]], path: Path) -> Intent:
    name, names = entry.get("name"), entry.get("parameters", [])
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in RESERVED:
        raise StackError(f"{path}: the name {json.dumps(name)[:40]} must match {NAME.pattern}")
    if not isinstance(names, list) or not all(isinstance(n, str) and NAME.fullmatch(n) for n in names):
        raise StackError(f"{path}, intent {name!r}: parameters must be a list of names such as order_id")
    fields: dict[str, Any] = {
        n: (Annotated[str | None, Field(description=n.replace("_", " ")), FromPayload()], None) for n in names
    }
    model = create_model(f"{name}_parameters", __base__=ParametersModel, **(fields or {"note": (str | None, None)}))
    near_misses = entry.get("near_misses", [])
    if not isinstance(near_misses, list):
        raise StackError(f"{path}, intent {name!r}: near_misses must be a list of texts")
    examples = tuple(taught.get(name, ()))
    return Intent(name, entry.get("description", ""), examples, model, NOBODY, near_misses=tuple(near_misses))
