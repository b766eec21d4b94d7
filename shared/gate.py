"""The gate: what the model said in, a plan out: execute, or pause with all the reasons. Pure.

The model's answer is a suggestion of a stranger. It can lower autonomy, never raise it. Reasons are `code: words`
and never hold a value from the payload.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from shared.canonical import params_hash, sha256_hex
from shared.errors import BadRequest
from shared.intents import Intent, Registry
from shared.lifecycle import Plan
from shared.payload import View
from shared.ports import Answer
from shared.provenance import check
from shared.schemas import UNCLASSIFIED, AutomationTask, Classification, Decision, TaskRecord
from shared.settings import Settings
from shared.strict_json import parse_object

MAX_SHOWN_CHARS = 2000
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Controls, bidi embeddings, overrides and isolates, and tags: a value with one of them runs as other than it is shown.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
# Words that address a machine instead of a colleague. A hit only ever asks a person; it is not a filter.
_TRIPWIRE = re.compile(
    r"ignore (?:all |any )?(?:the )?(?:previous|prior|above)|disregard (?:all|the|previous)|system prompt|"
    r"you are (?:now )?(?:a|an|the) (?:assistant|ai|model|system)|as an? (?:ai|language model)|"
    r"confidence\W{0,3}(?:is|to|of|=|:)?\W{0,3}(?:1(?:\.0+)?\b|0?\.9\d*|100|high|max)|"
    r"\"(?:intent|confidence|parameters)\"\s*:|</?(?:system|user|assistant|instructions?)>|"
    r"repeat your (?:instructions|prompt)|<\|im_(?:start|end)\|>",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Usage:
    """What this subject was given today by this intent without a person: tasks, and minor units of money."""

    count: int = 0
    amount: int = 0


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
        return _nothing(f"answer_unreadable: {error.code}")
    if set(answer) != {"intent", "parameters", "confidence"} or not isinstance(answer["parameters"], dict):
        return _nothing("answer_malformed: the answer must be {intent, parameters, confidence}")
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


def plan(
    task: AutomationTask,
    view: View,
    answer: Answer,
    prompt_version: str,
    registry: Registry,
    settings: Settings,
    usage: Usage,
    now: datetime,
) -> Plan:
    """Decide about one task from the model's answer; all failed checks are reasons, in the order of the rules."""
    said = read_answer(answer.text, task, registry, settings)
    reasons = list(said.reasons)
    if said.intent is not None:
        reasons += check(said.parameters, said.intent.parameters, view)
        reasons += _confidence_reasons(said.confidence, settings)
        reasons += policy_reasons(said.intent, said.parameters, view, usage, settings)
        reasons += _task_reasons(said.intent, task, view)
    return _plan(said, answer, prompt_version, reasons, settings, now)


def degraded(code: str, settings: Settings, now: datetime, *, answer: Answer | None = None) -> Plan:
    """Return the plan of a task that the model gave no usable answer for: a person sees it, with the reason."""
    nobody = answer or Answer(text="", model="none", tokens_used=0, latency_ms=0.0)
    return _plan(_nothing(f"{code}: the model gave no usable answer"), nobody, "", [], settings, now)


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


def is_enabled(intent: Intent, source: str, settings: Settings) -> bool:
    """Whether this source may ask for this intent at all."""
    return intent.name not in settings.disabled_intents and (intent.sources is None or source in intent.sources)


def policy_reasons(
    intent: Intent, parameters: Mapping[str, Any], view: View, usage: Usage, settings: Settings
) -> list[str]:
    """Return why policy wants a person for these parameters (check 5)."""
    policy, reasons = intent.policy, []
    reasons += _risk_reasons(intent, parameters, usage, settings)
    if policy.subject is not None and subject_of(intent, parameters, view) is None:
        if policy.risk != "none" or policy.per_day is not None:
            reasons.append("subject_unknown: the event does not say by whom it is")
    elif policy.per_day is not None and usage.count >= policy.per_day:
        reasons.append(f"rate: {policy.per_day} a day for one {policy.subject} were already automatic")
    return reasons


def subject_of(intent: Intent, parameters: Mapping[str, Any], view: View) -> str | None:
    """Return by whom this task is counted, or None where the event does not say."""
    subject = intent.policy.subject
    if subject is None:
        return None
    value = view.at(subject) if subject.startswith("/") else parameters.get(subject)
    if not isinstance(value, str) or not value:
        return None
    name, at, host = value.casefold().rpartition("@")
    return name.partition("+")[0] + at + host  # kim+1@ and kim+2@ are one mailbox


