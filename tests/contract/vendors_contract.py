"""What every stand-in for the vendors must show to every handler, and every handler to them, in good times and bad.

A subclass named `Test...` supplies the fixture `vendors`, with the orders of `handler_contract` and nothing done yet.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.intent.handler import TaskContext, TaskOutput
from shared.intent.outcomes import Ambiguous, HandlerOutcome, NotApplied, Permanent
from tests.contract.handler_contract import CASES, ORDERS, WRITES, Case, context
from tests.contract.vendors import Done, Vendors

# fault -> what the handler must raise, how many effects have then happened
TROUBLE: dict[str, tuple[type[HandlerOutcome], int]] = {
    "refuse": (Ambiguous, 0),
    "timeout_before": (Ambiguous, 0),
    "timeout_after": (Ambiguous, 1),
    "reset_after": (Ambiguous, 1),
    "500": (Ambiguous, 0),
    "503": (Ambiguous, 0),
    "500_after": (Ambiguous, 1),
    "stored_500": (Ambiguous, 0),
    "429": (NotApplied, 0),
}
each_handler = pytest.mark.parametrize("case", CASES, ids=str)
each_write = pytest.mark.parametrize("case", WRITES, ids=str)
each_keyed = pytest.mark.parametrize("case", [c for c in WRITES if c.keyed], ids=str)
of_orders = pytest.mark.parametrize("case", [c for c in CASES if c.reads == ("get_order",)], ids=str)
changes_orders = pytest.mark.parametrize("case", [c for c in WRITES if c.reads == ("get_order",)], ids=str)

REFUND = CASES[0]


def bound(vendors: Vendors, case: Case, fault: str = "", **more: Any) -> TaskContext:
    """Return a context with ample patience, unless the fault uses it up."""
    deadline_s = vendors.patience_s if "timeout" in fault else 20.0
    return context(vendors.url, vendors.pool, case, deadline_s=deadline_s, **more)


def words(result: str | TaskOutput) -> str:
    """Return what a handler said."""
    return result.output if isinstance(result, TaskOutput) else result


class VendorsContract:
    """Each handler, each fault."""

    @each_write
    async def test_success_is_one_entry_in_the_ledger(self, case: Case, vendors: Vendors) -> None:
        result = await case.handler.handle(case.params(), bound(vendors, case, effect_key="t1.op.1"))
        key = "t1.op.1" if case.keyed else None
        assert vendors.done == [Done(str(case.write), case.subject, case.amount_minor, key)]
        assert words(result)
        assert not words(result).startswith("would")

    @each_keyed
    async def test_the_same_effect_key_twice_is_one_effect(self, case: Case, vendors: Vendors) -> None:
        first = await case.handler.handle(case.params(), bound(vendors, case))
        vendors.seed([{**ORDERS[0], "status": "processing"}])  # so that the shop is asked again
        second = await case.handler.handle(case.params(), bound(vendors, case))
        assert len(vendors.done) == 1
        assert second == first

    @each_keyed
    async def test_the_same_effect_key_at_once_is_one_effect(self, case: Case, vendors: Vendors) -> None:
        first, second = await asyncio.gather(
            *(case.handler.handle(case.params(), bound(vendors, case)) for _ in range(2))
        )
        assert len(vendors.done) == 1
        assert vendors.asked in (1, 2)  # whoever looks first when the other is done asks no more
        assert second == first

    @each_write
    @pytest.mark.parametrize("fault", TROUBLE)
    async def test_trouble_is_told_as_what_is_known_of_the_effect(
        self, case: Case, fault: str, vendors: Vendors
    ) -> None:
        expected, effects = TROUBLE[fault]
        vendors.script(case, case.write, fault)
        with pytest.raises(expected) as caught:
            await case.handler.handle(case.params(), bound(vendors, case, fault))
        assert len(vendors.done) == effects
        assert type(caught.value) is expected
        if expected is NotApplied:
            assert caught.value.retry_after_s in vendors.pauses_s  # type: ignore[attr-defined]
        assert "token-of-the-test" not in str(caught.value)
        assert case.subject not in str(caught.value)

    @each_keyed
    @pytest.mark.parametrize("fault", TROUBLE)
    async def test_a_retry_with_the_same_key_ends_with_one_effect(
        self, case: Case, fault: str, vendors: Vendors
    ) -> None:
        vendors.script(case, case.write, fault)
        with pytest.raises(HandlerOutcome):
            await case.handler.handle(case.params(), bound(vendors, case, fault))
        await vendors.pool.close()  # a new instance: this one leaves a host alone that asked for it
        if fault == "stored_500":  # Stripe answers this key with 500 for ever: reconcile has to settle it
            with pytest.raises(Ambiguous):
                await case.handler.handle(case.params(), bound(vendors, case))
            assert vendors.done == []
            assert await case.handler.reconcile("t1.op.1", bound(vendors, case)) == "not_applied"
        else:
            await case.handler.handle(case.params(), bound(vendors, case))
            assert len(vendors.done) == 1

    @each_write
    async def test_conflict_is_ambiguous_only_where_a_key_was_sent(self, case: Case, vendors: Vendors) -> None:
        vendors.script(case, case.write, "409")
        with pytest.raises(Ambiguous if case.keyed else Permanent) as caught:
            await case.handler.handle(case.params(), bound(vendors, case))
        assert caught.value.code == "provider_409"
        assert vendors.done == []

    @each_handler
    @pytest.mark.parametrize("fault", ["refuse", "timeout_before", "500", "429"])
    async def test_trouble_while_looking_up_means_nothing_was_applied(
        self, case: Case, fault: str, vendors: Vendors
    ) -> None:
        for operation in case.reads:
            vendors.script(case, operation, fault)
            started: list[bool] = []

            async def start(started: list[bool] = started) -> None:
                started.append(True)

            with pytest.raises(NotApplied):
                await case.handler.handle(case.params(), bound(vendors, case, fault, before_write=start))
            assert not started
        assert vendors.done == []

    @each_handler
    async def test_nobody_listening_means_nothing_was_applied(self, case: Case, vendors: Vendors) -> None:
        vendors.vanish()
        with pytest.raises(NotApplied) as caught:
            await case.handler.handle(case.params(), bound(vendors, case))
        assert caught.value.code == "no_connection"
        assert vendors.done == []

    @each_write
    async def test_dry_run_writes_nothing_and_says_what_it_would_do(self, case: Case, vendors: Vendors) -> None:
        said = await case.handler.handle(case.params(), bound(vendors, case, dry_run=True))
        assert said.startswith("would ")
        assert (vendors.done, vendors.asked) == ([], 0)

    @each_handler
    async def test_plan_writes_nothing_and_is_one_sentence(self, case: Case, vendors: Vendors) -> None:
        said = await case.handler.plan(case.params(), bound(vendors, case))
        assert said[0].isupper()
        assert "\n" not in said
        assert (vendors.done, vendors.asked) == ([], 0)

    @each_write
    async def test_a_start_marker_that_is_refused_stops_the_effect(self, case: Case, vendors: Vendors) -> None:
        async def refuse() -> None:
            raise RuntimeError("the lease is lost")

        with pytest.raises(RuntimeError, match="lease"):
            await case.handler.handle(case.params(), bound(vendors, case, before_write=refuse))
        assert (vendors.done, vendors.asked) == ([], 0)

    @each_keyed
    async def test_reconcile_tells_applied_from_not_applied(self, case: Case, vendors: Vendors) -> None:
        vendors.script(case, case.write, "timeout_before")
        with pytest.raises(Ambiguous):
            await case.handler.handle(case.params(), bound(vendors, case, "timeout_before"))
        assert await case.handler.reconcile("t1.op.1", bound(vendors, case)) == "not_applied"

        vendors.script(case, case.write, "timeout_after")
        with pytest.raises(Ambiguous):
            await case.handler.handle(case.params(), bound(vendors, case, "timeout_after"))
        assert await case.handler.reconcile("t1.op.1", bound(vendors, case)) == "applied"
        assert await case.handler.reconcile("t1.op.2", bound(vendors, case)) == "not_applied"

    # --- whose order it is, and how far it has come

    @of_orders
    async def test_an_order_of_somebody_else_is_neither_shown_nor_changed(self, case: Case, vendors: Vendors) -> None:
        for step in (case.handler.handle, *([case.handler.plan] if case.write else [])):
            with pytest.raises(Permanent) as caught:
                await step(case.params(order_id="30001"), bound(vendors, case))
            assert caught.value.code == "not_owner"
        assert (vendors.done, vendors.asked) == ([], 0)

    @of_orders
    async def test_an_unknown_order_is_final(self, case: Case, vendors: Vendors) -> None:
        with pytest.raises(Permanent) as caught:
            await case.handler.handle(case.params(order_id="40412"), bound(vendors, case))
        assert caught.value.code == "provider_404"
        assert "40412" not in str(caught.value)

    @changes_orders
    async def test_a_shipped_order_is_left_alone(self, case: Case, vendors: Vendors) -> None:
        with pytest.raises(Permanent) as caught:
            await case.handler.handle(case.params(order_id="#20019"), bound(vendors, case))
        assert caught.value.code == "already_shipped"
        assert (vendors.done, vendors.asked) == ([], 0)

    @changes_orders
    async def test_an_order_that_ships_at_the_last_moment_is_left_alone(self, case: Case, vendors: Vendors) -> None:
        """And what was refused may be asked again under the same key."""

        async def ship() -> None:
            vendors.seed([{**ORDERS[0], "status": "shipped"}])

        with pytest.raises(Permanent) as caught:
            await case.handler.handle(case.params(), bound(vendors, case, before_write=ship))
        assert caught.value.code == "provider_422"
        assert (vendors.done, vendors.asked) == ([], 1)
        vendors.seed([{**ORDERS[0], "status": "processing"}])
        await case.handler.handle(case.params(), bound(vendors, case))
        assert len(vendors.done) == 1

    async def test_cancelling_a_cancelled_order_succeeds_without_a_call(self, vendors: Vendors) -> None:
        [case] = [c for c in CASES if c.intent == "cancel_order"]
        said = await case.handler.handle(case.params(order_id="20018"), bound(vendors, case))
        assert said == "Order 20018 was already cancelled"
        assert vendors.asked == 0

    async def test_a_cancelled_order_stays_cancelled_for_other_keys(self, vendors: Vendors) -> None:
        [case] = [c for c in CASES if c.intent == "cancel_order"]
        await case.handler.handle(case.params(), bound(vendors, case, effect_key="t1.op.1"))
        said = await case.handler.handle(case.params(), bound(vendors, case, effect_key="t2.op.1"))
        assert said == "Order 10021 was already cancelled"
        assert len(vendors.done) == 1

    async def test_order_status_tells_the_owner(self, vendors: Vendors) -> None:
        [case] = [c for c in CASES if c.intent == "order_status"]
        said = await case.handler.handle(case.params(order_id="20019"), bound(vendors, case))
        assert said.startswith("Order 20019 is shipped, expected 2030-")

    # --- refunds

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"currency": "EUR"}, "no_payment"),  # it was paid in dollars
            ({"order_id": "40412"}, "no_payment"),
            ({"order_id": "30001"}, "not_owner"),
            ({"amount_minor": 6001}, "amount_too_large"),
        ],
    )
    async def test_a_refund_that_does_not_fit_the_payment_is_final(
        self, changed: dict[str, Any], code: str, vendors: Vendors
    ) -> None:
        with pytest.raises(Permanent) as caught:
            await REFUND.handler.handle(REFUND.params(**changed), bound(vendors, REFUND))
        assert caught.value.code == code
        assert vendors.done == []

    async def test_refunds_of_one_payment_add_up(self, vendors: Vendors) -> None:
        for number, amount in enumerate((4000, 2000)):
            params = REFUND.params(amount_minor=amount)
            await REFUND.handler.handle(params, bound(vendors, REFUND, effect_key=f"t{number}.op.1"))
        with pytest.raises(Permanent):
            await REFUND.handler.handle(REFUND.params(amount_minor=1), bound(vendors, REFUND, effect_key="t9.op.1"))
        assert [done.amount_minor for done in vendors.done] == [4000, 2000]

    async def test_a_key_that_stripe_knows_from_another_refund_leaves_it_open(self, vendors: Vendors) -> None:
        await REFUND.handler.handle(REFUND.params(), bound(vendors, REFUND))
        with pytest.raises(Ambiguous) as caught:
            await REFUND.handler.handle(REFUND.params(amount_minor=100), bound(vendors, REFUND))
        assert caught.value.code == "key_reused"
        assert len(vendors.done) == 1
