"""What people see of a paused task's effect before they decide: the handler's plan, looked up by its executor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette

from infra.sandbox.app import create_app
from infra.sandbox.server import serving
from shared.errors import StoreUnavailable
from shared.intent.outcomes import Ambiguous, NotApplied, Permanent
from shared.intent.registry import load_handler
from shared.records.outbox import ask_for_preview
from shared.task.waiting import planned
from shared.wiring.lanes import POOL
from tests.scripted import ScriptedHandler
from tests.steps.conftest import Shop
from tests.steps.planning import POINTER, UNSURE, Planning, previewed
from tests.world import (
    CANCEL_ORDER,
    CHANGE_ADDRESS,
    ORDER_STATUS,
    PASSWORD_RESET,
    REFUND,
    SUMMARY,
    World,
    paused,
    says,
    ticket,
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[tuple[Starlette, str]]:
    app = create_app()
    kim = {"customer_email": "kim@example.com"}
    app.state.desk.orders.seed([{"id": "10021", "total_minor": 6000, **kim}, {"id": "20017", **kim}, {"id": "47384"}])
    app.state.desk.orders.seed([{"id": "30001", "customer_email": "lee@example.com", "total_minor": 6000}])
    with serving(app) as url:
        yield app, url


@pytest.fixture
async def vendors(sandbox: tuple[Starlette, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Return the vendors' desk, which real handlers reach."""
    app, url = sandbox
    for provider in ("STRIPE", "AUTH0", "SHOP", "SLACK"):
        monkeypatch.setenv(f"{provider}_API_URL", url)
        monkeypatch.setenv(f"{provider}_API_KEY", "key")
    yield app.state.desk
    await POOL.close()


async def test_pause_asks_the_executor_what_would_happen() -> None:
    world = await paused()
    assert world.publisher.on("intent-refund-request") == [POINTER]


async def test_pause_without_an_intent_or_without_valid_parameters_asks_nobody() -> None:
    unclassified = await paused((ticket("Where is #47384?"), says("out_of_scope")))
    invalid = await paused((REFUND[0], says("refund_request", order_id="#10021", amount_minor=-1, currency="USD")))
    assert unclassified.publisher.messages == invalid.publisher.messages == []
    assert not await ask_for_preview(invalid.ports, await invalid.record("t1"))


async def test_task_that_runs_asks_for_no_preview() -> None:
    world = World(ORDER_STATUS[1])
    await world.classify(ORDER_STATUS[0])
    assert len(world.publisher.on("intent-order-status")) == 1
    assert not await ask_for_preview(world.ports, await world.record("t1"))


async def test_preview_that_cannot_be_asked_for_is_no_trouble() -> None:
    world = World(REFUND[1])
    world.publisher.broken = True
    assert (await world.classify(REFUND[0])).code == "classified"
    record = await world.record("t1")
    assert record.state == "AWAITING_APPROVAL"
    assert not await ask_for_preview(world.ports, record)
    world.publisher.broken = False
    assert await ask_for_preview(world.ports, record)
    assert world.publisher.on("intent-refund-request") == [POINTER]


@pytest.mark.parametrize(
    ("case", "plan"),
    [
        (REFUND, "Refund 25.00 USD of order 10021 through Stripe"),
        (CANCEL_ORDER, "Cancel order 10021, which is processing"),
        (CHANGE_ADDRESS, "Ship order 20017, which is processing, to 12 Baker Street, London"),
        (ORDER_STATUS, "Look up order 47384 in the shop"),
        (PASSWORD_RESET, "Send Auth0's change-password mail to kim@example.com"),
        (SUMMARY, "Post to #ops-summaries: Two orders are late"),
    ],
    ids=lambda case: case[1]["intent"] if isinstance(case, tuple) else "",
)
async def test_every_intent_says_what_it_would_do_and_changes_nothing(vendors: Any, case: Any, plan: str) -> None:
    world = await paused((case[0], case[1] | UNSURE))
    before = await world.record("t1")
    entries = len(vendors.ledger.entries)
    assert (await world.execute("t1", load_handler(before.intent))).code == "previewed"
    approval = await world.approval("t1")
    assert (approval["plan"], approval["plan_at"]) == (plan, world.store.now)
    assert len(vendors.ledger.entries) == entries
    assert await world.record("t1") == planned(before, plan, world.store.now)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("#30001", "would fail: the order was paid by somebody else (not_owner)"),
        ("#40404", "would fail: the order has no payment in USD (no_payment)"),
    ],
)
async def test_effect_that_would_fail_says_why(vendors: Any, order: str, said: str) -> None:
    task = ticket(f"Please refund $25.00 for order {order}")
    answer = says("refund_request", order_id=order, amount_minor=2500, currency="USD")
    world = await paused((task, answer))
    await world.execute("t1", load_handler("refund_request"))
    assert (await world.approval("t1"))["plan"] == said


