"""The names of the topics that do not belong to an intent. Names come from here, never typed twice."""

from __future__ import annotations

EVENTS = "events"
TASKS = "tasks"
TASKS_EXPRESS = "tasks-express"
RESULTS = "results"
DEAD_LETTERS = "dead-letters"

# Attribute of a message of topic `events` whose bytes are a verified webhook's body that could not be read; `source`,
# `media` and `reason` beside it say whose it is, as what it came, and why.
PARKED = "parked"
# Attribute of a message of topic `events` that hands over how many events asked nothing of anybody.
COUNTED = "counted"
# Attribute of a message of a lane that asks the model about a waiting task after all: a person has opened it.
ASK = "ask"

EXPRESS_FROM_PRIORITY = 4


def lane(priority: int) -> str:
    """Return the topic that a task of this priority travels on, so that urgent ones never queue behind a backlog."""
    return TASKS_EXPRESS if priority >= EXPRESS_FROM_PRIORITY else TASKS
