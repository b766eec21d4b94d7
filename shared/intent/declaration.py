"""The one declaration of an intent: parameters, policy, limits, provider, and how its effect bears repetition. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

REQUESTER = "/requester"  # whoever asks, by address or, where the event has none, by id
MAX_A_DAY = 1000  # tasks of one subject and intent that are counted
MAX_UNDO_S = 60  # what is held is asked for again by the bus, and no longer than a redelivery is


class ParametersModel(BaseModel):
    """The root of every intent's `Parameters`: strict, closed, finite, and silent about its input in errors."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """How the effect bears repetition.

    `by_key`: the provider honours our key for `safe_age`; `natural`: repeating changes nothing; `none`: at most once.
    """

    kind: Literal["by_key", "natural", "none"]
    safe_age: timedelta = timedelta(0)


def days(number: int) -> timedelta:
    """Return so many days."""
    return timedelta(days=number)


def by_key(safe_age: timedelta) -> Idempotency:
    """The provider deduplicates by `ctx.effect_key` for at least `safe_age`."""
    return Idempotency("by_key", safe_age)


NATURAL = Idempotency("natural")
NONE = Idempotency("none")


@dataclass(frozen=True, slots=True)
class Policy:
    """When a person must look, however sure the model is. Checked by `shared.gate` and again right before the effect.

    `risk` money, credential and goods (what is sent, to where) need a person unless `AUTOMATIC` names the intent
    (money: with a ceiling).
    `amount` names the integer field in minor units that the ceiling bounds, per task and per subject in 24 hours.
    `currency` is the ISO 4217 code of an allowance that names none, and of the amount where no parameter says its own.
    `subject` is what `per_day` counts by: `/requester`, the pointer of an authenticated field, or a parameter's name.
    `once_per` names the parameters that say which business subject the effect is about, such as the order: a second
    wish about it `within` that time, of this intent or of one that it `excludes`, is never automatic.
    `approvals` is how many different people must approve what is over `approvals_above` minor units of `currency`, is
    of another one, or what a person set and the event does not say; without `amount`, anything.
    `undo_s` is for how long an approval on the page can be taken back before anything runs; 0: it runs at once, as what
    is urgent (priority 4 and 5) and what programs approve always does.
    `min_confidence` is the least that the classifier must say for the effect to need nobody, whatever is certified.
    """

    risk: Literal["none", "money", "credential", "goods"] = "none"
    amount: str | None = None
    currency: str = ""
    subject: str | None = None
    per_day: int | None = None
    audit_share: float = 0.0
    channels: tuple[str, ...] = ("console", "cli", "firestore", "chat")
    once_per: tuple[str, ...] = ()
    within: timedelta = timedelta(days=90)
    excludes: tuple[str, ...] = ()
    approvals: int = 1
    approvals_above: int = 0
    undo_s: int = 10
    min_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of execution. `max_concurrency` is global; `timeout_s` is of one attempt.

    `max_attempts` counts those that ended without a definite word. A provider that is down, over its quota or refuses
    our key gets `patience_s` from the first time it says so, and no count.
    """

    max_concurrency: int = 10
    timeout_s: int = 30
    max_attempts: int = 5
    patience_s: int = 6 * 3600


@dataclass(frozen=True, slots=True)
class Provider:
    """The outside system a handler calls. Environment variables are derived from its name.

    `stripe` -> `STRIPE_API_URL` (default `url`), `STRIPE_API_KEY` (sent as Bearer token where `key`),
    and `STRIPE_<OPTION>` for each of `options` (name -> default; handed over as `ctx.options`).
    """

    name: str
    url: str
    key: bool = True
    options: Mapping[str, str] = field(default_factory=dict)

    def variable(self, suffix: str) -> str:
        """Return the name of an environment variable of this provider."""
        return f"{self.name}_{suffix}".upper()


@dataclass(frozen=True, slots=True)
class Intent:
    """What an intent is; the folder's `main.py` holds what it does.

    `reads_first`: the handler looks something up before its effect, so the start marker is set right before the first
    request that is not GET (one commit more) instead of together with the claim.
    `sources`: which sources may ask for it; None is all.
    `needs`: what must be known of the requester, such as `/requester/email`; else the task pauses and a person says it.
    `near_misses`: what people write that looks like this intent and is not; the local classifier learns to leave it be,
    but for what is nearer to another intent's examples.
    `effect`: what it does, as people read it in lists and messages, with parameters in braces: "Refund {amount_minor}
    of order {order_id}"; the policy's amount is written as money. Empty: the intent's name and all its parameters.
    `look_at`: the https address where people see at the provider whether it happened, with parameters or {effect_key}
    in braces; for tasks that ended UNKNOWN. Empty: nobody knows one.
    """

    name: str
    description: str
    examples: tuple[str, ...]
    parameters: type[ParametersModel]
    provider: Provider
    policy: Policy = Policy()
    idempotency: Idempotency = NONE
    limits: Limits = Limits()
    reads_first: bool = False
    sources: frozenset[str] | None = None
    needs: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()
    effect: str = ""
    look_at: str = ""
    schema_version: int = 1

    @property
    def starts_late(self) -> bool:
        """Whether the start marker has a commit of its own: something is looked at between the claim and the effect."""
        return self.reads_first or bool(self.policy.once_per)

    @property
    def topic(self) -> str:
        """The topic of this intent's tasks."""
        return topic_for(self.name)


def executor_for(intent: str) -> str:
    """Return the name of the function that executes an intent, converted as its topic is."""
    return f"execute-{intent.replace('_', '-')}"


def topic_for(intent: str) -> str:
    """Return the topic of an intent: underscores on disk, hyphens in the cloud."""
    return f"intent-{intent.replace('_', '-')}"
