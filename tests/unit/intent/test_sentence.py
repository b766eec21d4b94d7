"""What would happen, as a person would say it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.intent.registry import discover
from shared.intent.sentence import MAX_VALUE_CHARS, money, sentence

REGISTRY = discover()


@pytest.mark.parametrize(
    ("intent", "parameters", "said"),
    [
        (
            "refund_request",
            {"order_id": "#10020", "amount_minor": 2500, "currency": "USD"},
            "Refund 25.00 USD of order 10020",
        ),
        (
            "refund_request",
            {"order_id": "A-7", "amount_minor": 5800, "currency": "JPY"},
            "Refund 5,800 JPY of order A-7",
        ),
        ("refund_request", {"order_id": "#10020", "amount_minor": "2500"}, "Refund ? of order 10020"),
        ("cancel_order", {}, "Cancel order ?"),
        ("ticket_summary", {"summary": "Two\n\torders  are late"}, "Post to the team: Two orders are late"),
    ],
)
def test_effect_is_told_in_the_intents_own_sentence(intent: str, parameters: dict[str, Any], said: str) -> None:
    assert sentence(REGISTRY[intent], parameters) == said


def test_intent_without_a_sentence_says_its_name_and_its_parameters() -> None:
    silent = replace(REGISTRY["refund_request"], effect="")
    told = sentence(silent, {"order_id": "#7", "amount_minor": 2500, "currency": "EUR"})
    assert told == "Refund request: order 7, amount 25.00 EUR"


def test_long_value_is_cut_and_braces_in_it_name_nothing() -> None:
    told = sentence(REGISTRY["cancel_order"], {"order_id": "{order_id}" + "x" * 100})
    assert told == "Cancel order " + ("{order_id}" + "x" * 100)[:MAX_VALUE_CHARS] + "..."


@pytest.mark.parametrize("minor", [None, True, "2500", 25.0])
def test_what_is_no_number_of_minor_units_is_no_money(minor: Any) -> None:
    assert money(REGISTRY["refund_request"], {"amount_minor": minor, "currency": "USD"}) == ""
