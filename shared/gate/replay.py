"""A recorded task in, what the gate would decide under other settings out: its recorded answer again, no model.

Tasks are played in the order in which they came, so that allowances, rates and repetitions count as they did. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from shared.canonical import sha256_hex
from shared.event.money import Amount
from shared.event.payload import View
from shared.gate.answer import MAX_SHOWN_CHARS
from shared.gate.counting import counter_of, usage_of, use_of
from shared.gate.plan import plan
from shared.gate.policy import Usage, likes, money_of, subject_path
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from shared.model.question import Answer
from shared.settings import Settings
from shared.task.birth import Plan
from shared.task.breaker import CODE as BREAKER
from shared.task.label import judgement
from shared.task.requester import view_at_birth
from shared.task.schemas import AutomationTask, TaskRecord
from shared.task.subjects import Subject, Wish, like, with_wish
from shared.task.usage import Used, with_use
from shared.task.waiting import ASKED_LATE, EDITED, SPARED

_DOUBT = re.compile(r"(?:(?:edited|reworded): the words of|id_reused: the id is known from) task \S+")
# What is added to the reasons of a task that exists.
_SINCE = re.compile(
    r"(?:changed_since|withdrawn|policy_changed): |id_reused: something else|"
    r"repeated: the like (?:is asked|was approved)"
)
_BREAKER = f"{BREAKER}: "  # was open then, whatever is tried now
_LIKE = re.compile(r"repeated: like task (\S+), (\S+) asked for on (\d{4}-\d\d-\d\d)")


@dataclass(frozen=True, slots=True)
class Past:
    """A recorded task as the gate met it: what was seen of its event, and what was decided when it was born.

    `record` is without payload and followups, so that many fit into memory. `doubt` as `plan` takes it. `right`:
    whether the suggestion was, as far as somebody's decision says.
    """

    record: TaskRecord
    seen: View
    runs: bool
    reasons: tuple[str, ...]
    doubt: str = ""
    right: bool | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the reasons, each once, in order."""
        return codes_of(self.reasons)

    @property
    def is_settled(self) -> bool:
        """Whether it would wait under any settings, for a reason that its record does not let us find again.

        The model gave no answer then, of a long odd one only the beginning is kept, or an edit replaced the reason.
        """
        said = self.record.classification
        was_asked = said.model != "none" and not any(r.startswith((SPARED, ASKED_LATE)) for r in self.reasons)
        return not self.runs and (not was_asked or len(said.said) >= MAX_SHOWN_CHARS or not self.reasons)


@dataclass(frozen=True, slots=True)
class Decided:
    """What would be decided: whether it runs by itself, else why not, and the money that it would move."""

    runs: bool
    reasons: tuple[str, ...]
    amount: Amount | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the reasons, each once, in order."""
        return codes_of(self.reasons)


def codes_of(reasons: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codes of reasons (`code: words`), each once, in order."""
    return tuple(dict.fromkeys(reason.partition(":")[0] for reason in reasons))


def past_of(record: TaskRecord) -> Past:
    """Return the task as it was when the gate decided, whatever people and its source made of it since."""
    runs = record.history[0].to == "READY"
    reasons = () if runs else tuple(r for r in record.decision.reasons if _is_of_birth(r))
    judged = judgement(record)
    return Past(
        record=record.model_copy(update={"payload": "{}", "followups": []}),
        seen=view_at_birth(record),
        runs=runs,
        reasons=reasons,
        doubt=next((r for r in reasons if _DOUBT.fullmatch(r)), ""),
        right=judged.right if judged else None,
    )


def with_audit_share(intents: Registry, share: float) -> Registry:
    """Return the intents, of each of which this share is drawn for a look."""
    return Registry({n: replace(i, policy=replace(i.policy, audit_share=share)) for n, i in intents.items()})


