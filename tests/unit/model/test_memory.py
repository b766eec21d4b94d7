"""What earlier decisions agree on: three that are close and were the same, or nothing."""

from __future__ import annotations

from shared.model.memory import Memory

LOST = [("my card is lost, block it", "lock_card"), ("card lost please block it now", "lock_card")]
THIRD = ("I lost my card, please block it", "lock_card")
OTHER = [("the payment did not go through", "payment_failed"), ("why was my payment declined", "payment_failed")]


def test_three_that_agree_name_the_intent() -> None:
    memory = Memory([*LOST, THIRD, *OTHER])
    assert memory.agreed("please block my card, it is lost") == "lock_card"
    assert len(memory) == 5


def test_two_are_not_enough() -> None:
    assert Memory([*LOST, *OTHER]).agreed("please block my card, it is lost") is None


def test_one_that_disagrees_is_enough_to_ask() -> None:
    memory = Memory([*LOST, (THIRD[0], "out_of_scope"), *OTHER])
    assert memory.agreed("please block my card, it is lost") is None


def test_text_that_is_far_from_all_agrees_with_none() -> None:
    memory = Memory([*LOST, THIRD, *OTHER])
    assert memory.agreed("what is the weather going to be like") is None
    assert memory.agreed("") is None
    assert Memory([]).agreed("please block my card") is None


def test_the_same_text_sent_often_is_one_decision() -> None:
    assert Memory([LOST[0]] * 50 + OTHER).agreed(LOST[0][0]) is None
