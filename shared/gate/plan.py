"""One task, the model's answer and the policy in; a plan out: execute, or pause with all the reasons. Pure.

The model's answer is a suggestion of a stranger. It can lower autonomy, never raise it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.event.payload import View
from shared.gate.answer import Suggestion, nothing, read_answer
from shared.gate.confidence import Classified, calibrated_confidence, confidence_reasons, is_on_probation
from shared.gate.policy import Usage, policy_reasons
from shared.intent.declaration import Intent
from shared.intent.provenance import check, has_source, stands_in
from shared.intent.registry import Registry
from shared.model.question import Answer
from shared.settings import Settings
from shared.task.birth import Plan
from shared.task.breaker import CODE as BREAKER
from shared.task.schemas import UNCLASSIFIED, AutomationTask, Classification, Decision, Drawn

# Words that address a machine instead of a colleague. A hit only ever asks a person; it is not a filter.
_TRIPWIRE = re.compile(
    r"ignore (?:all |any )?(?:the )?(?:previous|prior|above)|disregard (?:all|the|previous)|system prompt|"
    r"you are (?:now )?(?:a|an|the) (?:assistant|ai|model|system)|as an? (?:ai|language model)|"
    r"confidence\W{0,3}(?:is|to|of|=|:)?\W{0,3}(?:1(?:\.0+)?\b|0?\.9\d*|100|high|max)|"
    r"\"(?:intent|confidence|parameters)\"\s*:|</?(?:system|user|assistant|instructions?)>|"
    r"repeat your (?:instructions|prompt)|<\|im_(?:start|end)\|>",
    re.IGNORECASE,
)

# What makes a person look, whoever asks for what.
DOUBTS = {
    "test_mode": "the event is of the sender's test mode",
    "connected_account": "the event is of another account that is connected with ours",
    "foreign_workspace": "whoever wrote this is of another workspace",
}
WITHOUT_ANSWER = {
    "no_words": "nothing that the event is known to hold is somebody's words; the model was not asked",
    "spend_cap": "the model's tokens of this day are spent; the model was not asked",
    "model_down": "the model has not answered for long; it was not asked again",
}


def plan(
    task: AutomationTask,
    view: View,
    answer: Answer,
    prompt_version: str,
    registry: Registry,
    settings: Settings,
    usage: Usage,
    now: datetime,
    *,
    draw: float,
    doubt: str = "",
    counted: int = 0,
    breakers: Mapping[str, str] | None = None,
) -> Plan:
    """Decide about one task from the model's answer; all failed checks are reasons, in the order of the rules.

    `draw`: a number from 0 to 1 by chance, which falls into the intent's `audit_share` or not. It must be nothing that
    a sender chooses, as the id of a task is. `counted`: how many decisions count as proof of the classifier by now.
    `breakers`: why each intent with an open breaker waits for people.
    """
    said = read_answer(answer.text, task, registry, settings)
    believed = Classified(said.confidence, answer.model, prompt_version, now)
    reasons = ([answer.spared] if answer.spared else []) + list(said.reasons) + _text_reasons(view)
    if said.intent is not None:
        reasons += check(said.parameters, said.intent.parameters, view)
        reasons += confidence_reasons(said.intent, believed, settings, counted=counted)
        reasons += policy_reasons(said.intent, said.parameters, view, usage, settings)
        reasons += _task_reasons(said, said.intent, view, draw)
        if why := (breakers or {}).get(said.intent.name):
            reasons.append(f"{BREAKER}: {why}")
    reasons += [f"{code}: {DOUBTS[code]}" for code in view.doubts] + ([doubt] if doubt else [])
    worth = calibrated_confidence(said.intent, believed, settings) if said.intent else None
    # Of what is spared a person sees all, and of what is not none: that proves nothing of either.
    drawn: Drawn = "" if answer.spared else _drawn(reasons, is_on_probation(said.intent, believed, settings))
    return _plan(said, answer, prompt_version, reasons, settings, now, drawn=drawn, calibrated=worth)


def speaks_to_machine(view: View) -> bool:
    """Whether words in it address a machine instead of a colleague."""
    return any(_TRIPWIRE.search(text) for text in (*view.texts.values(), *view.may_be_quoted.values()))


def needs_own_call(plan: Plan, view: View, registry: Registry) -> bool:
    """Whether what an answer in a call with others would have run needs an answer to this task alone.

    Those who wrote the others are strangers. What runs by their leave moves nothing, and says what its own event says.
    """
    if plan.decision.route != "execute":
        return False
    intent = registry[plan.intent]
    return intent.policy.risk != "none" or not stands_in(plan.parameters, intent.parameters, view)


def _drawn(reasons: list[str], is_on_probation: bool) -> Drawn:
    """Return why a person would see this task however sure the classifier was; empty: because it was not."""
    if is_on_probation:
        return "probation"
    draws: tuple[Drawn, ...] = ("audit", "policy")
    return next((by for by in draws if any(r.startswith(f"{by}:") for r in reasons)), "")


def degraded(code: str, settings: Settings, now: datetime, *, tokens_used: int = 0, doubt: str = "") -> Plan:
    """Return the plan of a task that the model gave no usable answer for: a person sees it, with the reason.

    `tokens_used`: what the model took all the same.
    """
    nobody = Answer(text="", model="none", tokens_used=tokens_used, latency_ms=0.0)
    reasons = [f"{code}: {WITHOUT_ANSWER.get(code, 'the model gave no usable answer')}"] + ([doubt] if doubt else [])
    return _plan(nothing(reasons[0]), nobody, "", reasons, settings, now)


def _text_reasons(view: View) -> list[str]:
    reasons = []
    if view.only_quotes:
        reasons.append("only_quotes: all of a text may be quoted; read whose words it holds")
    if view.cut:
        reasons.append("cut: the text is longer than what is read; look at the rest of it")
    return reasons


def _task_reasons(said: Suggestion, intent: Intent, view: View, draw: float) -> list[str]:
    reasons = []
    if speaks_to_machine(view):
        reasons.append("tripwire: the text speaks to a machine, not to a person")
    if view.reordered:
        reasons.append("reordered: hidden characters show the text in another order than the one it is read in")
    if view.may_be_quoted and not has_source(said.parameters, intent.parameters):
        reasons.append("may_be_quoted: the request may stand only in what may be quoted")
    if draw < intent.policy.audit_share:
        reasons.append("audit: drawn by chance for a look")
    return reasons


def _plan(
    said: Suggestion,
    answer: Answer,
    prompt_version: str,
    reasons: list[str],
    settings: Settings,
    now: datetime,
    *,
    drawn: Drawn = "",
    calibrated: float | None = None,
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
        input_tokens=answer.input_tokens,
        cached_tokens=answer.cached_tokens,
        from_cache=answer.from_cache,
        latency_ms=answer.latency_ms,
        said=said.said,
    )
    expires_at = None if route_execute else now + timedelta(seconds=settings.approval_ttl_s)
    decision = Decision(
        route="execute" if route_execute else "approve",
        reasons=reasons,
        drawn=drawn,
        calibrated=calibrated,
        expires_at=expires_at,
    )
    return Plan(
        intent=intent.name if intent else UNCLASSIFIED,
        intent_version=intent.schema_version if intent else 0,
        parameters=said.parameters if intent else {},
        classification=classification,
        decision=decision,
        topic=intent.topic if intent else "",
    )
