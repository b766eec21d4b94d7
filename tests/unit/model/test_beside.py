"""Numbers, and yes or no, beside a parameter's word: taken where one stands there, never where two do."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field

from shared.event.payload import View
from shared.intent.declaration import ParametersModel
from shared.intent.provenance import FromPayload, MoneyFromPayload, check
from shared.model.extraction import extract


class Booking(ParametersModel):
    """What is asked for."""

    order_id: Annotated[str, Field(pattern=r"^#?[A-Za-z0-9-]{3,40}$"), FromPayload()] | None = None
    seats: Annotated[int, Field(ge=1, le=50, description="How many places are booked")] | None = None
    pause_days: Annotated[int, Field(description="For how long, in nights")] | None = None
    weight_kg: Annotated[float, Field(description="Weight of the parcel")] | None = None
    gift_wrap: bool | None = None
    floor: Annotated[str, Field(pattern=r"^[0-9]{1,3}$"), FromPayload()] | None = None
    fee: Annotated[int, MoneyFromPayload("currency")] | None = None
    currency: str | None = None


def found(*texts: str) -> tuple[dict[str, Any], bool]:
    return extract(Booking, View({f"/text/{n}": text for n, text in enumerate(texts)}, {}))


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("seats: 3", {"seats": 3}),
        ("please book 3 seats", {"seats": 3}),
        ("I want two more seats", {"seats": 2}),
        ("4 places please", {"seats": 4}),
        ("the number of seats should be 12, thanks", {"seats": 12}),
        ("3 seats. Really, 3 seats!", {"seats": 3}),
        ("order #10021, 2 seats, $5.00", {"order_id": "#10021", "seats": 2, "fee": 500, "currency": "USD"}),
        ("pause for 14 nights", {"pause_days": 14}),
        ("pause it 14 days", {"pause_days": 14}),
        ("the weight is 2.5 and 3 seats", {"weight_kg": 2.5, "seats": 3}),
        ("weight 12", {"weight_kg": 12}),
        ("gift wrap: yes", {"gift_wrap": True}),
        ("gift-wrap = false", {"gift_wrap": False}),
        ("send it without gift wrap, 2 seats", {"gift_wrap": False, "seats": 2}),
        ("with gift wrap please", {"gift_wrap": True}),
        ("I live on floor 7", {"floor": "7"}),
        ("nothing of this kind", {}),
        ("3 of us have 2 dogs", {}),
        ("is there gift wrap?", {}),
        ("order 10021 is late, the seats were fine", {"order_id": "10021"}),
    ],
)
def test_the_one_value_beside_the_word_is_taken(text: str, parameters: dict[str, Any]) -> None:
    assert found(text) == (parameters, True)
    assert check(parameters, Booking, View({"/text": text}, {})) == []
    assert Booking.model_validate(parameters)


@pytest.mark.parametrize(
    "text",
    [
        "3 seats, or 4 seats",
        "seats: 3, no, seats: 5",
        "seats 99",  # out of bounds
        "2.5 seats",
        "1.200 seats",
        "1,200 seats",
        "gift wrap: yes. gift wrap: no",
        "floor 7, no, floor 8",
    ],
)
def test_of_two_and_of_what_is_no_such_value_none_is_taken(text: str) -> None:
    parameters, complete = found(text)
    assert not {"seats", "gift_wrap", "floor"} & parameters.keys()
    assert not complete


def test_two_texts_that_say_two_numbers_say_none() -> None:
    assert found("3 seats", "4 seats") == ({}, False)
    assert found("3 seats", "three seats") == ({"seats": 3}, True)


@pytest.mark.parametrize("text", ["5% seats", "$5 seats", "#5 seats", "2024-05-03 seats", "5:30 seats", "v1.5.2 seats"])
def test_what_only_looks_like_a_count_is_none(text: str) -> None:
    assert "seats" not in found(text)[0]
