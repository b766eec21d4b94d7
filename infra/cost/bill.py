"""Units and dated prices in; dollars per 1,000 tasks, a month of it, and what else one might run, out. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cost.usage import CLASSIFY, STAGES, Given, Units, stored_bytes, sweeps, usage
from shared.intent.registry import Registry
from shared.task.schemas import TaskRecord

PRICES = Path(__file__).with_name("prices.json")
DAYS_A_MONTH = 730 / 24
LOOPS = (2, 3, 4, 5)  # model calls of the agents compared with
GROUPS = ("model", "run", "firestore", "pubsub", "log")  # what a unit's name begins with


@dataclass(frozen=True)
class Price:
    """Dollars for `per` of a unit; `free` of it cost nothing each month."""

    dollars: float
    per: float
    free: float
    source: str

    def of(self, amount: float, *, net_of_free: bool = False) -> float:
        """Return the dollars for an amount of the unit in one month."""
        return max(0.0, amount - self.free * net_of_free) * self.dollars / self.per


@dataclass(frozen=True)
class Prices:
    """`prices.json`: prices by unit, and what is assumed where no record says."""

    about: str
    as_of: str
    by_unit: Mapping[str, Price]
    given: Given
    agent_source: str

    def of(self, units: Units, *, net_of_free: bool = False) -> float:
        """Return the dollars for units of one month."""
        return sum(self.by_unit[unit].of(amount, net_of_free=net_of_free) for unit, amount in units.items())

    def by_group(self, units: Units) -> dict[str, float]:
        """Return the dollars by what they go to: the model, compute, documents, messages, logs."""
        return {group: self.of(Units({u: n for u, n in units.items() if u.startswith(group)})) for group in GROUPS}


@dataclass(frozen=True)
class Bill:
    """What the recorded tasks cost on average. `loops` holds the units of a task by the number of model calls."""

    prices: Prices
    tasks: int
    estimated: int  # tasks without recorded tokens
    stages: Mapping[str, Units]  # of one task
    loops: Mapping[int, Units]  # of one task
    document_bytes: float
    retention_days: int

    def month(self, tasks_a_day: float, *, calls: int = 1, net_of_free: bool = False) -> float:
        """Return the dollars of a month at so many tasks a day."""
        units = _times(self.loops[calls], tasks_a_day * DAYS_A_MONTH) + self._fixed(tasks_a_day)
        return self.prices.of(units, net_of_free=net_of_free)

    def vm_month(self, tasks_a_day: float) -> float:
        """Return the dollars of a machine that runs all month and asks the model once per task."""
        model = {u: n for u, n in self.stages[CLASSIFY].items() if u.startswith("model")}
        machine = Units({"vm months": 1, "disk GB months": self.prices.given["vm disk GB"]})
        return self.prices.of(machine + _times(Units(model), tasks_a_day * DAYS_A_MONTH))

    def as_json(self, tasks_a_day: Iterable[int]) -> dict[str, Any]:
        """Return every figure, for programs."""
        per_1000 = {stage: self.prices.by_group(_times(units, 1000)) for stage, units in self.stages.items()}
        months = {
            n: {
                "switchyard": self.month(n),
                "switchyard_net_of_free": self.month(n, net_of_free=True),
                "vm": self.vm_month(n),
                "agent_loop": {calls: self.month(n, calls=calls) for calls in LOOPS},
            }
            for n in tasks_a_day
        }
        return {
            "prices_as_of": self.prices.as_of,
            "tasks": self.tasks,
            "tasks_with_estimated_tokens": self.estimated,
            "units_per_task": {stage: dict(units) for stage, units in self.stages.items()},
            "dollars_per_1000_tasks": per_1000,
            "dollars_a_month_by_tasks_a_day": months,
        }

    def _fixed(self, tasks_a_day: float) -> Units:
        """What a month costs beside its tasks: sweeps, secrets, and the documents that are kept."""
        kept = self.document_bytes * tasks_a_day * self.retention_days
        secrets = self.prices.given["secret versions"]
        return sweeps(self.prices.given) + Units(
            {"scheduler jobs": 1, "secret versions": secrets, "firestore stored bytes": kept}
        )


def load(path: Path = PRICES) -> Prices:
    """Return the prices in a file."""
    data = json.loads(path.read_text())
    one, two = data["agent loop"]["tokens of one call"], data["agent loop"]["tokens of two calls"]
    given = {name: entry["value"] for name, entry in data["assumptions"].items()}
    return Prices(
        about=data["about"],
        as_of=data["as_of"],
        by_unit={u: Price(**p) for u, p in data["prices"].items()},
        given=given | {"loop tokens": two - 2 * one},
        agent_source=data["agent loop"]["source"],
    )


def bill(records: Iterable[TaskRecord], registry: Registry, prices: Prices, retention_days: int) -> Bill:
    """Return the bill of recorded tasks; there must be at least one."""
    tasks = list(records)
    share = 1 / len(tasks)

    def average(calls: int) -> dict[str, Units]:
        each = [usage(record, registry, prices.given, calls) for record in tasks]
        return {stage: _times(sum((spent[stage] for spent in each), Units()), share) for stage in STAGES}

    return Bill(
        prices=prices,
        tasks=len(tasks),
        estimated=sum(not (said := r.classification).tokens_used and not said.from_cache for r in tasks),
        stages=average(1),
        loops={calls: sum(average(calls).values(), Units()) for calls in (1, *LOOPS)},
        document_bytes=sum(map(stored_bytes, tasks)) * share,
        retention_days=retention_days,
    )


def _times(units: Units, factor: float) -> Units:
    return Units({unit: amount * factor for unit, amount in units.items()})
