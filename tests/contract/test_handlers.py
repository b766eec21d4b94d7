"""Every handler against the vendors' sandbox, over real HTTP, with everything that goes wrong on the way."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from shared.intent.outcomes import Ambiguous, HandlerOutcome, LockedOut, NotApplied, Permanent
from shared.wiring.lanes import Pool
from tests.contract.handler_contract import CASES, Case, context
from tests.contract.sandbox_vendors import Sandbox
from tests.contract.vendors_contract import REFUND, VendorsContract, bound, of_orders
from tests.shipped import SHIPPED


def test_every_intent_that_ships_has_a_case() -> None:
    assert {case.intent for case in CASES} == set(SHIPPED)


class TestSandbox(VendorsContract):
    async def test_replay_is_kept_apart_from_effects(self, vendors: Sandbox) -> None:
        both = (REFUND.handler.handle(REFUND.params(), bound(vendors, REFUND)) for _ in range(2))
        await asyncio.gather(*both)
        assert (len(vendors.desk.ledger.entries), len(vendors.desk.ledger.replays)) == (1, 1)


@of_orders
async def test_without_an_authenticated_address_nothing_is_looked_up(case: Case, vendors: Sandbox) -> None:
    with pytest.raises(Permanent) as caught:
        await case.handler.handle(case.params(), bound(vendors, case, email=""))
    assert caught.value.code == "no_requester"
    assert not vendors.desk.calls


@pytest.mark.parametrize(
    ("email", "is_owner"),
    [
        ("<JANE@example.com>", True),
        ("jane+shop@example.com", False),
        ("jane@Example.com.", True),
        ("j\u0430ne@example.com", False),
    ],
)
@pytest.mark.parametrize("case", [case for case in CASES if "10021" in str(case.parameters.get("order_id"))], ids=str)
async def test_owner_is_known_however_the_address_is_written(
    case: Case, email: str, is_owner: bool, vendors: Sandbox
) -> None:
    asked = bound(vendors, case, email=email, dry_run=True)
    if is_owner:
        assert await case.handler.handle(case.params(), asked)
        return
    with pytest.raises(Permanent) as caught:
        await case.handler.handle(case.params(), asked)
    assert caught.value.code == "not_owner"


# --- Slack --------------------------------------------------------------------------------------------------------

SUMMARY = CASES[-1]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("ratelimited", NotApplied),
        ("channel_not_found", Permanent),
        ("invalid_auth", LockedOut),
        ("token_revoked", LockedOut),
        ("internal_error", Ambiguous),
        ("fatal_error", Ambiguous),
    ],
)
async def test_slack_refusals_that_come_with_200_are_read(
    error: str, expected: type[HandlerOutcome], vendors: Sandbox
) -> None:
    vendors.script(SUMMARY, "post_message", "error", error=error)
    with pytest.raises(expected):
        await SUMMARY.handler.handle(SUMMARY.params(), bound(vendors, SUMMARY))
    assert vendors.done == []


async def test_a_summary_can_neither_mention_the_channel_nor_dress_up_a_link(pool: Pool) -> None:
    posted: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        posted.append(request.content)
        return httpx.Response(200, json={"ok": True, "ts": "1.2"})

    ctx = context("http://slack.test", pool, SUMMARY, transport=httpx.MockTransport(answer))
    await SUMMARY.handler.handle(SUMMARY.params(summary="<!channel> see <evil|here>"), ctx)
    assert b"<" not in posted[0]


@pytest.mark.parametrize("body", ["<html>busy</html>", "[]", "{}"])
async def test_an_answer_nobody_can_read_leaves_it_open(body: str, pool: Pool) -> None:
    ctx = context(
        "http://slack.test", pool, SUMMARY, transport=httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    )
    with pytest.raises(Ambiguous):
        await SUMMARY.handler.handle(SUMMARY.params(), ctx)


async def test_a_summary_names_no_card_no_secret_and_no_national_id(pool: Pool) -> None:
    posted: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        posted.append(request.content)
        return httpx.Response(200, json={"ok": True, "ts": "1.2"})

    ctx = context("http://slack.test", pool, SUMMARY, transport=httpx.MockTransport(answer))
    params = SUMMARY.params(summary="Kim (078-05-1120) paid with 4111 1111 1111 1111, password is hunter2!")
    await SUMMARY.handler.handle(params, ctx)
    assert b"Kim ([national id]) paid with [card number], password is [secret]" in posted[0]
    assert "4111" not in await SUMMARY.handler.plan(params, ctx)
