"""A decided task and the answer it rests on in; each check of the gate, with what it found, out.

The gate keeps only what failed, in words that begin with a code: the code tells of which check they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.gate.answer import read_answer
from shared.model.question import Answer
from shared.task.schemas import AutomationTask, TaskRecord
from shared.wiring.composition import Ports

# In the order of the rules: what holds where the check passes, and the codes of its reasons.
CHECKS = (
    ("the answer is one JSON object", ("answer_unreadable", "answer_malformed", "answer_mended")),
    ("its intent is ours, and on for this source", ("out_of_scope", "unknown_intent", "intent_disabled")),
    ("the parameters are valid", ("parameters_invalid",)),
    ("the parameters come from the event", ("provenance",)),
    ("the confidence is high enough", ("confidence_invalid", "low_confidence", "unproven")),
    ("policy lets it run without a person", ("policy", "ceiling", "breaker")),
    ("the requester is known, and below the rate", ("requester_unknown", "subject_unknown", "rate")),
    ("no other task asks the like", ("repeated",)),
    (
        "the event is of our own world, and of a fact of its own",
        ("test_mode", "connected_account", "foreign_workspace", "id_reused", "edited"),
    ),
    ("the words are surely the writer's own", ("only_quotes", "may_be_quoted")),
    ("no words speak to a machine", ("tripwire",)),
    ("the text is shown in the order it is read in", ("reordered",)),
    ("all of it is read, and is the writer's own", ("cut", "only_quotes", "may_be_quoted")),
    ("it was not drawn for an audit", ("audit",)),
)
OTHER = "nothing else stands against it"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it wants, how it went, and why it failed."""

    wants: str
    result: Literal["pass", "fail", "not reached"]
    reasons: list[str]


def checks(record: TaskRecord, answer: Answer | None, task: AutomationTask, ports: Ports) -> list[Check]:
    """Return all checks; reasons of none of them come last."""
    reasons = record.decision.reasons
    reached = _reached(reasons, answer, task, ports)
    found = []
    for number, (wants, codes) in enumerate(CHECKS):
        failed = [reason for reason in reasons if _code(reason) in codes]
        found.append(Check(wants, "fail" if failed else "pass" if number < reached else "not reached", failed))
    known = {code for _, codes in CHECKS for code in codes}
    others = [reason for reason in reasons if _code(reason) not in known]
    return found + ([Check(OTHER, "fail", others)] if others else [])


def _reached(reasons: list[str], answer: Answer | None, task: AutomationTask, ports: Ports) -> int:
    """Return how many checks were made: none without an answer, two without an intent of ours."""
    if answer is None:
        return 0
    if read_answer(answer.text, task, ports.registry, ports.settings).intent is not None:
        return len(CHECKS)
    return 1 if any(_code(reason) in CHECKS[0][1] for reason in reasons) else 2


def _code(reason: str) -> str:
    return reason.partition(":")[0]
