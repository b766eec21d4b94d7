"""What every intent must keep, declared today or tomorrow, by itself: once, whoever repeats or dies, as it declares.

Where plain parameters or answers do not do, the intent's own test says others: `SAMPLE`, `answers(sent)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from infra.kit.provider import BROKEN, CRASH_AFTER, CRASH_BEFORE, LOST, ScriptedProvider, Trouble
from infra.kit.run import Run, planned, run
from infra.kit.sample import own_test, sample
from shared.intent.declaration import NONE, Intent
from shared.intent.registry import discover, load_handler

REGISTRY = discover()
each_intent = pytest.mark.parametrize("intent", REGISTRY.values(), ids=REGISTRY)
each_blow = pytest.mark.parametrize("blow", [CRASH_BEFORE, CRASH_AFTER, LOST], ids=lambda blow: blow.name.lower())


def provider(intent: Intent, writes: Sequence[Trouble] = ()) -> ScriptedProvider:
    return ScriptedProvider(getattr(own_test(intent), "answers", None), writes=writes)


async def ran(intent: Intent, writes: Sequence[Trouble] = (), **more: Any) -> Run:
    return await run(intent, sample(intent), provider=provider(intent, writes), **more)


@each_intent
async def test_delivered_twice_it_succeeds_once(intent: Intent) -> None:
    once, twice = await ran(intent), await ran(intent, deliveries=2)
    assert (once.state, twice.state) == ("SUCCEEDED", "SUCCEEDED"), once.output
    assert once.output
    assert (twice.attempts, twice.requests) == (1, once.requests)


@each_intent
@each_blow
async def test_no_effect_is_knowingly_repeated(intent: Intent, blow: Trouble) -> None:
    clean, struck = await ran(intent), await ran(intent, [blow], deliveries=2)
    if not clean.writes:
        assert struck.state == "SUCCEEDED"
        return
    if intent.idempotency.kind == "none":  # nobody tries again: the provider is asked, or a person
        assert (struck.attempts, len(struck.writes)) == (1, 1)
        asks = hasattr(load_handler(intent.name), "reconcile")
        assert struck.state in ({"SUCCEEDED", "FAILED", "UNKNOWN"} if asks else {"UNKNOWN"})
        return
    assert (struck.state, struck.crashes) == ("SUCCEEDED", 0 if blow is LOST else 1)
    if intent.idempotency.kind == "by_key":
        assert len(struck.effects) == len(clean.effects)


@each_intent
async def test_every_attempt_uses_the_same_key(intent: Intent) -> None:
    if intent.idempotency.kind == "by_key":
        struck = await ran(intent, [BROKEN, CRASH_BEFORE])
        assert (struck.state, struck.attempts) == ("SUCCEEDED", 3)
        assert {sent.key for sent in struck.writes} == {struck.effect_key}


@each_intent
async def test_plan_is_one_sentence_and_writes_nothing(intent: Intent) -> None:
    asked = provider(intent)
    said = await planned(intent, sample(intent), provider=asked)
    assert not [sent for sent in asked.requests if sent.write]
    if hasattr(load_handler(intent.name), "plan"):
        assert said
        assert "\n" not in said
        assert not said.startswith(("would fail", "would not work", "cannot be looked up")), said


@each_intent
@pytest.mark.parametrize(("trouble", "end"), [(LOST, "SUCCEEDED"), (BROKEN, "FAILED")], ids=["applied", "not_applied"])
async def test_reconcile_tells_the_truth(intent: Intent, trouble: Trouble, end: str) -> None:
    """Tried once and nobody knows: the provider's word decides, and without one a person. A retry would hide a lie."""
    struck = await ran(replace(intent, idempotency=NONE), [trouble])
    if not struck.writes:
        return
    if not hasattr(load_handler(intent.name), "reconcile"):
        assert struck.state == "UNKNOWN"
        return
    assert (struck.state, bool(struck.effects)) == (end, trouble is LOST)