async def test_provider_that_is_down_is_said_so(vendors: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_URL", "http://127.0.0.1:1")
    world = await paused()
    assert (await world.execute("t1", load_handler("refund_request"))).status == 200
    plan = (await world.approval("t1"))["plan"]
    assert plan == "would not work now: GET /v1/payment_intents/search: no connection (no_connection)"


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (Permanent("too late", code="shipped"), "would fail: too late (shipped)"),
        (Permanent(), "would fail: the handler refuses (permanent)"),
        (NotApplied("busy", code="busy"), "would not work now: busy (busy)"),
        (Ambiguous("card 4111", code="odd"), "cannot be looked up: something went wrong (odd)"),
        (ValueError("card 4111"), "cannot be looked up: something went wrong (unexpected_ValueError)"),
        (TimeoutError("card 4111"), "cannot be looked up: no answer in time (timeout)"),
    ],
    ids=repr,
)
async def test_trouble_becomes_words_and_never_the_text_of_an_unknown_exception(raised: Any, said: str) -> None:
    world, outcome = await previewed(raised)
    assert ((await world.approval("t1"))["plan"], outcome.code, outcome.status) == (said, "previewed", 200)


@pytest.mark.parametrize("swallow", [False, True])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_no_write_of_a_plan_ever_reaches_the_provider(shop: Shop, method: str, swallow: bool) -> None:
    async def writes(params: Any, ctx: Any) -> str:
        for _ in range(2):
            try:
                await ctx.http.call(method, "/v1/refunds", key=ctx.effect_key)
            except Exception:
                if not swallow:
                    raise
        await ctx.http.call("GET", "/v1/refunds")
        return "all is well"

    world, _ = await previewed(writes)
    refused = "cannot be looked up: the handler's plan tries to change something (plan_writes)"
    assert (await world.approval("t1"))["plan"] == ("all is well" if swallow else refused)
    assert shop.requests == (["GET /v1/refunds HTTP/1.1"] if swallow else [])


async def test_plan_is_told_that_it_is_one() -> None:
    world, handler = await paused(), Planning("fine")
    await world.execute("t1", handler)
    [ctx] = handler.contexts
    assert (ctx.dry_run, ctx.approved, ctx.requester["email"]) == (True, False, "kim@example.com")


async def test_plan_that_hangs_ends_with_the_handlers_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(params: Any, ctx: Any) -> str:
        loop = asyncio.get_running_loop()
        assert 20 < ctx.deadline - loop.time() < 30
        ahead = loop.time() + 100
        monkeypatch.setattr(loop, "time", lambda: ahead)
        await asyncio.Event().wait()
        return ""

    world, _ = await previewed(hangs)
    assert (await world.approval("t1"))["plan"] == "cannot be looked up: no answer in time (timeout)"


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("[x](javascript:alert(1)) <!channel>", "[x](javascript:alert(1)) <!channel>"),
        ("a\x1b[31mred\x00\nb", "a [31mred  b"),
        ("pay \u202e52.00\u202c", "pay  52.00"),
        ("\ud800 half", "half"),
        ("x" * 10_000, "x" * 500),
        (7, "7"),
    ],
    ids=["html", "markup", "control", "bidi", "surrogate", "long", "number"],
)
async def test_hostile_plan_is_stored_as_one_line_of_printable_text(said: Any, stored: str) -> None:
    world, _ = await previewed(said)
    assert (await world.approval("t1"))["plan"] == stored


