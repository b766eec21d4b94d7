"""What nobody can read, and what belongs to nothing, stands before nothing else that is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.notify import news
from functions.sweep import retention
from functions.sweep import step as sweeping
from shared.errors import Conflict
from shared.wiring.ports import Snapshot, Write
from tests.scripted import ScriptedHandler
from tests.store import MemoryStore
from tests.world import ORDER_STATUS, REFUND, SUMMARY, World, paused, started


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a sweep take 50 documents at most."""
    monkeypatch.setattr(sweeping, "PAGE", 10)
    monkeypatch.setattr(sweeping, "MAX_PAGES", 5)


async def with_unreadable(count: int) -> World:
    """Return a world with a task whose message was lost, behind documents of a later version that are due earlier."""
    world = await started(ORDER_STATUS)
    world.publisher.messages.clear()
    world.pass_time(minutes=10)
    data = world.store.look("tasks/t1").data or {}
    for n in range(count):
        at = data["next_check_at"] - timedelta(minutes=1)
        later = {"schema_version": 2, "next_check_at": at, "news": [{"of": "a later version"}], "state": "PONDERING"}
        world.store.write(f"tasks/v2-{n:03}", data | later)
    return world


async def test_documents_of_a_later_version_do_not_hide_a_lost_message() -> None:
    world = await with_unreadable(60)
    assert await world.sweep() == {"unreadable": 50}
    assert await world.sweep() == {"unreadable": 10, "published": 1}
    assert len(world.publisher.on("intent-order-status")) == 1
    assert await world.sweep() == {}


async def test_only_the_time_of_the_next_look_changes_in_a_document_that_cannot_be_read() -> None:
    world = await with_unreadable(1)
    before = world.store.look("tasks/v2-000").data or {}
    await world.sweep()
    after = world.store.look("tasks/v2-000").data or {}
    assert after == before | {"next_check_at": after["next_check_at"]}
    assert after["next_check_at"] - world.now == world.now - before["updated_at"]


@pytest.mark.parametrize(
    ("updated_at", "pause"),
    [
        (timedelta(0), timedelta(minutes=2)),
        (timedelta(days=3), timedelta(hours=1)),
        ("yesterday", timedelta(hours=1)),
        (None, timedelta(hours=1)),
    ],
)
async def test_pause_grows_with_the_age_of_the_last_change(updated_at: Any, pause: timedelta) -> None:
    world = await with_unreadable(1)
    at = world.now - updated_at if isinstance(updated_at, timedelta) else updated_at
    world.store.put("tasks/v2-000", updated_at=at)
    await world.sweep()
    assert (world.store.look("tasks/v2-000").data or {})["next_check_at"] == world.now + pause


async def test_a_release_that_reads_it_again_finds_it_due_in_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    world = await with_unreadable(1)
    data = world.store.look("tasks/t1").data or {}
    await world.sweep()
    assert '"outcome":"unreadable"' in capsys.readouterr().out
    world.store.write("tasks/v2-000", data | {"task_id": "v2-000", "next_check_at": _due(world, "v2-000")})
    assert "published" not in await world.sweep()
    world.pass_time(hours=1)
    assert (await world.sweep())["published"] == 2


async def test_documents_of_a_later_version_do_not_hide_what_is_past_its_retention(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "PAGE", 10)
    world = await started(SUMMARY, retention_days=30)
    await world.execute("t1", ScriptedHandler())
    world.pass_time(days=31)
    data = world.store.look("tasks/t1").data or {}
    for n in range(10 * retention.MAX_PAGES):
        later = {"schema_version": 2, "expire_at": data["expire_at"] - timedelta(minutes=1), "next_check_at": None}
        world.store.write(f"tasks/v2-{n:03}", data | later)
    assert await world.sweep() == {"unreadable": 10 * retention.MAX_PAGES}
    assert await world.sweep() == {"entombed": 1}


async def test_document_that_somebody_writes_meanwhile_is_left_to_them() -> None:
    class Busy(MemoryStore):
        async def commit(self, *writes: Write) -> list[str]:
            if any(w.others_stay for w in writes):
                raise Conflict("somebody was faster")
            return await super().commit(*writes)

    world = await with_unreadable(1)
    world.keep_in(Busy)
    before = world.store.look("tasks/v2-000").data
    assert await world.sweep() == {"unreadable": 1, "published": 1}
    assert world.store.look("tasks/v2-000").data == before


def _due(world: World, task_id: str) -> datetime:
    at: datetime = (world.store.look(f"tasks/{task_id}").data or {})["next_check_at"]
    return at


async def test_approvals_that_belong_to_no_task_do_not_hide_a_decision_whose_event_was_lost() -> None:
    world = await paused(REFUND)
    for n in range(60):
        world.store.put(f"approvals/a{n:03}", status="approved", outcome=None, note={"by": "hand"})
    await world.edit("t1", status="approved")
    world.pass_time(minutes=5)
    assert await world.sweep() == {"stray": 50}
    world.pass_time(minutes=1)
    assert await world.sweep() == {"stray": 10, "asked_again": 1}
    assert (await world.approval("t1"))["status"] == "pending"
    assert await world.sweep() == {}
    stray = world.store.look("approvals/a000").data or {}
    assert stray["error"] == "task_not_found: there is no such task"
    assert stray | {"status": "approved", "note": {"by": "hand"}, "outcome": "task_not_found"} == stray
    assert stray["expire_at"] > world.now


async def test_decision_that_only_just_came_is_left_to_its_event() -> None:
    world = await paused(REFUND)
    world.store.put("approvals/a0", status="approved", outcome=None)
    assert await world.sweep() == {}


async def test_deleted_approval_is_there_again_when_people_are_reminded() -> None:
    """Its event makes it anew at once; should that be lost, it is looked for once, where it is missed."""
    world = await paused(REFUND)
    before = await world.approval("t1")
    world.store.delete("approvals/t1")
    world.pass_time(hours=68)
    assert await world.sweep() == {"restored": 1}
    after = await world.approval("t1")
    assert [r["code"] for r in after["refusals"]] == ["deleted"]
    assert {n for n in before | after if before.get(n) != after.get(n)} == {"refusals", "error"}
    threshold = news.Threshold(1 / 4, timedelta(hours=4))
    assert [item.task_id for item in (await news.expiring(world.store, threshold, world.now)).items] == ["t1"]
    await world.edit("t1", status="approved")
    await world.resume("t1")
    assert (await world.record("t1")).state == "READY"


async def test_a_reminder_reads_one_document_more_and_writes_no_approval_that_is_there() -> None:
    class Counting(MemoryStore):
        reads = 0

        async def read(self, *paths: str) -> list[Snapshot]:
            self.reads += sum(path.startswith("approvals/") for path in paths)
            return await super().read(*paths)

    world = await paused(REFUND)
    store = world.keep_in(Counting)
    version = store.look("approvals/t1").version
    for _ in range(67):
        world.pass_time(hours=1)
        await world.sweep()
    assert store.reads == 0
    world.pass_time(hours=1)
    assert await world.sweep() == {"reminded": 1}
    assert (store.reads, store.look("approvals/t1").version) == (2, version)  # one of them to end it, were it time
