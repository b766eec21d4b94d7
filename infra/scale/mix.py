"""Recorded tasks in; what such tasks ask of each service, and what an average one is billed for, out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from infra.cost.bill import Bill, Prices, bill
from infra.cost.usage import latency_ms, tokens
from infra.scale.deployment import Deployment
from shared.event.payload import view
from shared.gate.policy import subject_of
from shared.intent.registry import Registry
from shared.task.schemas import TaskRecord


@dataclass(frozen=True, slots=True)
class Ticket:
    """One task, as the services see it. Times are seconds.

    `runs`: the service that runs it; where it `waits` for a person, that looks up first what it would do. `alone`: it
    has a call of the model of its own before it runs. `counts`: it is counted in a document of its requester.
    """

    runs: str
    waits: bool
    alone: bool
    counts: bool
    model_s: float
    handler_s: float

    @property
    def visits(self) -> int:
        """How many requests its executor gets."""
        return bool(self.runs) * (1 + self.waits)


@dataclass(frozen=True)
class Mix:
    """Tickets that come again and again in this order, and the bill of an average one."""

    tickets: tuple[Ticket, ...]
    tokens: float  # of a task, question and answer
    bill: Bill

    def share(self, of: str) -> float:
        """Return the share of tickets of which a field or property is true."""
        return sum(bool(getattr(ticket, of)) for ticket in self.tickets) / len(self.tickets)

    def mean_s(self, of: str) -> float:
        """Return the mean of a field in seconds."""
        return float(sum(getattr(ticket, of) for ticket in self.tickets)) / len(self.tickets)

    def visits(self, service: str) -> float:
        """Return the requests that a service gets for a ticket of the mix."""
        return sum(t.visits for t in self.tickets if t.runs == service) / len(self.tickets)

    def handler_s(self, service: str) -> float:
        """Return the mean time of its handler, over its requests."""
        own = [t for t in self.tickets if t.runs == service]
        return sum(t.visits * t.handler_s for t in own) / sum(t.visits for t in own)

    @cached_property
    def units(self) -> Mapping[str, float]:
        """What an average task is billed for, by the names of `infra/cost/prices.json`."""
        spent: dict[str, float] = {}
        for units in self.bill.stages.values():
            for unit, amount in units.items():
                spent[unit] = spent.get(unit, 0.0) + amount
        return spent


def of(
    records: Iterable[TaskRecord],
    deployment: Deployment,
    registry: Registry,
    prices: Prices,
    given: Mapping[str, float],
    retention_days: int,
) -> Mix:
    """Return the mix of recorded tasks; there must be at least one. `given`: the assumptions of this room."""
    tasks = list(records)
    each = [sum(tokens(task, registry, prices.given)) for task in tasks]
    return Mix(
        tuple(_ticket(task, deployment, registry, prices, given) for task in tasks),
        sum(each) / len(each),
        bill(tasks, registry, prices, retention_days),
    )


def _ticket(
    record: TaskRecord, deployment: Deployment, registry: Registry, prices: Prices, given: Mapping[str, float]
) -> Ticket:
    intent = registry.get(record.intent)
    waits = record.history[0].to == "AWAITING_APPROVAL"
    handled_ms = record.result.execution_time_ms if record.result else 0.0
    subject = intent and subject_of(intent, record.parameters, view(record.source, record.raw_payload, record.metadata))
    return Ticket(
        runs=deployment.runs.get(record.intent, "") if record.parameters or not waits else "",
        waits=waits,
        alone=intent is not None and intent.policy.risk != "none" and not waits,
        counts=bool(intent and subject and (intent.policy.per_day is not None or intent.policy.amount is not None)),
        model_s=max(latency_ms(record, prices.given), given["model ms"]) / 1000,
        handler_s=max(handled_ms, given["handler ms"]) / 1000,
    )