async def test_redelivered_request_looks_again_and_changes_nothing_else() -> None:
    world, _ = await previewed("first")
    before, record = await world.approval("t1"), await world.record("t1")
    world.pass_time(minutes=3)
    await world.execute("t1", Planning("second"))
    after = await world.approval("t1")
    assert (after["plan"], after["plan_at"]) == ("second", world.store.now)
    ours = {"plan", "plan_at"}
    assert {k: v for k, v in after.items() if k not in ours} == {k: v for k, v in before.items() if k not in ours}
    assert await world.record("t1") == planned(record, "second", world.store.now)


async def test_handler_without_a_plan_and_a_disabled_intent_are_not_looked_up() -> None:
    world = await paused()
    before, handler = await world.approval("t1"), Planning("fine")
    assert (await world.execute("t1", ScriptedHandler())).code == "no_preview"
    world.set(disabled_intents=frozenset({"refund_request"}))
    assert (await world.execute("t1", handler)).code == "no_preview"
    assert (handler.contexts, await world.approval("t1")) == ([], before)


async def test_kill_switch_stops_effects_and_no_preview() -> None:
    world = await paused()
    world.store.put("switches/refund_request", enabled=False)
    assert (await world.execute("t1", Planning("fine"))).code == "previewed"


@pytest.mark.parametrize("message", [{"generation": 2}, {"intent": "order_status"}])
async def test_message_of_another_generation_or_intent_looks_nothing_up(message: dict[str, Any]) -> None:
    world, handler = await paused(), Planning("fine")
    code = (await world.execute("t1", handler, **message)).code
    assert (code, handler.contexts) == ("stale" if "generation" in message else "other_intent", [])


async def test_preview_that_cannot_be_written_is_acknowledged() -> None:
    world = await paused()
    world.network.fail_next = [StoreUnavailable("down")]
    outcome = await world.execute("t1", Planning("fine"))
    assert (outcome.code, outcome.status, outcome.fields["error_code"]) == ("preview_lost", 200, "store_unavailable")


async def test_parameters_that_a_later_version_refuses_are_said_so() -> None:
    world = await paused()
    world.tamper("t1", {"order_id": "#10021"})
    await world.execute("t1", Planning("fine"))
    assert "parameters_invalid" in (await world.approval("t1"))["plan"]


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_plan_stays_beside_the_decision(decision: str) -> None:
    world, _ = await previewed("Refund 25.00 USD")
    looked_at = world.store.now
    world.pass_time(minutes=1)
    await world.decide("t1", decision)
    approval = await world.approval("t1")
    assert (approval["plan"], approval["plan_at"]) == ("Refund 25.00 USD", looked_at)


async def test_plan_stays_when_an_edit_is_refused() -> None:
    world, _ = await previewed("Refund 25.00 USD")
    await world.edit("t1", status="perhaps")
    await world.resume("t1")
    assert (await world.approval("t1"))["plan"] == "Refund 25.00 USD"


async def test_previewed_task_runs_once_it_is_approved() -> None:
    world, _ = await previewed("fine")
    await world.decide("t1")
    handler = ScriptedHandler()
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert (len(handler.calls), handler.calls[0][1].dry_run) == (1, False)


async def test_whose_order_it_is_is_not_looked_up_where_nobody_says_who_asks() -> None:
    world = await paused((ticket(REFUND[0].raw_payload["text"], email=""), REFUND[1]))
    await world.execute("t1", Planning(Permanent("the order was paid by somebody else", code="not_owner")))
    said = (await world.approval("t1"))["plan"]
    assert said == "would fail: nobody says whose request it is; say it, and it is looked up again (requester_unknown)"
