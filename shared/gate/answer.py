"""What the model said, read strictly: a text in, a `Suggestion` with everything odd as a reason out. Pure.

An answer that is nearly right keeps its suggestion and gets a reason: a person sees it, and it never runs by itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic import ValidationError

from shared.errors import BadRequest
from shared.event.strict_json import parse_object
from shared.gate.policy import is_enabled
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from shared.settings import Settings
from shared.task.schemas import UNCLASSIFIED, AutomationTask

MAX_SHOWN_CHARS = 2000
MEMBERS = frozenset({"intent", "parameters", "confidence"})
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Controls, bidi embeddings, overrides and isolates, and tags: a value with one of them runs as other than it is shown.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_FENCE = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL | re.IGNORECASE)
_PLAIN_NO = ("out_of_scope:", "intent_disabled:")  # reasons for which the answer was read as it stands
_MAX_EXACT = 2.0**53  # up to here a float is the whole number that was written


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The model's answer as far as it could be read. Only `valid` parameters of an `intent` may ever run.

    `said` is the answer's text, fit to be shown, where it could not be taken as it stands; else empty.
    """

    intent: Intent | None
    valid: bool
    parameters: dict[str, Any]
    confidence: float
    said_intent: str
    reasons: tuple[str, ...]
    said: str = ""


def read_answer(text: str, task: AutomationTask, registry: Registry, settings: Settings) -> Suggestion:
    """Read the model's JSON strictly (checks 1, 2 and the form of 4); anything odd becomes a reason."""
    read = _read(text, task, registry, settings)
    is_odd = any(not reason.startswith(_PLAIN_NO) for reason in read.reasons)
    return replace(read, said=_shown(text)) if is_odd else read


def _read(text: str, task: AutomationTask, registry: Registry, settings: Settings) -> Suggestion:
    fenced = _FENCE.fullmatch(text.strip())
    try:
        answer = parse_object((fenced[1] if fenced else text).encode("utf-8", "surrogatepass"))
    except BadRequest as error:
        return nothing(f"answer_unreadable: {error.code}")
    if "intent" not in answer or not isinstance(answer.get("parameters"), dict):
        return nothing("answer_malformed: the answer must be {intent, parameters, confidence}")
    reasons: tuple[str, ...] = ("answer_mended: it stood in a code fence",) if fenced else ()
    if answer.keys() - MEMBERS:
        reasons += ("answer_mended: what stood beside intent, parameters and confidence was left out",)
    said, raw = answer["intent"], answer["parameters"]
    confidence, unsure = _confidence(answer.get("confidence"))
    reasons += unsure
    shown = presentable(raw)
    if not isinstance(said, str) or said not in registry:
        known = said in (UNCLASSIFIED, "out_of_scope", None)
        reason = "out_of_scope: no intent fits" if known else "unknown_intent: the model named none of ours"
        return Suggestion(None, False, shown, confidence, UNCLASSIFIED, (*reasons, reason))
    intent = registry[said]
    if not is_enabled(intent, task.source, settings):
        disabled = f"intent_disabled: {said} is off for {task.source}"
        return Suggestion(None, False, shown, confidence, said, (*reasons, disabled))
    mine, mended = _mended(intent, raw)
    parameters, problems = validate(intent, mine)
    if parameters is None:
        return Suggestion(intent, False, shown, confidence, said, (*reasons, *mended, *problems))
    return Suggestion(intent, True, parameters, confidence, said, (*reasons, *mended))


def _mended(intent: Intent, raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the parameters with what has one other reading read so, and a reason for each; names are only ours."""
    fields, reasons = intent.parameters.model_fields, []
    mine = {name: value for name, value in raw.items() if name in fields}
    if any(value is not None for name, value in raw.items() if name not in fields):
        reasons.append("answer_mended: parameters that the intent does not have were left out")
    for name, value in mine.items():
        annotation = fields[name].annotation
        whole = int in (kinds := (annotation, *get_args(annotation))) and float not in kinds
        if whole and isinstance(value, float) and value.is_integer() and abs(value) < _MAX_EXACT:
            mine[name] = int(value)
            reasons.append(f"answer_mended: {name} was written with a decimal point")
    return mine, reasons


def validate(intent: Intent, parameters: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the parameters as the intent's strict model has them, or None and what is wrong, field by field."""
    try:
        values = intent.parameters.model_validate(dict(parameters)).model_dump(mode="json")
        unshowable = [n for n, v in values.items() if _UNSHOWABLE.search(f"{v}")]
        problems = [f"parameters_invalid: {n}: characters that cannot be shown" for n in unshowable]
        return (None, problems) if problems else (values, [])
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        # A field's name may be the attacker's: only names of ours are repeated.
        names = [str(d["loc"][0]) if d["loc"] else "" for d in details]
        known = intent.parameters.model_fields
        return None, [
            f"parameters_invalid: {n if n in known else 'an extra field'}: {d['type']}"
            for n, d in zip(names, details, strict=True)
        ][:20]


def presentable(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce unvalidated parameters to what every store takes and a person can read: short scalars, tame keys."""
    kept: dict[str, Any] = {}
    for key, value in list(parameters.items())[:50]:
        if not _KEY.fullmatch(key) or value is None:
            continue
        if isinstance(value, bool | int | float):
            kept[key] = value
        else:
            kept[key] = _shown(value if isinstance(value, str) else str(type(value).__name__))
    return kept


def _shown(text: str) -> str:
    """Return the beginning of a stranger's text, fit to be stored and shown."""
    text = text[:MAX_SHOWN_CHARS].encode("utf-8", "replace").decode()
    return _UNSHOWABLE.sub("\ufffd", text)


def _confidence(value: Any) -> tuple[float, tuple[str, ...]]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and 0 <= value <= 1:
        return float(value), ()
    return 0.0, ("confidence_invalid: must be a number from 0 to 1",)


def nothing(reason: str) -> Suggestion:
    return Suggestion(None, False, {}, 0.0, UNCLASSIFIED, (reason,))
