"""What labels prove: which of them count, in which look, for which intents; and why nothing is, where nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from infra.calibrate.counting import Classifier, must_be_known, of_one
from infra.calibrate.proposal import Wanted, propose, why_not
from infra.errors import StackError
from shared.calibration.certify import LOOKS
from shared.task.label import Label
from tests.unit.infra.calibrate.made import REFUSED, RIGHT, WRONG, label, run_of

SURE, MODEST = {"confidence": 0.96}, {"confidence": 0.72}
ONE = Wanted(one_look=True)


def counted(labels: list[Label], wanted: Wanted = ONE) -> list[tuple[tuple[str, ...], int, int]]:
    """Return each pool's intents with its k of n at the loosest threshold that was tried."""
    pools = propose(labels, wanted).pools
    return [(pool.intents, pool.walk.steps[-1].right, pool.walk.steps[-1].counted) for pool in pools]


def test_loosest_threshold_that_is_proven_is_found() -> None:
    (pool,) = propose(run_of((200, SURE), (100, MODEST), (50, {"confidence": 0.5} | WRONG)), ONE).pools
    assert pool.walk.proven is not None
    assert (pool.walk.proven.threshold, pool.walk.proven.right, pool.walk.proven.counted) == (0.55, 300, 300)
    assert pool.own("order_status", 0.8) == (200, 200)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (RIGHT, 1),
        (WRONG, 1),
        ({"verdict": "relabelled", "right": False, "intent": "refund_request"}, 1),
        ({"verdict": "corrected", "right": False}, 1),  # its own parameters would have run
        ({"verdict": "corrected"}, 0),  # it could not have run
        (REFUSED, 0),
        ({"verdict": "duplicate", "right": None, "intent": None}, 0),
        ({"drawn": ""}, 0),
        ({"drawn": "policy"}, 0),
        ({"drawn": "audit"}, 1),
        ({"drawn": "audit", "above": 0.5}, 0),  # nothing below was ever drawn: no proof for 0.4
        ({"said": "unclassified", "verdict": "wrong_intent", "intent": "unclassified"}, 0),
        ({"said": "unclassified", "confidence": 0.99, **WRONG}, 0),
    ],
)
def test_a_label_counts_as_what_it_says(change: dict[str, Any], counts: int) -> None:
    labels = [*run_of((200, SURE)), label(200, **SURE | change)]
    ((_, _, found),) = counted(labels)
    assert found == 200 + counts


def test_looks_are_at_the_first_so_many_and_later_ones_change_nothing() -> None:
    labels = run_of((LOOKS[0], SURE), (LOOKS[1] - LOOKS[0] - 1, SURE | WRONG))
    first = propose(labels[: LOOKS[0]], Wanted())
    again = propose(labels, Wanted())
    assert (again.look, again.digest, again.pools) == (first.look, first.digest, first.pools)
    assert first.look == (1, LOOKS[0])
    second = propose([*labels, label(10_000)], Wanted())
    assert second.look == (2, LOOKS[1])
    assert not second.proven


def test_looks_share_the_risk() -> None:
    """Three wrong of 158 prove 95% at a risk of 5%, and not at a quarter of it."""
    labels = run_of((142, {"said": "unclassified"} | WRONG), (155, SURE), (3, SURE | WRONG))
    assert propose(labels, ONE).proven
    assert not propose(labels, Wanted()).proven


def test_intents_with_enough_decisions_stand_for_themselves_the_others_together() -> None:
    few = [{"said": said, "intent": said} for said in ("cancel_order", "change_address")]
    labels = run_of((93, SURE), (80, few[0]), (92, few[1]), (40, {"drawn": "policy", "said": "password_reset"}))
    assert counted(labels) == [(("cancel_order", "change_address", "order_status"), 265, 265)]
    wanted = Wanted(one_look=True, per_intent=True)
    assert counted(labels, wanted) == [(("order_status",), 93, 93), (("cancel_order", "change_address"), 172, 172)]


