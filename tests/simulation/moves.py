"""How a record may move from one commit to the next: its arrows, its counters, its lease, its time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared.task.moves import ahead
from shared.task.schemas import MAX_HISTORY, TERMINAL
from tests.simulation.loop import Actor

# What a person may run again, or ask about again.
REDRIVABLE = ("FAILED", "UNKNOWN", "EXPIRED", "REJECTED", "CANCELLED")
REDRIVEN = {(state, to) for state in REDRIVABLE for to in ("READY", "AWAITING_APPROVAL")}
ARROWS = frozenset(
    {
        ("", "READY"),
        ("", "AWAITING_APPROVAL"),
        ("AWAITING_APPROVAL", "READY"),
        ("AWAITING_APPROVAL", "REJECTED"),
        ("AWAITING_APPROVAL", "EXPIRED"),
        ("READY", "EXECUTING"),
        ("READY", "FAILED"),
        ("READY", "UNKNOWN"),
        ("EXECUTING", "EXECUTING"),
        ("EXECUTING", "SUCCEEDED"),
        ("EXECUTING", "FAILED"),
        ("EXECUTING", "READY"),
        ("EXECUTING", "UNKNOWN"),
        ("UNKNOWN", "SUCCEEDED"),
        ("UNKNOWN", "FAILED"),
        ("AWAITING_APPROVAL", "CANCELLED"),
        ("READY", "CANCELLED"),
        ("EXECUTING", "CANCELLED"),
        ("READY", "AWAITING_APPROVAL"),  # its words were taken back, or it may not run by itself any more
        ("EXECUTING", "AWAITING_APPROVAL"),  # the latter, where the handler reads first
        ("SUCCEEDED", "FAILED"),  # what was done did not hold
        ("READY", "READY"),  # its intent is switched off
        ("FAILED", "FAILED"),  # somebody has closed it
        ("AWAITING_APPROVAL", "AWAITING_APPROVAL"),  # edited, or approved by one of two
        *REDRIVEN,
    }
)
CODE = re.compile(r"\w+")  # of an error; words are its message
# Arrows that only the source takes, but for those that a worker takes for one of these reasons.
TOLD = frozenset({("READY", "AWAITING_APPROVAL"), ("EXECUTING", "AWAITING_APPROVAL"), ("SUCCEEDED", "FAILED")})
ASKS = frozenset({"breaker", "policy_changed"})
# Arrows that only a person may take; `by` of the others is one of our functions.
DECIDED = frozenset(
    {
        ("AWAITING_APPROVAL", "READY"),
        ("AWAITING_APPROVAL", "REJECTED"),
        ("AWAITING_APPROVAL", "CANCELLED"),
        ("READY", "CANCELLED"),
        ("EXECUTING", "CANCELLED"),
        ("AWAITING_APPROVAL", "AWAITING_APPROVAL"),
        ("FAILED", "FAILED"),
        *REDRIVEN,
    }
)
WORKERS = frozenset({"execute", "classify", "sweep", "deadletter"})


def is_undone(entry: dict[str, Any]) -> bool:
    """Whether somebody took an approval back."""
    return bool(entry["why"] == "undone" and entry["from"] not in REDRIVABLE)


class Moves:
    """Judges each commit of a task's record. `fail(rule, what)` hears what is wrong."""

    def __init__(self, fail: Callable[[str, str], None]) -> None:
        self._fail = fail

    def arrows(self, task_id: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """The history only grows, along the arrows, each taken by whom it belongs to."""
        old, new = before["history"], after["history"]
        if len(new) < MAX_HISTORY and new[: len(old)] != old:
            self._fail("I6", f"the history of {task_id} was rewritten")
        state = before["state"]
        # A full history drops entries from its middle: what follows the last known one is new.
        known = len(old) if len(new) < MAX_HISTORY or not old else len(new) - new[::-1].index(old[-1])
        for entry in new[known:]:
            arrow = (entry["from"], entry["to"])
            if arrow[0] != state or arrow not in ARROWS:
                self._fail("I6", f"{task_id} went from {state or 'nothing'} to {arrow[1]} by {entry['by']}")
            asks = entry["by"] == "execute" and entry["to"] == "AWAITING_APPROVAL" and entry["why"] in ASKS
            if is_undone(entry):
                if entry["by"] in WORKERS or before["approval"] is None or state != "READY":
                    self._fail("I6", f"{entry['by']} undid what nobody had approved of {task_id}, which is {state}")
            elif (arrow in TOLD) != (entry["by"] == "source" or asks):
                self._fail("I6", f"{entry['by']} took {task_id} from {arrow[0]} to {arrow[1]}")
            if arrow in DECIDED and entry["by"] in WORKERS:
                self._fail("I6", f"{entry['by']} took {task_id} from {arrow[0]} to {arrow[1]}, which people do")
            if arrow in (("UNKNOWN", "SUCCEEDED"), ("UNKNOWN", "FAILED")) and entry["by"] == "execute":
                self._fail("I6", f"a worker that had lost its lease ended {task_id}")
            state = arrow[1]
        if after["error"] and not CODE.fullmatch(after["error"]["code"]):
            self._fail("I6", f"{task_id} has an error without a code: {after['error']}")
        if state != after["state"]:
            self._fail("I6", f"{task_id} is {after['state']}, and its history says {state}")

    def grows(self, task_id: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Generation and epoch grow by one; within a generation an end is an end."""
        for old, new, what in (
            (before["generation"], after["generation"], "generation"),
            (before["exec"]["epoch"], after["exec"]["epoch"], "epoch"),
        ):
            if not old <= new <= old + 1:
                self._fail("I6", f"the {what} of {task_id} went from {old} to {new}")
        if before["created_at"] != after["created_at"] or before["payload_sha256"] != after["payload_sha256"]:
            self._fail("I1", f"{task_id} was created twice")
        same = after["generation"] == before["generation"]
        reversed_ = (before["state"], after["state"]) == ("SUCCEEDED", "FAILED")
        if same and before["state"] in TERMINAL and after["state"] != before["state"] and not reversed_:
            self._fail("I6", f"{task_id} left {before['state']} in the same generation")
        if same and before["state"] != "AWAITING_APPROVAL" and before["parameters"] != after["parameters"]:
            self._fail("I10", f"the parameters of {task_id} changed after they were decided")

    def owned(
        self, task_id: str, before: dict[str, Any], after: dict[str, Any], now: datetime, actor: Actor | None
    ) -> None:
        """A lease is taken only when it is free, and only its holder says how the attempt ended."""
        old, new = before["exec"], after["exec"]
        if actor is None or not actor.function.startswith(("execute-", "deadletter", "sweep")):
            return
        seen = actor.saw.get(f"tasks/{task_id}")  # what counts is the time when it was read: the clock may step since
        held = before["state"] == "EXECUTING" and ahead(old["lease_until"], seen.read_time if seen else now)
        moved = before["state"] != after["state"]
        if actor.generation and actor.generation != before["generation"] and moved:
            self._fail("I6", f"a message of generation {actor.generation} moved {task_id} of {before['generation']}")
        if new["epoch"] > old["epoch"]:
            actor.epoch, actor.lease_until = new["epoch"], new["lease_until"]
            if held:
                self._fail("I6", f"the lease of {task_id} was taken while it was held")
        elif actor.epoch != old["epoch"] and (held or actor.epoch) and before["history"] != after["history"]:
            self._fail("I6", f"{actor.name} ended the attempt of another worker at {task_id}")

    def in_time(
        self, task_id: str, before: dict[str, Any], after: dict[str, Any], now: datetime, actor: Actor | None
    ) -> None:
        """A decision counts until it expires, and not a moment longer."""
        expires_at = before["decision"]["expires_at"]
        if after["state"] == "EXPIRED":
            if now < expires_at:
                self._fail("I6", f"{task_id} expired early")
        elif after["state"] in ("READY", "REJECTED") and actor is not None:
            seen = actor.saw.get(f"tasks/{task_id}")  # what counts is the server's time when it was read
            if seen is not None and seen.read_time >= expires_at:
                self._fail("I5", f"{task_id} was decided after it had expired")
