"""The kill switches: `switches/<intent>` with `enabled: false`, set by ops without a deployment."""

from __future__ import annotations

from shared.wiring.ports import Snapshot


def switch_path(intent: str) -> str:
    """Return the path of an intent's switch."""
    return f"switches/{intent}"


def is_off(switch: Snapshot) -> bool:
    """Whether a switch stops its intent; where there is no document, it does not.

    Somebody in a hurry may write "false" as a string, or misspell the field: only `true` leaves the intent on.
    """
    return switch.data is not None and switch.data.get("enabled") is not True