def usage_path(intent: Intent, subject: str, now: datetime) -> str:
    """Return the path of the counter of one subject, intent and day."""
    return f"usage/{intent.name}.{sha256_hex(subject.encode())[:32]}.{now:%Y%m%d}"


def start_refusal(record: TaskRecord, intent: Intent, settings: Settings, *, switched_off: bool) -> str | None:
    """Return why the effect may not begin now (a stable code), or None. Checked in the start transaction."""
    if switched_off or not is_enabled(intent, record.source, settings):
        return "intent_disabled"
    if record.intent != intent.name or record.params_hash != params_hash(
        record.intent, record.intent_version, record.parameters
    ):
        return "parameters_tampered"
    if validate(intent, record.parameters)[0] != record.parameters:
        return "parameters_outdated"
    if record.approval is not None and record.approval.decision == "approve":
        return None
    if record.decision.route != "execute":
        return "approval_missing"
    still = _confidence_reasons(record.classification.confidence, settings)
    still += _risk_reasons(intent, record.parameters, Usage(), settings)
    return "policy_changed" if still else None


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


def _risk_reasons(intent: Intent, parameters: Mapping[str, Any], usage: Usage, settings: Settings) -> list[str]:
    risk = intent.policy.risk
    if risk == "none":
        return []
    ceiling = settings.automatic.get(intent.name)
    if intent.name not in settings.automatic or (risk == "money" and ceiling is None):
        return [f"policy: {risk} intents need a person"]
    if risk == "money" and ceiling is not None:
        amount = parameters.get(intent.policy.amount or "")
        if not isinstance(amount, int) or amount > ceiling:
            return [f"ceiling: the amount is over the allowance of {ceiling} minor units"]
        if amount + usage.amount > ceiling:
            return [f"ceiling: with today's earlier tasks the amount is over {ceiling} minor units"]
    return []


def _task_reasons(intent: Intent, task: AutomationTask, view: View) -> list[str]:
    reasons = []
    if any(_TRIPWIRE.search(text) for text in view.texts.values()):
        reasons.append("tripwire: the text speaks to a machine, not to a person")
    if view.reordered:
        reasons.append("reordered: hidden characters show the text in another order than the one it is read in")
    if intent.policy.audit_share and _draw(task.task_id) < intent.policy.audit_share:
        reasons.append("audit: drawn by chance for a look")
    return reasons


def _draw(task_id: str) -> float:
    """Return a number from 0 to 1, the same for every delivery of a task."""
    return int.from_bytes(hashlib.sha256(f"audit:{task_id}".encode()).digest()[:8], "big") / 2**64


def _confidence(value: Any) -> tuple[float, tuple[str, ...]]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and 0 <= value <= 1:
        return float(value), ()
    return 0.0, ("confidence_invalid: must be a number from 0 to 1",)


def _confidence_reasons(confidence: float, settings: Settings) -> list[str]:
    threshold = settings.confidence_threshold
    # Written so that NaN asks a person: NaN < 0.8 is False.
    if math.isfinite(confidence) and threshold <= confidence <= 1:
        return []
    return [f"low_confidence: {confidence:.2f} is below {threshold:.2f}"]


def _nothing(reason: str) -> Suggestion:
    return Suggestion(None, False, {}, 0.0, UNCLASSIFIED, (reason,))


def _plan(
    said: Suggestion, answer: Answer, prompt_version: str, reasons: list[str], settings: Settings, now: datetime
) -> Plan:
    reasons = reasons or list(said.reasons)
    intent = said.intent if said.valid else None
    route_execute = intent is not None and not reasons
    classification = Classification(
        intent=said.said_intent,
        parameters=said.parameters,
        confidence=said.confidence,
        model=answer.model,
        prompt_version=prompt_version,
        tokens_used=answer.tokens_used,
        latency_ms=answer.latency_ms,
    )
    expires_at = None if route_execute else now + timedelta(seconds=settings.approval_ttl_s)
    decision = Decision(route="execute" if route_execute else "approve", reasons=reasons, expires_at=expires_at)
    return Plan(
        intent=intent.name if intent else UNCLASSIFIED,
        intent_version=intent.schema_version if intent else 0,
        parameters=said.parameters if intent else {},
        classification=classification,
        decision=decision,
        topic=intent.topic if intent else "",
    )
