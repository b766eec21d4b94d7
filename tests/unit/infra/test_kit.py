"""The test double: what a provider is told to do, it does; what the real steps make of it is what a run says."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import httpx
import pytest
from pydantic import Field

from infra.kit.provider import (
    BROKEN,
    BUSY,
    CRASH_AFTER,
    CRASH_BEFORE,
    LOST,
    REFUSED,
    Crash,
    ScriptedProvider,
    Sent,
    Trouble,
)
from infra.kit.run import planned, run
from infra.kit.sample import own_test, sample
from shared.intent.declaration import NATURAL, NONE, Idempotency, Intent, ParametersModel, Policy, Provider, by_key
from shared.intent.outcomes import NotApplied
from shared.intent.provenance import FromPayload
from shared.settings import Settings
from tests.world import REGISTRY


class Parameters(ParametersModel):
    """Which one."""

    order_id: Annotated[str, Field(pattern=r"^#?[0-9]{5}$"), FromPayload()]


KEYED = by_key(timedelta(hours=1))
INTENT = Intent(
    name="mend_it",
    description="Mend it.",
    examples=("mend it", "please mend", "mended, please"),
    parameters=Parameters,
    provider=Provider("workshop", url="https://workshop.example.com"),
)
ORDER = {"order_id": "#10021"}


async def mend(params: Any, ctx: Any) -> str:
    reply = await ctx.http.call("POST", "/mend", json=params.model_dump(), key=ctx.effect_key)
    return f"mended as {reply.get('id')}"


async def ask(effect_key: str, ctx: Any) -> str:
    reply = await ctx.http.call("GET", "/mend", params={"idempotency_key": effect_key})
    return "applied" if reply.get("data") else "not_applied"


MENDS = SimpleNamespace(handle=mend)
ASKS = SimpleNamespace(handle=mend, reconcile=ask)


def bearing(idempotency: Idempotency) -> Intent:
    return replace(INTENT, idempotency=idempotency)


async def test_run_is_of_one_task_from_its_text_to_its_result() -> None:
    done = await run(INTENT, ORDER, handler=MENDS, provider=ScriptedProvider([(201, {"id": "w7"})]))
    assert (done.state, done.output, done.error, done.attempts, done.reasons) == (
        "SUCCEEDED",
        "mended as w7",
        None,
        1,
        [],
    )
    assert done.requests == [Sent("POST", "/mend", {}, ORDER, "t1.mend_it.1")]
    assert (done.effects, done.effect_key) == (done.requests, "t1.mend_it.1")


async def test_provider_without_a_script_is_the_sandbox() -> None:
    done = await run(INTENT, ORDER, handler=MENDS)
    assert done.output == "mended as mend-1"


@pytest.mark.parametrize(
    ("trouble", "idempotency", "state", "attempts", "effects"),
    [
        (REFUSED, NONE, "SUCCEEDED", 2, 1),
        (BUSY, NONE, "SUCCEEDED", 2, 1),
        (BROKEN, NONE, "UNKNOWN", 1, 0),
        (LOST, NONE, "UNKNOWN", 1, 1),
        (CRASH_BEFORE, NONE, "UNKNOWN", 1, 0),
        (CRASH_AFTER, NONE, "UNKNOWN", 1, 1),
        (BROKEN, NATURAL, "SUCCEEDED", 2, 1),
        (LOST, KEYED, "SUCCEEDED", 2, 1),
        (CRASH_BEFORE, KEYED, "SUCCEEDED", 2, 1),
        (CRASH_AFTER, KEYED, "SUCCEEDED", 2, 1),
    ],
)
async def test_each_trouble_ends_as_the_protocol_says(
    trouble: Trouble, idempotency: Idempotency, state: str, attempts: int, effects: int
) -> None:
    done = await run(
        bearing(idempotency), ORDER, handler=MENDS, provider=ScriptedProvider(writes=[trouble]), deliveries=3
    )
    assert (done.state, done.attempts, len(done.effects)) == (state, attempts, effects)
    assert {sent.key for sent in done.writes} == {done.effect_key}
    assert done.crashes == (1 if trouble in (CRASH_BEFORE, CRASH_AFTER) else 0)


async def test_repetition_without_a_key_is_an_effect_of_its_own() -> None:
    async def put(params: Any, ctx: Any) -> str:
        await ctx.http.call("PUT", "/mend")
        return "mended"

    done = await run(
        bearing(NATURAL), ORDER, handler=SimpleNamespace(handle=put), provider=ScriptedProvider(writes=[CRASH_AFTER])
    )
    assert (done.state, len(done.effects)) == ("SUCCEEDED", 2)


@pytest.mark.parametrize(("trouble", "state"), [(LOST, "SUCCEEDED"), (BROKEN, "FAILED")])
async def test_provider_is_asked_later_what_became_of_it(trouble: Trouble, state: str) -> None:
    done = await run(INTENT, ORDER, handler=ASKS, provider=ScriptedProvider(writes=[trouble]))
    assert (done.state, done.attempts, [sent.method for sent in done.requests]) == (state, 1, ["POST", "GET"])


async def test_answers_can_be_a_function_of_the_request() -> None:
    def answers(sent: Sent) -> Any:
        return {"id": sent.key} if sent.write else 404

    done = await run(INTENT, ORDER, handler=MENDS, provider=ScriptedProvider(answers))
    assert done.output == "mended as t1.mend_it.1"


async def test_answer_can_be_trouble_a_refusal_or_left_to_the_sandbox() -> None:
    provider = ScriptedProvider([REFUSED, 503, None])
    done = await run(bearing(KEYED), ORDER, handler=MENDS, provider=provider)
    assert (done.state, done.attempts, done.output) == ("SUCCEEDED", 3, "mended as mend-1")
    refused = await run(INTENT, ORDER, handler=MENDS, provider=ScriptedProvider([(422, {"why": "too old"})]))
    assert (refused.state, refused.error, refused.effects) == ("FAILED", "provider_422", [])


async def test_request_beyond_the_script_is_a_fault_of_the_test() -> None:
    provider = ScriptedProvider([])
    client = httpx.AsyncClient(transport=provider, base_url="https://workshop.example.com")
    with pytest.raises(AssertionError, match="request 1 has no answer: GET /orders"):
        await client.get("/orders")


async def test_crash_passes_every_handler_by() -> None:
    client = httpx.AsyncClient(transport=ScriptedProvider(writes=[CRASH_BEFORE]), base_url="https://w.example.com")

    async def carefully() -> None:
        with contextlib.suppress(Exception):  # all that a handler may catch
            await client.post("/mend")

    with pytest.raises(Crash):
        await carefully()


async def test_attempts_end_and_so_does_the_run() -> None:
    async def never(params: Any, ctx: Any) -> str:
        raise NotApplied("not now", code="closed", retry_after_s=7200)

    done = await run(INTENT, ORDER, handler=SimpleNamespace(handle=never))
    assert (done.state, done.error, done.attempts) == ("FAILED", "closed", INTENT.limits.max_attempts)


async def test_gate_is_the_real_one() -> None:
    asking = replace(INTENT, policy=Policy(risk="credential", subject="/requester/email"))
    waits = await run(asking, ORDER, handler=MENDS, approve=False)
    assert (waits.state, waits.attempts) == ("AWAITING_APPROVAL", 0)
    assert waits.reasons == ["policy: credential intents need a person"]
    approved = await run(asking, ORDER, handler=MENDS)
    assert approved.state == "SUCCEEDED"
    automatic = Settings(automatic={"mend_it": None})
    assert (await run(asking, ORDER, handler=MENDS, approve=False, settings=automatic)).state == "SUCCEEDED"
    unsaid = await run(INTENT, ORDER, handler=MENDS, approve=False, text="mend mine")
    assert unsaid.reasons == ["provenance: order_id is not in the text"]
    unsure = await run(INTENT, ORDER, handler=MENDS, approve=False, confidence=0.5)
    assert unsure.reasons == ["low_confidence: 0.50 is below 0.80"]


async def test_parameters_that_do_not_hold_are_named() -> None:
    with pytest.raises(ValueError, match=r"^parameters_invalid: order_id: string_pattern_mismatch$"):
        await run(INTENT, {"order_id": "x"}, handler=MENDS)


async def test_plan_is_what_a_person_reads() -> None:
    async def plan(params: Any, ctx: Any) -> str:
        return f"Mend {params.order_id}"

    async def writes(params: Any, ctx: Any) -> str:
        await ctx.http.call("POST", "/mend")
        return "never said"

    provider = ScriptedProvider()
    assert await planned(INTENT, ORDER, handler=SimpleNamespace(handle=mend, plan=plan)) == "Mend #10021"
    said = await planned(INTENT, ORDER, handler=SimpleNamespace(handle=mend, plan=writes), provider=provider)
    assert said == "cannot be looked up: the handler's plan tries to change something (plan_writes)"
    assert provider.requests == []
    assert await planned(INTENT, ORDER, handler=MENDS) is None


def test_sample_is_made_of_plain_values() -> None:
    class Many(ParametersModel):
        """All kinds."""

        number: Annotated[int, Field(gt=1000)]
        when: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
        kind: Literal["paper", "card"]
        sure: bool
        orders: list[str]
        remark: str | None = None

    assert sample(replace(INTENT, parameters=Many)) == {
        "number": 2500,
        "when": "2026-01-05",
        "kind": "paper",
        "sure": True,
        "orders": ["10021"],
    }


def test_value_nobody_can_guess_is_asked_for_by_name() -> None:
    class Odd(ParametersModel):
        """Nothing plain."""

        iban: Annotated[str, Field(pattern=r"^XX-[a-f]{9}$")]

    assert own_test(INTENT) is None
    with pytest.raises(LookupError, match=r"fits 'iban'; say in functions/execute/mend_it/test_mend_it.py which"):
        sample(replace(INTENT, parameters=Odd))


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_sample_of_every_intent_is_valid(name: str) -> None:
    assert REGISTRY[name].parameters.model_validate(sample(REGISTRY[name]))