@dataclass(slots=True)
class Replay:
    """The gate of one policy, which remembers what it let run. It knows of no task from before the first one played.

    `declared`: the intents as the tasks were drawn by, where `intents` has another `audit_share`.
    """

    intents: Registry
    settings: Settings
    declared: Registry | None = None
    _used: dict[str, Used] = field(default_factory=dict)
    _subjects: dict[str, Subject] = field(default_factory=dict)

    def decide(self, past: Past) -> Decided:
        """Decide about the next task."""
        said = past.record.classification
        if past.is_settled:
            return Decided(False, past.reasons, _money(self.intents, said.intent, said.parameters))
        at = past.record.created_at
        decided = self._plan(past, Usage())
        intent = self.intents.get(decided.intent)
        counter = counter_of(intent, decided.parameters, past.seen)
        used = self._used.get(counter or "")
        usage = usage_of(used, at, self._like(past, intent, decided.parameters))
        if usage != Usage():
            decided = self._plan(past, usage)
        runs = decided.decision.route == "execute"
        if counter and runs:
            self._used[counter] = with_use(used, use_of(intent, decided.parameters, at))
        return Decided(runs, tuple(decided.decision.reasons), _money(self.intents, said.intent, said.parameters))

    def _plan(self, past: Past, usage: Usage) -> Plan:
        record, said = past.record, past.record.classification
        task = AutomationTask(task_id=record.task_id, source=record.source, raw_payload={}, priority=record.priority)
        spoken = said.said or json.dumps(
            {"intent": said.intent, "parameters": said.parameters, "confidence": said.confidence}
        )
        answer = Answer(spoken, said.model, said.tokens_used, said.latency_ms)
        return plan(
            task,
            past.seen,
            answer,
            said.prompt_version,
            self.intents,
            self.settings,
            usage,
            record.created_at,
            draw=self._draw(past),
            doubt=past.doubt,
            breakers={said.intent: _breaker(past)},
        )

    def _like(self, past: Past, intent: Intent | None, parameters: Mapping[str, Any]) -> tuple[Wish, ...]:
        """Return the wishes like this one, played or recorded, and remember this one."""
        path = subject_path(intent, parameters) if intent else None
        if intent is None or path is None:
            return ()
        at, task_id = past.record.created_at, past.record.task_id
        known = self._subjects.get(path)
        played = like(known, likes(intent), at - intent.policy.within, task_id)
        wish = Wish(task_id=task_id, intent=intent.name, at=at)
        self._subjects[path] = with_wish(known, wish, intent.policy.within, at)
        names = {w.task_id for w in played}
        return (*(w for w in _recorded(past) if w.task_id not in names), *played)

    def _draw(self, past: Past) -> float:
        """Return a number that draws the task for a look if it was drawn, and by chance if more are drawn now."""
        name = past.record.classification.intent
        intent = (self.declared or self.intents).get(name)
        share = intent.policy.audit_share if intent else 0.0
        chance = int(sha256_hex(past.record.task_id.encode())[:13], 16) / 16**13
        return chance * share if "audit" in past.codes else share + chance * (1 - share)


def _breaker(past: Past) -> str:
    """Return why its intent's breaker was open, or nothing."""
    return next((r.removeprefix(_BREAKER) for r in past.reasons if r.startswith(_BREAKER)), "")


def _is_of_birth(reason: str) -> bool:
    return bool(_DOUBT.fullmatch(reason)) or not (reason.startswith(EDITED) or _SINCE.match(reason))


def _recorded(past: Past) -> Iterator[Wish]:
    """Yield the wishes that the record names, which may be of tasks that are not played."""
    for reason in past.reasons:
        if found := _LIKE.match(reason):
            at = datetime.fromisoformat(found[3]).replace(tzinfo=UTC)
            yield Wish(task_id=found[1], intent=found[2], at=at)


def _money(intents: Registry, name: str, parameters: Mapping[str, Any]) -> Amount | None:
    intent = intents.get(name)
    return money_of(intent, parameters) if intent else None
