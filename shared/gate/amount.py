"""A task's money as one number, which lists are sorted by. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.currency import DECIMALS
from shared.gate.policy import money_of
from shared.intent.registry import Registry
from shared.task.schemas import TaskRecord


def amount_of(name: str, parameters: Mapping[str, Any], registry: Registry) -> Decimal | None:
    """Return what an intent moves, in its currency's own units, such as 25 dollars; None where it moves none."""
    intent = registry.get(name)
    money = money_of(intent, parameters) if intent else None
    return Decimal(money.minor).scaleb(-DECIMALS.get(money.currency, 2)) if money else None


def priced(record: TaskRecord, registry: Registry) -> TaskRecord:
    """Return the record with the amount of its parameters as they are; itself where it has that already."""
    found = amount_of(record.intent, record.shown_parameters, registry)
    amount = None if found is None else float(found)
    return record if amount == record.amount else record.model_copy(update={"amount": amount})
