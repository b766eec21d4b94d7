"""An intent in, the inputs of a form out, and what was typed there back into typed values. Pure.

Every door with a form, on a page or in a chat, asks by these. An amount is money as people write it in the form, 25.00,
and minor units in what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import ValidationError

from shared.currency import DECIMALS, example, minor_units, natural
from shared.errors import Unprocessable
from shared.event.tricks import plain
from shared.intent.declaration import Intent
from shared.intent.provenance import currency_field
from shared.task.schemas import TaskRow

PREFIX = "p."
LONG_TEXT_CHARS = 120
_WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `name` is the parameter's with `PREFIX`, `value` what stands in it, `problem` what is wrong there."""

    name: str
    label: str
    hint: str
    kind: Literal["text", "long", "whole", "money", "choice", "flag"]
    value: str
    required: bool
    options: tuple[str, ...] = ()
    max_length: int | None = None
    problem: str = ""

    @property
    def parameter(self) -> str:
        """The parameter's own name."""
        return self.name.removeprefix(PREFIX)


def inputs(intent: Intent, values: Mapping[str, Any]) -> list[Input]:
    """Return the inputs of an intent's parameters, filled with `values` as far as these are of its names."""
    schema = intent.parameters.model_json_schema()
    required = schema.get("required", ())
    found = [_input(n, s, values.get(n), n in required) for n, s in schema["properties"].items()]
    is_money = bool(_currency_field(intent)) or intent.policy.currency in DECIMALS
    return [_money(f, intent, values) if is_money and f.parameter == intent.policy.amount else f for f in found]


def inputs_of(intent: Intent, record: TaskRow) -> list[Input]:
    """Return the inputs filled with what a task would run with.

    Of what was only suggested nothing stays hidden: whoever approves must see all of it.
    """
    shown = record.shown_parameters
    return inputs(intent, shown if record.parameters else {name: plain(value) for name, value in shown.items()})


def altered(intent: Intent, form: Mapping[str, str], record: TaskRow) -> dict[str, Any] | None:
    """Return what a form sets, typed; None where that is what was shown.

    Raises:
        Unprocessable: as `parameters`.
    """
    values = parameters(intent, form)
    return None if values == {n: v for n, v in record.shown_parameters.items() if v is not None} else values


def refilled(found: Iterable[Input], form: Mapping[str, str], problems: Mapping[str, str]) -> list[Input]:
    """Return the inputs with what somebody has typed, and beside each what is wrong with it, by the input's name."""
    return [replace(f, value=form.get(f.name, f.value), problem=problems.get(f.name, "")) for f in found]


def parameters(intent: Intent, form: Mapping[str, str]) -> dict[str, Any]:
    """Return what the form says, typed; the intent's model has the last word on whether it holds.

    Raises:
        Unprocessable: a number or an amount is none; `field` names the input.
    """
    found: dict[str, Any] = {}
    for field in inputs(intent, {}):
        text = form.get(field.name, "")
        if field.kind == "flag":
            found[field.parameter] = bool(text)
        elif field.kind == "money" and text.strip():
            found[field.parameter] = _minor(field, text.strip(), intent, form)
        elif text.strip() or field.required:
            found[field.parameter] = _typed(field, text)
    return found


def problems(intent: Intent, form: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with a submitted form, in words, by the input's name; nothing where it holds."""
    try:
        intent.parameters.model_validate(parameters(intent, form))
    except Unprocessable as error:
        return {error.field or "": error.message}
    except ValidationError as error:
        told = error.errors(include_input=False, include_url=False, include_context=False)
        return {f"{PREFIX}{d['loc'][0]}": d["msg"].replace("Input should", "must") for d in told if d["loc"]}
    return {}


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


def _money(field: Input, intent: Intent, values: Mapping[str, Any]) -> Input:
    """Return the input of an amount in units that people write: 25.00, where the parameter is 2500."""
    currency = _currency(intent, values)
    shown = natural(int(field.value), currency) if _WHOLE.fullmatch(field.value) else None
    hint = f"such as {example(currency)}"
    label = field.label.removesuffix(" minor")
    return replace(field, kind="money", label=label, hint=hint, value=field.value if shown is None else shown)


def _currency(intent: Intent, values: Mapping[str, Any], prefix: str = "") -> str:
    """Return the currency of the intent's amount: that of the parameter that says it, else the policy's."""
    named = _currency_field(intent)
    return str((named and values.get(prefix + named)) or intent.policy.currency)


def _currency_field(intent: Intent) -> str | None:
    return currency_field(intent.parameters, intent.policy.amount or "")


def _minor(field: Input, text: str, intent: Intent, form: Mapping[str, str]) -> int:
    currency = _currency(intent, form, PREFIX)
    if currency not in DECIMALS:
        where = f"{PREFIX}{_currency_field(intent)}"
        raise Unprocessable("currency must be one of those offered", code="parameters_invalid", field=where)
    if (known := minor_units(f"{text} {currency}")) is None:
        raise Unprocessable(
            f"{field.label} must be written as {example(currency)}, in {currency}; without a sign, a symbol or a "
            "separator of thousands",
            code="parameters_invalid",
            field=field.name,
        )
    return known[1]


def _typed(field: Input, text: str) -> Any:
    # Browsers send the line ends of a text area as CRLF.
    text = text.replace("\r\n", "\n")
    if field.kind != "whole":
        return text
    if not _WHOLE.fullmatch(text.strip()):
        raise Unprocessable(f"{field.label} must be a whole number", code="parameters_invalid", field=field.name)
    return int(text)
