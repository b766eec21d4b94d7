"""What must exist in the cloud, derived from the intents: functions, topics, subscriptions with their policies.

The embedded backend and the emulator stack read it, and so will Terraform: local and cloud wiring cannot drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.intents import Registry
from shared.topics import DEAD_LETTERS, EVENTS, RESULTS, TASKS, TASKS_EXPRESS

CLASSIFY_TIMEOUT_S = 60
PLAIN_TIMEOUT_S = 60
# The subscription's deadline outlives the function's, or slow work would be delivered twice.
ACK_MARGIN_S = 30


@dataclass(frozen=True, slots=True)
class Function:
    """One deployed function. `module` holds `target`; `trigger` says what calls it."""

    name: str  # as in the cloud: hyphens
    module: str
    target: str
    trigger: str  # "http" | "push" | "document" | "schedule"
    timeout_s: int
    max_concurrency: int  # global: instances x requests per instance
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One push subscription: who gets a topic's messages, and what happens when it fails."""

    name: str
    topic: str
    function: str
    ack_deadline_s: int
    min_backoff_s: float
    max_backoff_s: float
    max_delivery_attempts: int  # 5..100
    dead_letter_topic: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything to provision."""

    functions: tuple[Function, ...]
    topics: tuple[str, ...]
    subscriptions: tuple[Subscription, ...]

    def function(self, name: str) -> Function:
        """Return the function called `name`."""
        return next(f for f in self.functions if f.name == name)


def build(registry: Registry) -> Manifest:
    """Return the manifest of these intents."""
    functions = [
        _function("intake", trigger="http", concurrency=1000),
        _function("intake-events", module="functions.intake.main", target="intake_events", trigger="push"),
        _function("classify", trigger="push", timeout_s=CLASSIFY_TIMEOUT_S, concurrency=100),
        _function("resume", trigger="document"),
        _function("deadletter", trigger="push"),
        _function("sweep", trigger="schedule", concurrency=1),
        _function("console", trigger="http"),
    ]
    subscriptions = [
        _subscription("events", EVENTS, "intake-events"),
        # Short first backoff: most 429 and 503 of the model pass within seconds.
        _subscription("tasks", TASKS, "classify", min_backoff_s=2, attempts=30),
        _subscription("tasks-express", TASKS_EXPRESS, "classify", min_backoff_s=2, attempts=30),
        # Parking a dead letter must not itself go to the dead letters.
        _subscription("dead-letters", DEAD_LETTERS, "deadletter", dead_letter=False),
    ]
    topics = [EVENTS, TASKS, TASKS_EXPRESS, RESULTS, DEAD_LETTERS]
    for intent in registry.values():
        name = f"execute-{intent.name.replace('_', '-')}"
        functions.append(
            _function(
                name,
                module="functions.execute.main",
                target="execute",
                trigger="push",
                timeout_s=intent.limits.timeout_s,
                concurrency=intent.limits.max_concurrency,
                environment={"INTENT": intent.name},
            )
        )
        topics.append(intent.topic)
        # exec.attempts is the real cap; Pub/Sub's count must never come first.
        attempts = min(100, max(5, intent.limits.max_attempts * 4))
        subscriptions.append(
            _subscription(intent.topic, intent.topic, name, timeout_s=intent.limits.timeout_s, attempts=attempts)
        )
    return Manifest(tuple(functions), tuple(topics), tuple(subscriptions))


def _function(
    name: str,
    *,
    trigger: str,
    module: str = "",
    target: str = "",
    timeout_s: int = PLAIN_TIMEOUT_S,
    concurrency: int = 80,
    environment: Mapping[str, str] | None = None,
) -> Function:
    module = module or f"functions.{name}.main"
    return Function(name, module, target or name, trigger, timeout_s, concurrency, environment or {})


def _subscription(
    name: str,
    topic: str,
    function: str,
    *,
    timeout_s: int = PLAIN_TIMEOUT_S,
    min_backoff_s: float = 10,
    attempts: int = 10,
    dead_letter: bool = True,
) -> Subscription:
    return Subscription(
        name=name,
        topic=topic,
        function=function,
        ack_deadline_s=timeout_s + ACK_MARGIN_S,
        min_backoff_s=min_backoff_s,
        max_backoff_s=600,
        max_delivery_attempts=attempts,
        dead_letter_topic=DEAD_LETTERS if dead_letter else None,
    )
