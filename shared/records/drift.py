"""Whether what comes in is still like what the certificate was made from: `drift/current`, written by the sweep."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, ValidationError

from shared.calibration.drift import FEWEST, SUSPICIOUS
from shared.task.schemas import Confidence, Model
from shared.wiring.ports import Snapshot, Store

PATH = "drift/current"


class Drift(Model):
    """The last look: of `seen` tickets of the certified classifier, how many reached their threshold."""

    schema_version: int = 1
    at: datetime
    model: str
    seen: int = Field(ge=0)
    acted: int = Field(ge=0)
    expected: Confidence = Field(description="The share that did when it was proven")
    z: float = Field(description="By how many standard deviations the shares differ")

    @property
    def warns(self) -> bool:
        """Whether that is no chance: other tickets come in than were counted, or they are read otherwise."""
        return self.seen >= FEWEST and abs(self.z) > SUSPICIOUS

    @property
    def words(self) -> str:
        """What was seen, in words."""
        now = self.acted / self.seen if self.seen else 0.0
        return (
            f"{now:.0%} of the last {self.seen} tickets reach their threshold; {self.expected:.0%} when it was proven"
        )


def drift_in(snapshot: Snapshot) -> Drift | None:
    """Return the look in a snapshot; None: nobody has looked, or somebody broke it."""
    try:
        return Drift.model_validate(snapshot.data)
    except ValidationError:
        return None


async def drift(store: Store) -> Drift | None:
    """Return the last look; None: nothing is certified.

    Raises:
        StoreUnavailable: nothing is known.
    """
    (found,) = await store.read(PATH)
    return drift_in(found)
