"""A deployment and a mix of tasks in; every limit, and at which rate it is full, out. Pure.

Rates are tasks an hour that come evenly; what a burst does in its first minutes says `burst`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from infra.scale.deployment import Deployment, Service
from infra.scale.mix import Mix

MOST_PER_HOUR = 1e9
Given = Mapping[str, float]


@dataclass(frozen=True)
class Limit:
    """What fills up. `taken` of tasks an hour is what they need of `capacity`, in `unit`; `turn`: what moves it."""

    name: str
    unit: str
    capacity: float
    taken: Callable[[float], float]
    turn: str

    def use(self, per_hour: float) -> float:
        """Return the share of the capacity that a rate takes: 1 is full, and what is over waits, or is refused."""
        return self.taken(per_hour) / self.capacity

    @property
    def holds(self) -> float:
        """The highest rate, in tasks an hour, at which it is not over full; infinite where no rate fills it."""
        if self.use(MOST_PER_HOUR) <= 1:
            return math.inf
        low, high = 0.0, MOST_PER_HOUR
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if self.use(middle) <= 1 else (low, middle)
        return low


def limits(deployment: Deployment, mix: Mix, given: Given, people: float) -> list[Limit]:
    """Return every limit, the one that is full first first."""
    found = [
        *_services(deployment, mix, given),
        *_model(deployment, mix, given),
        *_documents(mix, given),
        _linear(
            "Pub/Sub: bytes pushed", "B/s", given["push bytes"], mix.units["pubsub bytes"] / 2, "a quota of Pub/Sub"
        ),
        _linear(
            "people who decide",
            "people",
            people,
            mix.share("waits") * given["decision s"],
            "confidence_threshold, automatic; more people",
        ),
    ]
    return sorted(found, key=lambda limit: (limit.holds, limit.name))


def calls_per_s(per_s: float, deployment: Deployment, mix: Mix, given: Given) -> float:
    """Return the calls of the model a second: one a task, until all permits of the running instances are taken; then
    tasks share them, and those that may not have one of their own besides.
    """
    model_s, permits = mix.mean_s("model_s"), running(per_s, deployment, mix, given) * deployment.calls
    if per_s * model_s <= permits:
        return per_s
    shared = min(max(permits / model_s, per_s / deployment.together), per_s)
    return min(per_s, shared + per_s * mix.share("alone"))


def running(per_s: float, deployment: Deployment, mix: Mix, given: Given) -> int:
    """Return how many instances of `classify` a rate keeps running."""
    classify = deployment.services["classify"]
    at_once = per_s * (mix.mean_s("model_s") + (given["step ms"] + given["processor ms"]) / 1000)
    wanted = math.ceil(at_once / (given["busy share"] * classify.requests))
    return min(classify.instances, max(1, classify.warm, wanted))


def _services(deployment: Deployment, mix: Mix, given: Given) -> Iterator[Limit]:
    step_s, cpu_s = given["step ms"] / 1000, given["processor ms"] / 1000
    services, turn = deployment.services, "max_concurrency of the function"
    yield _tighter(services["intake"], 1.0, step_s + cpu_s, cpu_s, f"{turn} in infra/manifest.py")
    yield _classify(deployment, mix, given)
    for name in sorted(set(deployment.runs.values())):
        if visits := mix.visits(name):
            where = f"Limits.max_concurrency in functions/execute/{_intent(deployment, name)}/intent.py"
            yield _tighter(services[name], visits, mix.handler_s(name) + step_s + cpu_s, cpu_s, where)


def _tighter(service: Service, visits: float, busy_s: float, cpu_s: float, turn: str) -> Limit:
    """Return the limit of a service that is full first: requests at once, or its instances' processors."""
    requests = _linear(f"{service.name}: requests", "at once", service.at_once, visits * busy_s, turn)
    processor = _linear(f"{service.name}: processors", "vCPU", service.instances, visits * cpu_s, turn)
    return min(requests, processor, key=lambda limit: limit.holds)


def _classify(deployment: Deployment, mix: Mix, given: Given) -> Limit:
    """Calls of the model at once: when all are taken, each has as many tasks as may share one."""
    service, together = deployment.services["classify"], deployment.together
    model_s, cpu_s = mix.mean_s("model_s"), given["processor ms"] / 1000
    full_s = model_s + (together - 1) * given["answer ms"] / 1000
    call_s = full_s / together + model_s * mix.share("alone") * (together > 1)  # of a task, at most shared
    turn = "max_concurrent_calls, coalesce; CLASSIFY_INSTANCES in infra/manifest.py"
    calls = _linear("classify: model calls", "at once, shared", service.instances * deployment.calls, call_s, turn)
    busy_s = full_s + (given["step ms"] + given["processor ms"]) / 1000
    return min(calls, _tighter(service, 1.0, busy_s, cpu_s, turn), key=lambda limit: limit.holds)


def _model(deployment: Deployment, mix: Mix, given: Given) -> Iterator[Limit]:
    def calls(per_hour: float) -> float:
        return 60 * calls_per_s(per_hour / 3600, deployment, mix, given)

    requests = deployment.requests_a_minute or given["model requests a minute"]
    tokens = deployment.tokens_a_minute or given["model tokens a minute"]
    turn = "the model's quota, and model_limits"
    yield Limit("model: requests", "a minute", requests, calls, turn)
    yield _linear("model: tokens", "a minute", tokens, 60 * mix.tokens, f"{turn}; skip_calls")
    if deployment.tokens_a_day:
        a_day = 86400 * mix.tokens
        yield _linear("model: tokens of a day", "a day", deployment.tokens_a_day, a_day, "model_limits.tokens_a_day")


def _documents(mix: Mix, given: Given) -> Iterator[Limit]:
    reads, writes = (mix.units[f"firestore {what}"] for what in ("reads", "writes"))
    moved = "the index of created_at, sharded: a change of the code"
    yield _linear("Firestore: writes in order of time", "/s", given["index writes"], writes, moved)
    yield _linear(
        "Firestore: operations, from a standstill",
        "/s",
        given["cold operations"],
        reads + writes,
        "half as much again every 5 minutes: let the backlog in slowly",
    )
    busiest = mix.share("counts") * given["busiest requester"]
    if busiest:
        yield _linear(
            "Firestore: one requester's document", "/s", given["document writes"], busiest, "nothing: by task"
        )


def _linear(name: str, unit: str, capacity: float, of_one_a_second: float, turn: str) -> Limit:
    return Limit(name, unit, capacity, lambda per_hour: per_hour / 3600 * of_one_a_second, turn)


def _intent(deployment: Deployment, service: str) -> str:
    return next(intent for intent, name in deployment.runs.items() if name == service)
