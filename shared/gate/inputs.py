"""An intent's parameters model in, the inputs of a form out, and what was typed there back into typed values. Pure.

Every door with a form, on a page or in a chat, asks by these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from shared.errors import Unprocessable
from shared.intent.declaration import ParametersModel

PREFIX = "p."
LONG_TEXT_CHARS = 120
_WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `name` is the parameter's with `PREFIX`, `value` what stands in it."""

    name: str
    label: str
    hint: str
    kind: Literal["text", "long", "whole", "choice", "flag"]
    value: str
    required: bool
    options: tuple[str, ...] = ()
    max_length: int | None = None

    def filled(self, value: str) -> Input:
        """Return the same input with what somebody has typed."""
        return replace(self, value=value)


def inputs(model: type[ParametersModel], values: Mapping[str, Any]) -> list[Input]:
    """Return the inputs of a parameters model, filled with `values` as far as these are of the model's names."""
    schema = model.model_json_schema()
    required = schema.get("required", ())
    return [_input(n, s, values.get(n), n in required) for n, s in schema["properties"].items()]


def parameters(model: type[ParametersModel], form: Mapping[str, str]) -> dict[str, Any]:
    """Return what the form says, typed; the intent's model has the last word on whether it holds.

    Raises:
        Unprocessable: a number is none; `field` names the input.
    """
    found: dict[str, Any] = {}
    for field in inputs(model, {}):
        text = form.get(field.name, "")
        if field.kind == "flag":
            found[field.name.removeprefix(PREFIX)] = bool(text)
        elif text.strip() or field.required:
            found[field.name.removeprefix(PREFIX)] = _typed(field, text)
    return found


def _input(name: str, schema: Mapping[str, Any], value: Any, required: bool) -> Input:
    options = [s for s in schema.get("anyOf", [schema]) if s.get("type") != "null"]
    kind_schema = options[0] if options else schema
    choices = tuple(str(c) for c in kind_schema.get("enum", ()))
    longest = kind_schema.get("maxLength")
    kind: Any = {"integer": "whole", "boolean": "flag"}.get(kind_schema.get("type", ""), "text")
    if choices:
        kind = "choice"
    elif kind == "text" and longest is not None and longest > LONG_TEXT_CHARS:
        kind = "long"
    return Input(
        name=PREFIX + name,
        label=name.replace("_", " "),
        hint=schema.get("description", ""),
        kind=kind,
        value="" if value is None or value is False else str(value),
        required=required,
        options=choices,
        max_length=longest,
    )


def _typed(field: Input, text: str) -> Any:
    # Browsers send the line ends of a text area as CRLF.
    text = text.replace("\r\n", "\n")
    if field.kind != "whole":
        return text
    if not _WHOLE.fullmatch(text.strip()):
        raise Unprocessable(f"{field.label} must be a whole number", code="parameters_invalid", field=field.name)
    return int(text)
