"""What is measured of Switchyard, and what that is called: in Monitoring, in charts, in alerts and on the ops page.

Each is made of the line that a step logs per unit of work (`shared/logs.py`); which lines count, Terraform says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "switchyard/"


@dataclass(frozen=True, slots=True)
class Metric:
    """One log-based metric: the distribution of a field of the line, in a unit of UCUM; without a field, a count."""

    description: str
    field: str = ""
    unit: str = "1"


METRICS: Mapping[str, Metric] = {
    "latency": Metric("Time of one unit of work, by stage and intent.", field="execution_time_ms", unit="ms"),
    "model_latency": Metric("Time of the model call.", field="latency_ms", unit="ms"),
    "tokens": Metric("Tokens of the one model call, by intent and source.", field="tokens_used"),
    "states": Metric("States entered."),
    "parked": Metric("Dead letters and unreadable messages, kept in collection dead_letters."),
    "model_weather": Metric(
        "What an instance found of the model: too much or down, open again, the day's tokens spent, the local "
        "classifier in its place."
    ),
    "breakers": Metric("Intents that wait for people because too many of their decisions were wrong."),
    "drift": Metric("Looks at which what comes in was not like what the certificate was made from."),
    "outbox_left": Metric("Messages that could not be published at once; the sweep owes them."),
    "errors": Metric("Lines that only an operator can do something about."),
    "sweeps": Metric("Sweeps that have ended."),
    "notifications": Metric("Looks for what people have to hear of."),
    "not_told": Metric("Messages that a chat did not take; everything in them is sent again a minute later."),
    "refused": Metric(
        "Events that intake could not accept. A stranger can ask for a source that has no secret: that does not count."
    ),
    "turned_away": Metric(
        "Events that Cloud Run refused in intake's place, or lost with an instance: its own count of requests has only "
        "those that reached one."
    ),
    "ignored": Metric(
        "Events that ask nothing of anybody, by source and reason. Only their lines name the kind of the event."
    ),
    "overdue": Metric(
        "How late the sweep found the task, or the outbox, that had waited longest.", field="overdue_s", unit="s"
    ),
    "approvals_waiting": Metric("Approvals nobody has decided, counted up to 200.", field="approvals_waiting"),
    "approval_age": Metric("How long the oldest of them has waited.", field="oldest_approval_s", unit="s"),
}


def named(metric: str) -> str:
    """Return what Cloud Monitoring calls a metric.

    Raises:
        KeyError: there is none of this name.
    """
    if metric not in METRICS:
        raise KeyError(metric)
    return PREFIX + metric