def test_what_policy_shows_to_people_proves_its_own_intent_alone() -> None:
    labels = run_of((100, {"drawn": "policy"}), (100, {"said": "cancel_order"}))
    wanted = Wanted(one_look=True, per_intent=True)
    assert [intents for intents, _, _ in counted(labels, wanted)] == [("cancel_order",), ("order_status",)]
    with pytest.raises(StackError, match="add --per-intent"):
        propose(run_of((100, {"drawn": "policy"})), ONE)


def test_an_intent_can_be_left_to_people() -> None:
    labels = run_of((200, SURE), (100, SURE | WRONG | {"said": "cancel_order"}))
    assert not propose(labels, ONE).proven
    without = propose(labels, Wanted(one_look=True, without=frozenset({"cancel_order"})))
    assert [pool.intents for pool in without.proven] == [("order_status",)]
    assert without.look.decisions == 300  # of whatever intent, so that it is the same look
    assert without.pools[0].walk.steps[-1].counted == 200


@pytest.mark.parametrize(
    ("labels", "wanted", "says"),
    [
        (run_of((31, {})), ONE, "59 without an error certify 95% at a risk of 5%; there are 31: decide more"),
        (run_of((31, {})), Wanted(), "86 without an error .* there are 31, and the next look is at 300 decisions"),
        (
            run_of((31, {})),
            Wanted(target=0.999),
            "4,380 without an error certify 99.9% at a risk of 1.25%; .* the last look is at 1,200: say a lower",
        ),
        (run_of((400, {})), Wanted(target=0.99), "437 without an error .* there are 400, and the next look is at 500"),
        (run_of((493, {"drawn": ""})), ONE, "all 493 decisions are about tickets that the classifier was not sure of"),
        (run_of((99, REFUSED)), ONE, "none of 99 labels says whether"),
    ],
)
def test_too_few_are_refused_with_what_to_do(labels: list[Label], wanted: Wanted, says: str) -> None:
    with pytest.raises(StackError, match=says):
        propose(labels, wanted)


def test_where_nothing_is_proven_the_step_is_named() -> None:
    (pool,) = propose(run_of((90, SURE), (10, SURE | WRONG)), ONE).pools
    assert why_not(pool, ONE) == (
        "the first threshold that enough decisions reach is 0.95: 10 of 100 are wrong there, and at most 1 may be"
    )
    (pool,) = propose(run_of((70, SURE)), ONE).pools
    assert "70 decisions reach 0.4, the loosest threshold; it takes 93" in why_not(pool, ONE)


def test_labels_of_several_classifiers_are_named_and_one_is_chosen() -> None:
    labels = run_of((3, {}), (2, {"model": "n"}), (1, {"model": "n", "prompt_version": "p2"}))
    with pytest.raises(StackError, match=r"m with prompt p1 \(3\), n with prompt p1 \(2\), n with prompt p2 \(1\)"):
        of_one(labels)
    with pytest.raises(StackError, match="choose one with --model n"):
        of_one(labels, "n")
    with pytest.raises(StackError, match="none of them is --model x"):
        of_one(labels, "x")
    degraded = label(9, model="none", prompt_version="", said="unclassified", verdict="relabelled", right=False)
    assert of_one([*labels[:3], degraded]) == (Classifier("m", "p1"), labels[:3])
    with pytest.raises(StackError, match="no label is about an answer of a classifier"):
        of_one([degraded])
    assert of_one(labels, "m") == (Classifier("m", "p1"), labels[:3])
    assert of_one(labels, "n", "p2") == (Classifier("n", "p2"), labels[5:])


def test_labels_about_what_is_no_intent_are_named() -> None:
    names = ("lock_card", "lock_card", None, "unclassified", "delete_account", "order_status")
    with pytest.raises(StackError, match=r"are about 'lock_card' \(2\), 'delete_account' \(1\), which no folder"):
        must_be_known(names, {"order_status"})
    must_be_known(names, {"order_status", "lock_card", "delete_account"})
