"""Members of tasks and of decisions in, the numbers of a span of days out: what a lead asks on Monday. Pure.

Tickets are those that came in within the span, by what has become of them since; decisions those that were made in it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from shared.task.schemas import Model

TASK_FIELDS = ("approval", "classification", "created_at", "history", "intent", "source", "state")
LABEL_FIELDS = ("at", "by", "drawn", "said", "verdict")
# Dollars for a million tokens, as in infra/cost/prices.json.
QUESTION, CACHED, ANSWER = 0.30, 0.03, 2.50
PRICED_AS = "gemini-3.5-flash-lite"
ENDS = {
    "READY": "under_way",
    "EXECUTING": "under_way",
    "AWAITING_APPROVAL": "waiting",
    "FAILED": "failed",
    "UNKNOWN": "failed",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "CANCELLED": "cancelled",
}
WAITS = "AWAITING_APPROVAL"
DAY = timedelta(days=1)

Members = Mapping[str, Any]


class Tally(Model):
    """Tickets by what became of them, which adds up to all; and what the model's answers about them took."""

    name: str = Field(description="An intent or a source; empty: all")
    tickets: int = 0
    alone: int = Field(default=0, description="Done, and no person decided")
    approved: int = Field(default=0, description="Done after a person let it")
    rejected: int = 0
    waiting: int = Field(default=0, description="For a person, still")
    under_way: int = 0
    failed: int = Field(default=0, description="FAILED or UNKNOWN")
    expired: int = 0
    cancelled: int = 0
    tokens: int = Field(default=0, description="Of questions and answers; answers said again from before took none")
    dollars: float = Field(default=0.0, description=f"For these tokens at the list price of {PRICED_AS}")


class Pace(Model):
    """What one person decided, and for how long that had waited. Of a share it is the time that so many waited at most.

    The two times are null where nothing had waited, as a failed task that somebody runs again had not.
    """

    by: str = Field(description="As the door knows them; empty: everybody")
    decisions: int = Field(description="On tasks; one that was taken back, and not made again, is none")
    audits: int = Field(description="Second looks at what ran by itself")
    median_s: float | None = None
    p90_s: float | None = None


class Verdicts(Model):
    """What people made of one intent's suggestions, by the intent as the classifier named it."""

    intent: str
    right: int = 0
    corrected: int = Field(default=0, description="Approved with other parameters")
    relabelled: int = Field(default=0, description="Approved as another intent")
    wrong_intent: int = Field(default=0, description="Rejected: it asked for something else")
    not_wanted: int = Field(default=0, description="Rejected: it asked for this, and the answer was no")
    duplicate: int = Field(default=0, description="Rejected: it was asked before")
    other: int = Field(default=0, description="Rejected for another cause, or its words were taken back")


class Report(Model):
    """The numbers of the days from `since` to `until`. Those at the top of each list have most."""

    since: datetime
    until: datetime
    total: Tally
    by_day: list[int] = Field(description="Tickets in each 24 hours, oldest first; the last of them end at `until`")
    intents: list[Tally]
    sources: list[Tally]
    decisions: Pace
    people: list[Pace]
    verdicts: list[Verdicts]
    notes: list[str] = Field(description="What the numbers leave out")


def report(
    tasks: Sequence[Members],
    labels: Mapping[str, Members],
    decided: Mapping[str, Members],
    *,
    since: datetime,
    until: datetime,
    notes: Sequence[str] = (),
) -> Report:
    """Return the report on `tasks`, which came in from `since` to `until`, and on the decisions of that time.

    `labels` are by the id of their task; `decided` are those of these tasks that are kept still, by id as well.
    """
    standing = {name: label for name, label in labels.items() if not _was_taken_back(label, decided.get(name))}
    waits = {name: waited_s(decided[name], standing[name]["at"]) for name in standing if name in decided}
    by_person = defaultdict[str, list[str]](list)
    for name, label in standing.items():
        by_person[label["by"]].append(name)
    return Report(
        since=since,
        until=until,
        total=_tally("", tasks),
        by_day=_by_day(tasks, since, until),
        intents=_tallies(tasks, "intent"),
        sources=_tallies(tasks, "source"),
        decisions=_pace("", standing, standing, waits),
        people=sorted((_pace(by, names, standing, waits) for by, names in by_person.items()), key=_most_decided),
        verdicts=_verdicts(standing.values()),
        notes=list(notes),
    )


def outcome(task: Members) -> str:
    """Return what has become of a task, as a member of `Tally`."""
    if task["state"] == "SUCCEEDED":
        return "approved" if task["approval"] else "alone"
    return ENDS[task["state"]]


def dollars(said: Members) -> float:
    """Return what a classification cost. Where a record does not part question from answer, all is priced as answer."""
    if said.get("from_cache"):
        return 0.0
    question, cached = said.get("input_tokens", 0), said.get("cached_tokens", 0)
    answer = said["tokens_used"] - question
    return float((question - cached) * QUESTION + cached * CACHED + answer * ANSWER) / 1e6


def waited_s(task: Members, at: datetime) -> float | None:
    """Return how long a task had waited for the decision at `at`; None: it did not wait for that one."""
    asked: datetime = task["created_at"]
    for arrow in task["history"]:
        if arrow["at"] == at and arrow["from"] == WAITS != arrow["to"]:
            return (at - asked).total_seconds()
        if arrow["to"] == WAITS != arrow["from"]:
            asked = arrow["at"]
    return None


def rank(values: Sequence[float], share: float) -> float | None:
    """Return the least of these values that so large a share of them does not exceed: the nearest rank."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1] if values else None


def _was_taken_back(label: Members, task: Members | None) -> bool:
    return task is not None and task["state"] == WAITS and not task["approval"] and label["drawn"] != "audit"


def _tallies(tasks: Iterable[Members], member: str) -> list[Tally]:
    groups = defaultdict[str, list[Members]](list)
    for task in tasks:
        groups[task[member]].append(task)
    return sorted((_tally(name, group) for name, group in groups.items()), key=lambda t: (-t.tickets, t.name))


def _tally(name: str, tasks: Iterable[Members]) -> Tally:
    tasks = list(tasks)
    said = [task["classification"] for task in tasks]
    return Tally(
        name=name,
        tickets=len(tasks),
        tokens=sum(c["tokens_used"] for c in said if not c.get("from_cache")),
        dollars=math.fsum(map(dollars, said)),
        **Counter(map(outcome, tasks)),
    )


def _by_day(tasks: Iterable[Members], since: datetime, until: datetime) -> list[int]:
    days = max(1, math.ceil((until - since) / DAY))
    found = Counter(min(days - 1, int((task["created_at"] - since) / DAY)) for task in tasks)
    return [found[day] for day in range(days)]


def _pace(by: str, names: Iterable[str], labels: Mapping[str, Members], waits: Mapping[str, float | None]) -> Pace:
    names = list(names)
    audits = sum(labels[name]["drawn"] == "audit" for name in names)
    known = [wait for name in names if (wait := waits.get(name)) is not None]
    return Pace(by=by, decisions=len(names) - audits, audits=audits, median_s=rank(known, 0.5), p90_s=rank(known, 0.9))


def _most_decided(pace: Pace) -> tuple[int, str]:
    return -pace.decisions, pace.by


def _verdicts(labels: Iterable[Members]) -> list[Verdicts]:
    found = defaultdict[str, Counter[str]](Counter)
    for label in labels:
        found[label["said"]][label["verdict"]] += 1
    ordered = sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))
    return [Verdicts(intent=name, **counts) for name, counts in ordered]
