"""The demo is right whatever chance draws."""

from __future__ import annotations

import os

import pytest

from infra.demo.case import Case
from infra.demo.events import Event, events, secrets_for_demo
from shared.records.documents import to_document
from tests.world import SUMMARY, World


class Least:
    """Chance that draws everything."""

    def random(self) -> float:
        return 0.0


async def test_task_that_chance_drew_for_a_look_is_approved() -> None:
    world = World(SUMMARY[1])
    world.ports.random = Least()  # type: ignore[assignment]
    await world.classify(SUMMARY[0])
    record = await world.record(SUMMARY[0].task_id)
    assert (record.state, record.decision.reasons) == ("AWAITING_APPROVAL", ["audit: drawn by chance for a look"])
    case = Case(event("summary for the team"), record=to_document(record))
    assert case.decision == "approve"


@pytest.mark.parametrize("title", ["refund above the allowance", "out of scope"])
def test_what_waits_for_another_reason_is_decided_as_the_event_says(title: str) -> None:
    case = Case(event(title), record={"decision": {"drawn": "", "reasons": ["out_of_scope: no intent fits"]}})
    assert case.decision == case.event.decision


def event(title: str) -> Event:
    return next(e for e in events(os.environ | secrets_for_demo()) if e.title == title)
