"""What is deployed, as the model sees it: `terraform/manifest.json` and an environment's variables in, limits out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import tfvars
from infra.errors import StackError
from infra.manifest import PATH
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """One function: at most `instances` of it, of one vCPU each, with `requests` at once; `warm` of them never stop."""

    name: str
    instances: int
    requests: int
    warm: int = 0

    @property
    def at_once(self) -> int:
        """How many requests all its instances take at once."""
        return self.instances * self.requests


@dataclass(frozen=True, slots=True)
class Feed:
    """How Pub/Sub pushes to a service: the waits between its attempts, in seconds, and how many there are."""

    min_backoff_s: float = 10
    max_backoff_s: float = 600
    attempts: int = 10

    def wait_s(self, attempt: int) -> float:
        """Return the wait after this attempt, the first being 1: doubled each time, within its bounds."""
        return min(self.max_backoff_s, self.min_backoff_s * 2.0 ** min(attempt - 1, 32))

    @property
    def gives_up_after_s(self) -> float:
        """How long the waits of all its attempts are together."""
        return sum(self.wait_s(attempt) for attempt in range(1, self.attempts))


@dataclass(frozen=True, slots=True)
class Deployment:
    """Services by name, feeds by the name of the service that they push to, and the service that runs each intent.

    `calls` of the model may be in flight in one instance, each for up to `together` tasks. None: no bound of ours.
    """

    services: Mapping[str, Service]
    feeds: Mapping[str, Feed]
    runs: Mapping[str, str]
    calls: int
    together: int
    requests_a_minute: float | None = None
    tokens_a_minute: float | None = None
    tokens_a_day: float | None = None


def load(variables: Path, manifest: Path = PATH) -> Deployment:
    """Return what the manifest and a file of variables deploy.

    Raises:
        StackError: one of them is missing or cannot be read.
    """
    try:
        said = json.loads(manifest.read_text())
    except (OSError, ValueError) as error:
        raise StackError(f"{manifest} cannot be read ({type(error).__name__}): run make manifest") from None
    return of(said, tfvars.read(variables))


def of(manifest: Mapping[str, Any], variables: Mapping[str, Any]) -> Deployment:
    """Return the deployment of a manifest with these variables; what they leave out is the code's own default."""
    defaults, warm = Settings(), variables.get("min_instances") or {}
    functions, limits = manifest["functions"], variables.get("model_limits") or {}
    return Deployment(
        services={
            name: Service(name, f["instances"], f["requests_per_instance"], int(warm.get(name, 0)))
            for name, f in functions.items()
        },
        feeds={
            s["function"]: Feed(s["min_backoff_s"], s["max_backoff_s"], s["max_delivery_attempts"])
            for s in manifest["subscriptions"].values()
        },
        runs={f["environment"]["INTENT"]: name for name, f in functions.items() if "INTENT" in f["environment"]},
        calls=variables.get("max_concurrent_calls") or defaults.max_concurrent_calls,
        together=variables.get("coalesce") or defaults.coalesce,
        requests_a_minute=limits.get("requests_a_minute"),
        tokens_a_minute=limits.get("tokens_a_minute"),
        tokens_a_day=limits.get("tokens_a_day"),
    )
