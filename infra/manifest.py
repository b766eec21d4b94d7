"""What must exist in the cloud, from the intents: each step with its trigger, and what it reads, publishes and stores.

`python -m infra.manifest` writes `terraform/manifest.json`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from infra import reads
from infra.capacity import LARGE_REQUESTS, MOST_ATTEMPTS
from infra.commands import in_one_line
from infra.resources import PLAIN_REQUESTS, Function, Manifest, Subscription, to_json
from shared.intent.declaration import Intent, executor_for
from shared.intent.registry import Registry, check_handlers, discover
from shared.settings import Settings
from shared.topics import DEAD_LETTERS, EVENTS, RESULTS, TASKS, TASKS_EXPRESS

PATH = Path(__file__).resolve().parent.parent / "terraform" / "manifest.json"
CLASSIFY_TIMEOUT_S = PLAIN_TIMEOUT_S = 60
# The subscription's deadline outlives the function's, or slow work would be delivered twice.
ACK_MARGIN_S = 30
# Where requests wait for calls to others, an instance takes as many as it may have calls in flight.
CALLING_REQUESTS = Settings().max_concurrent_calls
# Where tasks wait for the model, an instance takes as many as fill all its calls, and six for each call beside them, so
# that the next calls are full as well. More would only wait longer; they wait in the subscription.
CLASSIFY_REQUESTS = CALLING_REQUESTS * (Settings().coalesce + 6)
CLASSIFY_INSTANCES = 4  # 40 calls for 400 tasks at once


def build(registry: Registry) -> Manifest:
    """Return the manifest of these intents."""
    intents = list(registry.values())
    moves = (*(i.topic for i in intents), RESULTS)  # what a step that moves any task may owe
    return Manifest(
        functions=(*_steps(moves), *map(_executor, intents)),
        topics=(EVENTS, TASKS, TASKS_EXPRESS, RESULTS, DEAD_LETTERS, *(i.topic for i in intents)),
        subscriptions=(
            _subscription("events", EVENTS, "intake-events"),
            # Short first backoff: most 429 and 503 of the model pass within seconds.
            _subscription("tasks", TASKS, "classify", min_backoff_s=2, attempts=30),
            _subscription("tasks-express", TASKS_EXPRESS, "classify", min_backoff_s=2, attempts=30),
            # Parking a dead letter must not itself go to the dead letters.
            _subscription("dead-letters", DEAD_LETTERS, "deadletter", dead_letter=False),
            *map(_intent_subscription, intents),
        ),
        intents={i.name: i.topic for i in intents},
        defaults={name: value for i in intents for name, value in _provider_defaults(i).items()} | reads.DEFAULTS,
    )


def _steps(moves: tuple[str, ...]) -> tuple[Function, ...]:
    lanes = (TASKS, TASKS_EXPRESS)
    classify = sorted(
        {*reads.MODEL, *reads.MODEL_CALLS, *reads.MODEL_LIMITS, *reads.GATE, *reads.CREATES, *reads.PROMOTES}
    )
    return (
        _function(
            "intake",
            trigger="http",
            concurrency=1000,
            variables=("DIRECT_AUDIENCE", "DIRECT_CALLERS", "LISTEN_TO", reads.SOURCE_FIELDS),
            secrets=(reads.WEBHOOK_SECRET,),
            publishes=(EVENTS, *lanes),  # a body that it cannot read goes to `intake-events`, which has the store
            stores=False,
        ),
        _function(
            "intake-events",
            module="functions.intake.main",
            target="intake_events",
            trigger="push",
            requests=LARGE_REQUESTS,
            variables=("LISTEN_TO", reads.SOURCE_FIELDS),
            publishes=lanes,
        ),
        _function(
            "classify",
            trigger="push",
            timeout_s=CLASSIFY_TIMEOUT_S,
            concurrency=CLASSIFY_INSTANCES * CLASSIFY_REQUESTS,
            requests=CLASSIFY_REQUESTS,
            variables=[*classify, *reads.USERS_URLS],
            secrets=("GEMINI_API_KEY", reads.PRIVACY_KEY, *reads.USERS_KEYS),
            publishes=moves,
        ),
        _function("resume", trigger="document", variables=reads.DECIDES, secrets=(reads.PRIVACY_KEY,), publishes=moves),
        _function(
            "deadletter",
            trigger="push",
            requests=LARGE_REQUESTS,
            variables=reads.CREATES,
            secrets=(reads.PRIVACY_KEY,),
            publishes=moves,
        ),
        _function("sweep", trigger="schedule", concurrency=1, variables=reads.WATCHES, publishes=moves),
        _function(
            "notify",
            trigger="schedule",
            concurrency=1,
            variables=reads.NOTIFIES,
            secrets=(*reads.WEBHOOKS, reads.CHATS_KEY),
        ),
        _function(
            "console",
            trigger="http",
            variables=sorted({*reads.DECIDES, *reads.ROUTES, *reads.CONSOLE}),
            secrets=(reads.PRIVACY_KEY,),
            publishes=(EVENTS, *lanes, *moves),
        ),
        _function(
            "chat",
            trigger="http",
            variables=sorted({*reads.DECIDES, "CONSOLE_URL", *reads.CHATS, *reads.CHATS_URLS}),
            secrets=(reads.CHATS_KEY, reads.CHATS_SECRET, reads.PRIVACY_KEY),
            publishes=moves,
        ),
    )


def _executor(intent: Intent) -> Function:
    provider = intent.provider
    allowance = () if intent.policy.risk == "none" else ("AUTOMATIC",)
    return _function(
        executor_for(intent.name),
        module="functions.execute.main",
        target="execute",
        trigger="push",
        timeout_s=intent.limits.timeout_s,
        concurrency=intent.limits.max_concurrency,
        requests=CALLING_REQUESTS,
        environment={"INTENT": intent.name},
        variables=sorted({*reads.EXECUTES, *allowance, *_provider_defaults(intent)}),
        secrets=(provider.variable("API_KEY"),) if provider.key else (),
        publishes=(intent.topic, RESULTS),
    )


def _provider_defaults(intent: Intent) -> dict[str, str]:
    """Return the variables of the intent's provider that are no secrets, with the values that its declaration gives."""
    provider = intent.provider
    return {provider.variable("API_URL"): provider.url} | {provider.variable(n): v for n, v in provider.options.items()}


def _function(
    name: str,
    *,
    trigger: str,
    module: str = "",
    target: str = "",
    timeout_s: int = PLAIN_TIMEOUT_S,
    concurrency: int = PLAIN_REQUESTS,
    requests: int = PLAIN_REQUESTS,
    environment: Mapping[str, str] | None = None,
    variables: tuple[str, ...] | list[str] = (),
    secrets: tuple[str, ...] = (),
    publishes: tuple[str, ...] = (),
    stores: bool = True,
) -> Function:
    return Function(
        name,
        module or f"functions.{name}.main",
        target or name,
        trigger,
        timeout_s,
        concurrency,
        environment or {},
        requests,
        (reads.PROJECT, *reads.PLACES, *reads.TRACED, *variables),
        secrets,
        publishes,
        stores,
    )


def _intent_subscription(intent: Intent) -> Subscription:
    function, timeout_s = executor_for(intent.name), intent.limits.timeout_s
    return _subscription(intent.topic, intent.topic, function, timeout_s=timeout_s, attempts=MOST_ATTEMPTS)


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


@in_one_line
def main() -> int:
    """Write the manifest of the intents that are there now."""
    PATH.write_text(to_json(build(check_handlers(discover()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
