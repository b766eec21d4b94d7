"""Parameters to try an intent with: what its own test says, else the first plain values that its model takes."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from infra.kit.run import REQUESTER
from shared.intent.declaration import Intent
from shared.intent.registry import PACKAGE

# Tried in this order, after what the schema itself lists.
PLAIN = (
    REQUESTER["email"],
    "10021",
    "USD",
    "12 Baker Street, London NW1 6XE",
    "ABCD1234",
    "2026-01-05",
    "https://example.com/",
    2500,
    1,
    True,
    ["10021"],
    [1],
)


def sample(intent: Intent) -> dict[str, Any]:
    """Return parameters that the intent's model takes: `SAMPLE` of the folder's test, else plain values.

    Raises:
        LookupError: no plain value fits a field; says where to put one that does.
    """
    own = getattr(own_test(intent), "SAMPLE", None)
    if own is not None:
        return dict(own)
    schema = intent.parameters.model_json_schema()
    return {name: _value(intent, name, schema["properties"][name]) for name in schema.get("required", ())}


def own_test(intent: Intent) -> ModuleType | None:
    """Return the module `test_<name>.py` of the intent's folder, None where there is none."""
    name = f"{PACKAGE}.{intent.name}.test_{intent.name}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            return None
        raise


def _value(intent: Intent, name: str, schema: dict[str, Any]) -> Any:
    for value in (*schema.get("enum", ()), *schema.get("examples", ()), *PLAIN):
        try:
            intent.parameters.model_validate({name: value})
        except ValidationError as error:
            if any(problem["loc"][:1] == (name,) for problem in error.errors(include_context=False)):
                continue
        return value
    file = f"functions/execute/{intent.name}/test_{intent.name}.py"
    raise LookupError(f"no plain value fits {name!r}; say in {file} which: SAMPLE = {{{name!r}: ...}}")
