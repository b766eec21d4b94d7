"""A task's record in, the billed units of each step that it went through out. Pure.

Firestore's operations follow from the record's history, by what each step reads and commits; a test counts them at the
store. Units are the names of `prices.json`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from shared.canonical import canonical_json
from shared.event.payload import view
from shared.gate.policy import subject_of, subject_path
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from shared.model import prompt
from shared.task.schemas import AutomationTask, TaskRecord, Transition

Units = Counter[str]
Given = Mapping[str, float]
INTAKE, CLASSIFY, DECIDE, EXECUTE = STAGES = ("intake", "classify", "decide", "execute")
ENDS = ("SUCCEEDED", "FAILED", "REJECTED", "EXPIRED", "CANCELLED")
SWEEPS_A_MONTH = 730 * 60
# One document for the time, one for each query that finds nothing: tasks due and expired, approvals approved, rejected
# and open, switches, wrong labels and failures of the last day.
READS_OF_A_SWEEP = 9


def usage(record: TaskRecord, registry: Registry, given: Given, calls: int = 1) -> dict[str, Units]:
    """Return the units of one task by stage, with `given` for what no record holds (`assumptions` of `prices.json`).

    Every step is billed as if it had an instance to itself: an upper bound, since instances serve many at once.
    `calls` over 1 is what an agent loop in place of `classify` would ask of the model.
    """
    spent = {stage: Units() for stage in STAGES}
    spent[INTAKE] += _request(given) + _message(len(record.payload), given)
    spent[CLASSIFY] += _classified(record, registry, given, calls)
    for arrow in record.history[1:]:
        stage = EXECUTE if "EXECUTING" in (arrow.from_state, arrow.to) else DECIDE
        spent[stage] += _moved(record, arrow, registry, given)
    return spent


def sweeps(given: Given) -> Units:
    """Return the units of a month of sweeps that find nothing."""
    one = _request(given) + Units({"firestore reads": READS_OF_A_SWEEP})
    return Units({unit: amount * SWEEPS_A_MONTH for unit, amount in one.items()})


def stored_bytes(record: TaskRecord) -> int:
    """Return the size of a task's document as JSON."""
    return len(record.model_dump_json())


class Tokens(NamedTuple):
    """Tokens of one call by their rates: of the question, of it what the API had cached, and of answer and thoughts."""

    input: float
    cached: float
    output: float


def tokens(record: TaskRecord, registry: Registry, given: Given) -> Tokens:
    """Return what the call took, as recorded. A record of before has only the sum, which is parted by length; of the
    local classifier all is estimated by it. An answer that was kept from before took nothing.
    """
    said = record.classification
    if said.from_cache:
        return Tokens(0, 0, 0)
    if said.input_tokens:
        return Tokens(said.input_tokens - said.cached_tokens, said.cached_tokens, said.tokens_used - said.input_tokens)
    words = {"intent": record.intent, "parameters": record.parameters, "confidence": said.confidence}
    answer = len(canonical_json(words)) / given["characters per token"]
    if said.tokens_used:
        return Tokens(max(0.0, said.tokens_used - answer), 0, answer)
    return Tokens(_asked(record, registry) / given["characters per token"], 0, answer)


def latency_ms(record: TaskRecord, given: Given) -> float:
    """Return how long the model took, or would have."""
    told = record.classification
    return told.latency_ms if told.tokens_used or told.from_cache else given["model latency ms"]


def request_ms(ms: float, given: Given) -> Units:
    """Return the compute of one request that takes `ms`, rounded up as it is billed."""
    quantum = given["billing quantum ms"]
    seconds = math.ceil(ms / quantum) * quantum / 1000
    return Units(
        {
            "run requests": 1,
            "run vCPU seconds": seconds * given["vcpu"],
            "run GiB seconds": seconds * given["gib"],
            "log bytes": given["log bytes per request"],
        }
    )


def _request(given: Given, ms: float = 0.0) -> Units:
    return request_ms(ms + given["step overhead ms"], given)


def _message(size: int, given: Given, deliveries: int = 1) -> Units:
    """One message: published once, delivered to `deliveries` subscriptions."""
    billed = max(given["message minimum bytes"], size + given["message overhead bytes"])
    return Units({"pubsub bytes": billed * (1 + deliveries)})


def _store(reads: int, writes: int) -> Units:
    return Units({"firestore reads": reads, "firestore writes": writes})


