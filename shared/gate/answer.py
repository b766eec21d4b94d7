"""What the model said, read strictly: a text in, a `Suggestion` with everything odd as a reason out. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.errors import BadRequest
from shared.event.strict_json import parse_object
from shared.gate.policy import is_enabled
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from shared.settings import Settings
from shared.task.schemas import UNCLASSIFIED, AutomationTask

MAX_SHOWN_CHARS = 2000
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Controls, bidi embeddings, overrides and isolates, and tags: a value with one of them runs as other than it is shown.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The model's answer as far as it could be read. Only `valid` parameters of an `intent` may ever run."""

    intent: Intent | None
    valid: bool
    parameters: dict[str, Any]
    confidence: float
    said_intent: str
    reasons: tuple[str, ...]


def read_answer(text: str, task: AutomationTask, registry: Registry, settings: Settings) -> Suggestion:
    """Read the model's JSON strictly (checks 1, 2 and the form of 4); anything odd becomes a reason."""
    try:
        answer = parse_object(text.encode("utf-8", "surrogatepass"))
    except BadRequest as error:
        return nothing(f"answer_unreadable: {error.code}")
    if set(answer) != {"intent", "parameters", "confidence"} or not isinstance(answer["parameters"], dict):
        return nothing("answer_malformed: the answer must be {intent, parameters, confidence}")
    said, raw = answer["intent"], answer["parameters"]
    confidence, reasons = _confidence(answer["confidence"])
    shown = presentable(raw)
    if not isinstance(said, str) or said not in registry:
        known = said in (UNCLASSIFIED, "out_of_scope", None)
        reason = "out_of_scope: no intent fits" if known else "unknown_intent: the model named none of ours"
        return Suggestion(None, False, shown, confidence, UNCLASSIFIED, (*reasons, reason))
    intent = registry[said]
    if not is_enabled(intent, task.source, settings):
        disabled = f"intent_disabled: {said} is off for {task.source}"
        return Suggestion(None, False, shown, confidence, said, (*reasons, disabled))
    mine = {k: v for k, v in raw.items() if v is not None or k in intent.parameters.model_fields}
    parameters, problems = validate(intent, mine)
    if parameters is None:
        return Suggestion(intent, False, shown, confidence, said, (*reasons, *problems))
    return Suggestion(intent, True, parameters, confidence, said, reasons)


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
            text = value if isinstance(value, str) else str(type(value).__name__)
            kept[key] = _UNSHOWABLE.sub("\ufffd", text[:MAX_SHOWN_CHARS])
    return kept


def _confidence(value: Any) -> tuple[float, tuple[str, ...]]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and 0 <= value <= 1:
        return float(value), ()
    return 0.0, ("confidence_invalid: must be a number from 0 to 1",)


def nothing(reason: str) -> Suggestion:
    return Suggestion(None, False, {}, 0.0, UNCLASSIFIED, (reason,))
