"""The collector of cycles while an instance starts, and afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from shared.serving import collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)
    gc.enable()


def test_nothing_is_looked_for_while_an_instance_starts_and_seldom_after_its_first_answer() -> None:
    collector.pause()
    assert not gc.isenabled()
    collector.resume()
    assert gc.isenabled()
    assert gc.get_threshold()[0] == collector.NEW_OBJECTS
    assert gc.get_freeze_count() > 10_000  # what the start has made is looked through no more


def test_a_collector_that_was_never_paused_is_left_alone() -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    collector.resume()
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
