"""What a stand-in for the vendors is to the contract: it goes wrong when told to, and keeps a ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.wiring.lanes import Pool
from tests.contract.handler_contract import Case


@dataclass(frozen=True)
class Done:
    """One effect as a ledger tells it."""

    operation: str
    subject: str
    amount_minor: int | None
    key: str | None


class Vendors(Protocol):
    """Stripe, the shop, Auth0 and Slack, as far as our handlers know them."""

    url: str
    pool: Pool

    @property
    def pauses_s(self) -> Collection[float]:
        """What a 429 may ask for."""

    @property
    def patience_s(self) -> float:
        """Enough for everything but an answer that does not come."""

    def script(self, case: Case, operation: str | None, fault: str) -> None:
        """Let the next call of an operation go wrong: a kind of fault of `infra.sandbox`."""

    def seed(self, orders: Sequence[dict[str, Any]]) -> None:
        """Say what orders are."""

    def vanish(self) -> None:
        """Refuse every connection from now on."""

    @property
    def done(self) -> list[Done]:
        """Every effect, in order."""

    @property
    def asked(self) -> int:
        """How many calls came in that write."""
