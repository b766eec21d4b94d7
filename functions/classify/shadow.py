"""A task that is decided and published in; what a candidate would have made of it, kept beside it, out.

It holds a store and no publisher, is given a `Question` and gives an `Answer` to the pure gate: it cannot change a
task, and whatever goes wrong with it is a line in the log.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import Conflict, ModelRefused, ModelUnavailable, SwitchyardError
from shared.event.payload import View
from shared.gate.plan import plan
from shared.gate.policy import Usage
from shared.intent.registry import Registry
from shared.logs import log
from shared.model import prompt
from shared.model.question import Answer, Question, expected_tokens
from shared.records.shadows import keep, reserve, settle
from shared.settings import Settings
from shared.task.birth import Plan
from shared.task.router import Candidate, Differs, Shadow
from shared.task.schemas import AutomationTask
from shared.wiring.ports import Store
from shared.wiring.routing import Router

TIMEOUT_S = 10.0  # after a slow answer about the task itself, the function still ends within its minute
LAST = 0  # a task of any priority gets a free call first


@dataclass(frozen=True, slots=True)
class Case:
    """A task as whoever decides saw it, and what they answered."""

    task: AutomationTask
    seen: View
    answer: Answer
    prompt_version: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a candidate is tried with: all but the bus."""

    store: Store
    registry: Registry
    settings: Settings


async def shadow(case: Case, router: Router, candidate: Candidate, bench: Bench, now: datetime) -> None:
    """Ask a candidate about a task, within its budget, and keep what it said. Raises nothing."""
    try:
        question = prompt.build(
            case.task, case.seen, bench.registry, disabled=bench.settings.disabled_intents, rules=router.rules
        )
        expected = expected_tokens(question)
        if not await reserve(bench.store, candidate, expected, case.task.task_id):
            return
        answer, error = await _ask(router, replace(question, priority=LAST, alone=True), bench)
        if not error:
            await settle(bench.store, answer.tokens_used - expected, case.task.task_id)
        await keep(bench.store, _compared(case, question, answer, error, candidate, bench, now))
    except Conflict:  # another delivery was faster
        return
    except Exception as error:
        code = error.code if isinstance(error, SwitchyardError) else "internal"
        log(
            "WARNING",
            "shadow_failed",
            function="classify",
            task_id=case.task.task_id,
            outcome="shadow_failed",
            error_code=code,
            error_type=type(error).__name__,
        )


async def _ask(router: Router, question: Question, bench: Bench) -> tuple[Answer, str]:
    """Return the answer, or an empty one and why there is none."""
    timeout_s = min(TIMEOUT_S, bench.settings.model_timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            return await router.classifier.ask(question, timeout_s), ""
    except (ModelRefused, ModelUnavailable) as error:
        code = error.code
    except TimeoutError:
        code = "timeout"
    return Answer("", router.classifier.model, tokens_used=0, latency_ms=0.0), code


def _compared(
    case: Case, question: Question, answer: Answer, error: str, candidate: Candidate, bench: Bench, now: datetime
) -> Shadow:
    # A certificate can be of one classifier only: both are judged as if none were required.
    settings = replace(bench.settings, certification=False)

    def planned(said: Answer, version: str) -> Plan:
        task, seen = case.task, case.seen
        return plan(task, seen, said, version, bench.registry, settings, Usage(), now, draw=math.inf, doubt=case.doubt)

    decided, would = planned(case.answer, case.prompt_version), planned(answer, question.version)
    return Shadow(
        task_id=case.task.task_id,
        candidate=candidate.hash,
        at=now,
        model=answer.model,
        prompt_version=question.version,
        intent=would.classification.intent,
        confidence=would.classification.confidence,
        would=would.decision.route,
        decided_intent=decided.classification.intent,
        decided_route=decided.decision.route,
        differs=_differs(decided, would),
        error=error,
        tokens_used=answer.tokens_used,
        latency_ms=answer.latency_ms,
        expire_at=now + timedelta(days=bench.settings.retention_days),
    )


def _differs(decided: Plan, would: Plan) -> Differs:
    if decided.classification.intent != would.classification.intent:
        return "intent"
    if decided.parameters != would.parameters:
        return "parameters"
    return "" if decided.decision.route == would.decision.route else "route"