def _asked(record: TaskRecord, registry: Registry) -> int:
    task = AutomationTask(task_id=record.task_id, source=record.source, raw_payload=record.raw_payload)
    question = prompt.build(task, view(record.source, record.raw_payload, record.metadata), registry)
    return len(question.instructions) + len(question.content) + len(canonical_json(dict(question.schema)))


def _classified(record: TaskRecord, registry: Registry, given: Given, calls: int) -> Units:
    """The model call and the creation; the approval, and the counter of an intent that is counted, beside the task."""
    said_again = given["loop tokens"] * calls * (calls - 1) / 2  # each call repeats what came of the ones before
    paused, counted = record.history[0].to == "AWAITING_APPROVAL", _is_counted(record, registry)
    spent_on = tokens(record, registry, given)
    beside = _has_subject(record, registry)
    looks = 2 + counted + beside if counted or beside else 0
    writes = 1 + (paused or counted) + beside
    spent = _request(given, calls * latency_ms(record, given)) + _store(1 + 1 + looks, writes)  # and open breakers
    spent += Units(
        {
            "model input tokens": spent_on.input * calls + said_again,
            "model cached tokens": spent_on.cached * calls,
            "model output tokens": spent_on.output * calls,
            "firestore deletes": writes,
        }
    )
    return spent + (_paused(record, registry, given) if paused else _message(0, given))


def _paused(record: TaskRecord, registry: Registry, given: Given) -> Units:
    """The event of the approval; and where there is something to preview, the look and the event of its writing."""
    intent = registry.get(record.intent)
    if intent is None or not record.parameters:
        return _event(given)
    looks = 1 + _guards(record, intent) + 2
    return _event(given) + _message(0, given) + _request(given) + _store(looks, 2) + _event(given)


def _moved(record: TaskRecord, arrow: Transition, registry: Registry, given: Given) -> Units:
    """One arrow of the history after the first."""
    if arrow.to == "EXECUTING":
        spent = _claimed(record, registry, given)
    elif arrow.from_state == "EXECUTING":
        spent = _store(0, 1)
    elif arrow.from_state == "AWAITING_APPROVAL":
        asks = arrow.to == "READY" and _has_subject(record, registry)  # which tasks ask the like
        spent = _decided(record, arrow, given) + _event(given) + _store(asks, 0)
    else:  # a repair by a person, or by the sweeper
        spent = _request(given) + _store(3, 3)
    if arrow.to == "READY":
        spent += _message(0, given)
    elif arrow.to in ENDS:
        spent += _message(len(record.result.output) if record.result else 0, given, deliveries=0) + _store(0, 1)
    return spent


def _claimed(record: TaskRecord, registry: Registry, given: Given) -> Units:
    """Claim and start: one commit, or two where the handler looks something up before its effect."""
    intent = registry.get(record.intent)
    ms = record.result.execution_time_ms if record.result else 0.0
    commits = 2 if intent is not None and intent.starts_late else 1
    beside = _has_subject(record, registry)
    looks = (1 + _guards(record, intent)) * commits
    return _request(given, ms) + _store(looks + beside, commits + beside)


def _guards(record: TaskRecord, intent: Intent | None) -> int:
    """How many documents besides the task a claim reads: the switch; and the breaker where tasks of this intent may run
    without a person, as far as this one's record tells."""
    runs_alone = intent is not None and (intent.policy.risk == "none" or record.decision.route == "execute")
    return 2 if runs_alone else 1


def _has_subject(record: TaskRecord, registry: Registry) -> bool:
    """Whether the task has a place among the wishes about its business subject."""
    intent = registry.get(record.intent)
    return intent is not None and subject_path(intent, record.parameters) is not None


def _decided(record: TaskRecord, arrow: Transition, given: Given) -> Units:
    """A decision over task, approval and label; before it a person looked, or wrote into the approval's document."""
    if record.approval is not None and record.approval.channel == "console":
        return _request(given) + _request(given) + _store(1 + 3, 3)
    if record.approval is not None and record.approval.channel == "firestore":
        return _request(given) + _store(1 + 1 + 3, 1 + 3)  # the task, whether it was reversed, and all three
    return _store(3, 2)  # nobody decided: the sweeper, which runs anyway


def _event(given: Given) -> Units:
    """`resume` is called for every write to an approval, and reads the task."""
    return _request(given) + _store(1, 0)


def _is_counted(record: TaskRecord, registry: Registry) -> bool:
    intent = registry.get(record.intent)
    if intent is None or (intent.policy.per_day is None and intent.policy.amount is None):
        return False
    return subject_of(intent, record.parameters, view(record.source, record.raw_payload, record.metadata)) is not None
