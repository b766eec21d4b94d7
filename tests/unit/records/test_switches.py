"""What a switch does, as it was written: only `true` leaves its intent on, and no name is passed over in silence."""

from __future__ import annotations

from typing import Any

import pytest

from shared.records.switches import is_off, switches
from tests.store import MemoryStore
from tests.world import REGISTRY


@pytest.mark.parametrize(
    ("name", "fields", "does", "is_odd"),
    [
        ("cancel_order", {"enabled": True}, "on", False),
        ("cancel_order", {"enabled": False}, "off", False),
        ("cancel_order", {"enabled": "false"}, "off: enabled is 'false', and only true is on", True),
        ("cancel_order", {"enabled": "true"}, "off: enabled is 'true', and only true is on", True),
        ("cancel_order", {"enabled": 1}, "off: enabled is 1, and only true is on", True),
        ("cancel_order", {"enabled": ["x" * 9000]}, "off: enabled is a list, and only true is on", True),
        ("cancel_order", {"enabled": None}, "off: enabled is missing, and only true is on", True),
        ("cancel_order", {"Enabled": False}, "off: enabled is missing, and only true is on", True),
        (
            "cancel-order",
            {"enabled": False},
            "nothing: there is no intent of this name; did you mean 'cancel_order'?",
            True,
        ),
        ("zzz", {"enabled": True}, "nothing: there is no intent of this name", True),
    ],
)
async def test_switch_says_what_it_does(name: str, fields: dict[str, Any], does: str, is_odd: bool) -> None:
    store = MemoryStore()
    store.put(f"switches/{name}", **fields)
    [switch] = await switches(store, REGISTRY)
    assert (switch.name, switch.does, switch.is_odd) == (name, does, is_odd)
    [found] = await store.read(f"switches/{name}")
    assert is_off(found) == (fields.get("enabled") is not True)


async def test_long_word_in_a_switch_is_cut() -> None:
    store = MemoryStore()
    store.put("switches/cancel_order", enabled="n" * 9000)
    [switch] = await switches(store, REGISTRY)
    assert len(switch.does) < 100
