"""Everything that is asked of the model, worked out once: for the table, the picture and programs alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from infra.scale.burst import Run, play
from infra.scale.deployment import Deployment
from infra.scale.limits import Limit, limits
from infra.scale.mix import Mix

HOURS_A_MONTH = 730


@dataclass(frozen=True)
class Answer:
    """What a deployment bears of a mix of tasks: at each of `per_hour`, and of `burst` tasks at once."""

    deployment: Deployment
    mix: Mix
    given: Mapping[str, float]
    per_hour: Sequence[float]
    burst: int
    people: float

    @cached_property
    def limits(self) -> list[Limit]:
        """Every limit, the one that is full first first."""
        return limits(self.deployment, self.mix, self.given, self.people)

    @cached_property
    def run(self) -> Run:
        """The burst, from a standstill."""
        return play(self.deployment, self.mix.tickets, self.given, [0.0] * self.burst)

    @cached_property
    def alone(self) -> tuple[float, float]:
        """Seconds until one task is done: where nothing runs, and where every instance does."""
        still = replace(self.deployment, services={n: replace(s, warm=0) for n, s in self.deployment.services.items()})
        warm = replace(
            self.deployment, services={n: replace(s, warm=s.instances) for n, s in self.deployment.services.items()}
        )
        cold_s, warm_s = (play(d, self.mix.tickets, self.given, [0.0]).drained_s for d in (still, warm))
        return cold_s, warm_s

    def over(self, per_hour: float) -> list[Limit]:
        """Return the limits that are over full at a rate, the fullest first."""
        return sorted((x for x in self.limits if x.use(per_hour) > 1), key=lambda x: -x.use(per_hour))

    def fullest(self, per_hour: float) -> Limit:
        """Return the limit of which a rate takes the largest share."""
        return max(self.limits, key=lambda limit: limit.use(per_hour))

    def month(self, per_hour: float) -> float:
        """Return the dollars of a month at a rate, with the instances that are kept warm."""
        prices = self.mix.bill.prices
        seconds = HOURS_A_MONTH * 3600 * sum(service.warm for service in self.deployment.services.values())
        idle = (("vCPU", prices.given["vcpu"]), ("GiB", prices.given["gib"]))
        warm = sum(prices.by_unit[f"run idle {unit} seconds"].of(seconds * amount) for unit, amount in idle)
        return self.mix.bill.month(24 * per_hour) + warm

    def as_json(self) -> dict[str, Any]:
        """Return every figure, for programs; null is without bound."""
        return {
            "limits": [
                {
                    "name": limit.name,
                    "capacity": limit.capacity,
                    "unit": limit.unit,
                    "use": {f"{rate:g}": limit.use(rate) for rate in self.per_hour},
                    "full_at_tasks_an_hour": None if math.isinf(limit.holds) else limit.holds,
                    "turn": limit.turn,
                }
                for limit in self.limits
            ],
            "dollars_a_month": {f"{rate:g}": self.month(rate) for rate in self.per_hour},
            "alone_s": dict(zip(("from a standstill", "warm"), self.alone, strict=True)),
            "burst": {
                "tasks": self.burst,
                "classified_s": max(self.run.classified_at, default=0.0),
                "done_s": self.run.drained_s,
                "calls_a_task": self.run.calls / self.burst,
                "refused": self.run.refused,
                "most_attempts": self.run.most_attempts,
                "dead": self.run.dead,
                "instances": dict(self.run.instances),
            },
            "deployment": asdict(self.deployment),
        }
