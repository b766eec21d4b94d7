"""Amounts as settings state them, and as people read them."""

from __future__ import annotations

import pytest

from shared.currency import DECIMALS, example, minor_units, natural, written


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("50.00 USD", ("USD", 5000)),
        ("50 USD", ("USD", 5000)),
        ("0.01 EUR", ("EUR", 1)),
        ("5800 JPY", ("JPY", 5800)),
        ("1.500 KWD", ("KWD", 1500)),
        ("50.0 USD", None),
        ("50.000 USD", None),
        ("5800.00 JPY", None),
        ("1,000.00 USD", None),
        ("50.00 usd", None),
        ("50.00", None),
        ("50.00 XYZ", None),
        ("-50.00 USD", None),
        ("5e3 USD", None),
        ("\u0665\u0660 USD", None),
    ],
)
def test_amount_has_one_reading_or_none(text: str, amount: tuple[str, int] | None) -> None:
    assert minor_units(text) == amount


def test_amount_is_written_as_its_currency_is() -> None:
    assert [written(125_000, "USD"), written(5800, "JPY"), written(-1500, "KWD"), written(5000, "")] == [
        "1,250.00 USD",
        "5,800 JPY",
        "-1.500 KWD",
        "5,000 minor units",
    ]


@pytest.mark.parametrize("currency", DECIMALS)
def test_amount_in_a_field_is_read_back_as_it_was(currency: str) -> None:
    for minor in (0, 1, 2500, 123_456_789):
        assert minor_units(f"{natural(minor, currency)} {currency}") == (currency, minor)
    assert minor_units(f"{example(currency)} {currency}")


def test_amount_of_an_unknown_currency_or_below_nothing_fills_no_field() -> None:
    assert (natural(2500, "XXX"), natural(-1, "USD")) == (None, None)
