"""The questions that every door asks before somebody starts, changes or ends an effect. Pure.

May this person, for the intent as it is and as it would be; are they somebody else than the requester; are these the
parameters and the generation that they saw; and how many people does it take.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.entries import ANY_INTENT
from shared.errors import Forbidden, Refused
from shared.event.mailbox import mailbox, same_address
from shared.gate.policy import money_of
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from shared.settings import Settings
from shared.task.moves import Person
from shared.task.requester import requester_of
from shared.task.schemas import UNCLASSIFIED, TaskRecord
from shared.task.waiting import EDITED

UNSOURCED = (f"{EDITED}provenance: ", f"{EDITED}may_be_quoted: ")


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody saw of a task before they acted: its generation and the hash of its parameters.

    `at`: when, None for now; what they found at the provider, they found after that. `alone`: they looked at this one
    task, and not at a list of many.
    """

    generation: int
    params_hash: str
    at: datetime | None = None
    alone: bool = True


def seen(record: TaskRecord) -> Look:
    """Return the look of somebody who has this record before them."""
    return Look(record.generation, record.params_hash)


def must_be_current(record: TaskRecord, look: Look) -> None:
    """Raise `Refused` if the task is not any more what somebody saw."""
    if look.params_hash != record.params_hash:
        raise Refused("the parameters are not the ones that were shown; look again", code="params_changed")
    if look.generation != record.generation:
        raise Refused("the task has moved on since you looked; look again", code="generation_changed")


def must_be_allowed(
    registry: Registry, settings: Settings, record: TaskRecord, person: Person, intent: str | None = None
) -> None:
    """Raise `Forbidden` unless this person, through this channel, may act on the task, also as `intent`."""
    must_be_in_charge(registry, settings, record, person, intent)
    email = requester_of(record).get("email", "")
    if email and mailbox(person.name) == mailbox(email):
        raise Forbidden("this is your own request; somebody else has to decide", code="own_request")


def must_be_in_charge(
    registry: Registry, settings: Settings, record: TaskRecord, person: Person, intent: str | None = None
) -> None:
    """Raise `Forbidden` unless tasks of this kind are this person's, whoever asks: enough to work beside one."""
    for name in sorted({_intent_of(record, registry), intent or UNCLASSIFIED} - {UNCLASSIFIED}) or [UNCLASSIFIED]:
        must_be_approver(registry, settings, name, person)


def must_be_approver(registry: Registry, settings: Settings, intent: str, person: Person) -> None:
    """Raise `Forbidden` unless this person, through this channel, may act on tasks of an intent, whoever asks."""
    people = settings.approvers.get(intent, settings.approvers.get(ANY_INTENT))
    is_named = people is not None and any(same_address(person.name, name) for name in people)
    if people is not None and not is_named:
        raise Forbidden(f"you are not an approver of {intent}", code="not_an_approver")
    if not person.is_person and not is_named:
        raise Forbidden("only people decide; name this account in APPROVERS if it shall", code="not_a_person")
    declared = registry.get(intent)
    if declared is not None and person.channel not in (*declared.policy.channels, "system"):
        channels = ", ".join(declared.policy.channels)
        raise Forbidden(f"{intent} is decided through {channels} only", code="channel_not_allowed")


def approvals_needed(intent: Intent | None, parameters: Mapping[str, Any], reasons: Collection[str]) -> int:
    """Return how many people must approve: what somebody wrote that the event does not say is never one person's."""
    if intent is None:
        return 1
    policy, money = intent.policy, money_of(intent, parameters)
    is_small = money is not None and money.currency == policy.currency and money.minor <= policy.approvals_above
    return 1 if is_small and not any(r.startswith(UNSOURCED) for r in reasons) else policy.approvals


def missing(intent: Intent | None, record: TaskRecord) -> int:
    """Return how many people still have to approve a waiting task."""
    needed = approvals_needed(intent, record.parameters, record.decision.reasons)
    return max(0, needed - len(record.review.approvals))


def has_approved(record: TaskRecord, person: Person) -> bool:
    """Whether this person is among those who have approved the task as it is."""
    return any(mailbox(person.name) == mailbox(given.by) for given in record.review.approvals)


def _intent_of(record: TaskRecord, registry: Registry) -> str:
    """Return what the task is about: its intent, or what the model took it for where that did not hold."""
    said = record.classification.intent
    return said if record.intent == UNCLASSIFIED and said in registry else record.intent
