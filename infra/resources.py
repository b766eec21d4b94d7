"""What a deployment consists of: functions, topics, subscriptions with their policies; and as Terraform reads it.

The embedded backend and the emulator stack read the object, Terraform reads it as JSON: local and cloud wiring cannot
drift.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from infra.capacity import MEMORY_MIB
from infra.document_event import EVENT_TYPE
from shared.canonical import sha256_hex
from shared.metrics import METRICS
from shared.task.schemas import State

PLAIN_REQUESTS = 80  # at once in one instance, where nothing asks for fewer
MAX_ACCOUNT_CHARS = 30


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
    max_requests: int = PLAIN_REQUESTS  # at once, in one instance
    variables: tuple[str, ...] = ()  # names of the settings it reads
    secrets: tuple[str, ...] = ()  # names of the variables that hold secrets
    publishes: tuple[str, ...] = ()  # topics
    stores: bool = True  # reads and writes documents

    @property
    def instances(self) -> int:
        """How many instances there may be at most."""
        return math.ceil(self.max_concurrency / self.max_requests)

    @property
    def requests_per_instance(self) -> int:
        """How many requests one instance takes at once: all together aim at `max_concurrency` (infra/capacity.py)."""
        return self.max_concurrency // self.instances

    def account(self, role: str) -> str:
        """Return the id of a service account of this function, within the 30 characters that ids may have."""
        name = f"{role}-{self.name}"
        return name if len(name) <= MAX_ACCOUNT_CHARS else f"{name[:23]}-{sha256_hex(name.encode())[:6]}"


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
    """Everything to provision. `intents` maps an intent to its topic; `defaults` has what providers declare."""

    functions: tuple[Function, ...]
    topics: tuple[str, ...]
    subscriptions: tuple[Subscription, ...]
    intents: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    def function(self, name: str) -> Function:
        """Return the function called `name`."""
        return next(f for f in self.functions if f.name == name)

    def without(self, name: str) -> Manifest:
        """Return the manifest without a function that nothing on the bus calls."""
        return dataclasses.replace(self, functions=tuple(f for f in self.functions if f.name != name))


def to_json(manifest: Manifest) -> str:
    """Return the manifest as Terraform reads it: maps keyed by name, sorted, one trailing newline."""
    functions = {
        f.name: {
            **dataclasses.asdict(f),
            "environment": {"BACKEND": "gcp", **f.environment},
            "instances": f.instances,
            "requests_per_instance": f.requests_per_instance,
            "memory_mib": MEMORY_MIB,
            "account": f.account("run"),
            "caller": f.account("call"),
        }
        for f in manifest.functions
    }
    document: dict[str, Any] = {
        "functions": functions,
        "topics": manifest.topics,
        "subscriptions": {s.name: dataclasses.asdict(s) for s in manifest.subscriptions},
        "intents": dict(manifest.intents),
        "defaults": dict(manifest.defaults),
        "states": get_args(State),
        "metrics": {name: dataclasses.asdict(metric) for name, metric in METRICS.items()},
        "document_event": EVENT_TYPE,
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
