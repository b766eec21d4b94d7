"""What a task can be found by, and what people type to find it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.task.search_keys import MAX_KEYS, fold, keys_of, terms

ASKS = {"email": "Olena.Shevchenko@Example.com", "name": "Олена Шевченко", "id": "U06"}
TICKET = {
    "number": "OPS-312",
    "url": "https://acme.atlassian.net/browse/OPS-312?focusedCommentId=7",
    "title": "Broken Lämp",
    "words": "the parcel came late",
}
KEYS = frozenset(keys_of("T-Aa1", ASKS, TICKET, {"order_id": "#A-4410", "currency": "USD"}, ["see also 88889, please"]))


def found(typed: str) -> bool:
    """Whether each term has a key, or one in which the rest of it is looked at."""
    told = "\n".join(KEYS)
    return all(any(key in KEYS for key in term.keys) and term.text in told for term in terms(typed.split()))


@pytest.mark.parametrize(
    "typed",
    [
        "olena.shevchenko@example.com",
        "OLENA.SHEVCHENKO@EXAMPLE.COM",
        "olena.shevchenko",
        "shevchenko",
        "shevch",
        "she",
        "шевченко",
        "#a-4410",
        "4410",
        "ops-312",
        "312",
        "https://acme.atlassian.net/browse/OPS-312",
        "https://acme.atlassian.net/browse/OPS-312/?x=1#y",
        "https://other.example.com/OPS-312",
        "lamp",
        "Lämp,",
        "parcel late",
        "#88889",
        "t-aa1",
    ],
)
def test_task_is_found_by_what_people_know_of_it(typed: str) -> None:
    assert found(typed)


@pytest.mark.parametrize("typed", ["usd", "shevchenka", "4411", "parcel early", "https://example.com/", "the"])
def test_task_is_not_found_by_what_is_not_its_own(typed: str) -> None:
    assert not found(typed)


def test_message_of_slack_is_found_by_either_of_its_links() -> None:
    url = "https://slack.com/app_redirect?team=T1&channel=C0OPS0001&message_ts=1763981954.000102"
    keys = keys_of("t1", {}, {"url": url}, {})
    [term] = terms(["https://acme.slack.com/archives/C0OPS0001/p1763981954000102"])
    assert any(key in keys for key in term.keys)


def test_what_a_person_set_comes_first_and_what_was_known_stays() -> None:
    keys = keys_of("t1", {}, {}, {"order_id": "70015"}, known=["t1", "10021"])
    assert keys[:2] == ["t1", "70015"]
    assert keys[-1] == "10021"


def test_apostrophe_that_is_not_typed_is_not_missed() -> None:
    keys = keys_of("t1", {"email": "liam.o'connor@example.com", "name": "Liam O\u2019Connor"}, {}, {})
    for typed in ("oconnor", "O'Connor", "liam.oconnor@example.com"):
        [term] = terms([typed])
        assert term.keys[0] in keys


@pytest.mark.parametrize(
    ("parameters", "texts"),
    [
        ({"summary": "x" * 500, "amount_minor": 2500, "flag": True, "none": None}, []),
        ({}, ["4111111111111111 DE89370400440532013000 " * 50]),
        ({f"p{n}": f"value-{n}-of-many" for n in range(90)}, []),
    ],
)
def test_prose_amounts_and_long_numbers_are_no_keys_and_there_are_never_many(
    parameters: dict[str, Any], texts: list[str]
) -> None:
    keys = keys_of("t1", {}, {}, parameters, texts)
    assert len(keys) <= MAX_KEYS
    assert not {"2500", "true", "none", "4111111111111111", "x" * 100} & set(keys)
    assert not [key for key in keys if " " in key or key != fold(key)]


@pytest.mark.parametrize("typed", ["", "#", "http://[", "https://", "\u202e", "%00", "'; DROP TABLE words; --", '"*"'])
def test_anything_may_be_typed(typed: str) -> None:
    assert all(term.text for term in terms(typed.split()))
