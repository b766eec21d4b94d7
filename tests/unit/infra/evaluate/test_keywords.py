"""The keyword router: patterns for intents of well-known names, own words of the examples for others."""

from __future__ import annotations

import pytest

from infra.evaluate.keywords import KeywordClassifier
from shared.intent.declaration import Intent, ParametersModel, Provider
from shared.intent.registry import Registry
from shared.task.schemas import UNCLASSIFIED
from tests.shipped import shipped

LOCK = ("please help, I lost my card", "my card was stolen", "freeze my card please")
CLOSE = ("close my account please", "please close the account", "I want to leave and close it")
FOREIGN = Registry(
    {
        name: Intent(name, "It.", examples, ParametersModel, Provider("nobody", url="https://nobody.example.com"))
        for name, examples in (("lock_card", LOCK), ("close_account", CLOSE))
    }
)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Please refund my purchase", "refund_request"),
        ("I forgot the pass code again", "password_reset"),
        ("cancel the last order", "cancel_order"),
        ("Where's my package?", "order_status"),
        ("please update my shipping address", "change_address"),
        ("summarize this for the team", "ticket_summary"),
        ("a lovely day", UNCLASSIFIED),
    ],
)
def test_known_intents_are_found_by_their_patterns(text: str, intent: str) -> None:
    assert KeywordClassifier(shipped()).judge(text) == intent


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("which card do you offer", "lock_card"),
        ("how do I close this", "close_account"),
        ("my card, close", "lock_card"),  # "card" and "my card" against "close"
        ("card close", UNCLASSIFIED),  # one word each
        ("please", UNCLASSIFIED),  # both say it
        ("freeze", UNCLASSIFIED),  # one example alone says it
    ],
)
def test_other_intents_are_found_by_words_that_only_their_examples_repeat(text: str, intent: str) -> None:
    assert KeywordClassifier(FOREIGN).judge(text) == intent
