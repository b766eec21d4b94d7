"""A task's record in, what its handler gets out: ids, a client bound to its provider, the authenticated requester."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from typing import Any

from shared.intent.declaration import Intent, Provider
from shared.intent.handler import TaskContext
from shared.logs import log
from shared.task.requester import requester_of
from shared.task.schemas import TaskRecord
from shared.wiring.composition import Ports
from shared.wiring.outbound import Outbound
from shared.wiring.providers import ProviderSettings, provider_settings

_EVENT = re.compile(r"[a-z][a-z0-9_]{0,59}")


def context(
    record: TaskRecord,
    ports: Ports,
    intent: Intent,
    deadline: float,
    before_write: Callable[[], Awaitable[None]] | None = None,
    *,
    dry_run: bool = False,
) -> TaskContext:
    """Return the context of one attempt; `deadline` is in seconds of the event loop's clock."""
    provider = _settings_of(intent.provider, ports)
    return TaskContext(
        task_id=record.task_id,
        effect_key=record.effect_key,
        attempt=record.exec.attempts,
        deadline=deadline,
        dry_run=dry_run,
        approved=record.approval is not None and record.approval.decision == "approve",
        http=Outbound(
            provider.url,
            name=intent.provider.name,
            token=provider.token,
            allow_private=ports.settings.local,
            max_in_flight=ports.settings.max_concurrent_calls,
            deadline=deadline,
            before_write=before_write,
            pool=ports.pool,
        ),
        log=functools.partial(_log_event, record),
        requester=requester_of(record),
        options=provider.options,
    )


def handler_seconds(intent: Intent) -> float:
    """Return the handler's deadline: before the function's, which is before the subscription's."""
    return intent.limits.timeout_s - min(5.0, intent.limits.timeout_s * 0.2)


def _settings_of(provider: Provider, ports: Ports) -> ProviderSettings:
    if provider.name not in ports.providers:
        ports.providers[provider.name] = provider_settings(provider)
    return ports.providers[provider.name]


def _log_event(record: TaskRecord, event: str, **fields: Any) -> None:
    """Log what a handler says: a snake_case word, for anything longer might hold a payload."""
    word = event if _EVENT.fullmatch(event) else "unnamed_event"
    log("INFO", word, **(fields | {"task_id": record.task_id, "intent": record.intent, "trace_id": record.trace_id}))
