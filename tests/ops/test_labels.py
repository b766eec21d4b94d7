"""`labels`: listed, counted, and written as those read them who prove, teach and measure a classifier."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.calibrate import labels as calibrate
from infra.evaluate import tickets
from tests.ops.conftest import Ops
from tests.world import REFUND, World, says, ticket

Capture = pytest.CaptureFixture[str]


async def judged() -> World:
    """Return a world in which one ticket was approved as shown, one as another intent, and two were rejected."""
    world = World(certification=True)
    decisions: list[dict[str, Any]] = [
        {"decision": "approve"},
        {"decision": "approve", "intent": "order_status", "parameters": {"order_id": "#10021"}},
        {"decision": "reject", "cause": "wrong_intent"},
        {"decision": "reject"},
    ]
    for n, wish in enumerate(decisions):
        world.model.answers = [says("refund_request", order_id="#10021", amount_minor=2500, currency="USD")]
        await world.classify(ticket(REFUND[0].raw_payload["text"], task_id=f"t{n}"))
        await world.decide(f"t{n}", **wish)
        world.pass_time(seconds=1)
    return world


async def test_export_is_what_calibrate_reads_and_a_second_one_takes_its_place(
    ops: Ops, tmp_path: Path, capsys: Capture
) -> None:
    world, file = await judged(), tmp_path / "labels.jsonl"
    for _ in range(2):
        assert await ops(world, f"labels export {file}") == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"4 labels in {file}"
    found = calibrate.read(file, datetime.now(UTC))
    assert found == [await world.label(f"t{n}") for n in range(4)]
    assert [label.right for label in found] == [True, False, False, None]
    assert (file.stat().st_mode & 0o777, os.listdir(tmp_path)) == (0o600, [file.name])


async def test_export_of_tickets_is_what_eval_reads(ops: Ops, tmp_path: Path, capsys: Capture) -> None:
    world, file = await judged(), tmp_path / "tickets.jsonl"
    assert await ops(world, f"labels export {file} --tickets") == 0
    assert "3 tickets in" in capsys.readouterr().out
    found = tickets.read(file)
    assert [(t.id, t.intent) for t in found] == [
        ("t0", "refund_request"),
        ("t1", "order_status"),
        ("t2", "out_of_scope"),
    ]
    assert {t.text for t in found} == {"Help\nPlease refund $25.00 for order #10021, it arrived broken"}


async def test_export_with_words_has_those_of_the_tasks(ops: Ops, tmp_path: Path) -> None:
    world, file = await judged(), tmp_path / "labels.jsonl"
    assert await ops(world, f"labels export {file} --texts --since 2020-01-01") == 0
    assert all("arrived broken" in label.text for label in calibrate.read(file, datetime.now(UTC)))


async def test_file_that_cannot_be_written_is_named(ops: Ops, tmp_path: Path, capsys: Capture) -> None:
    assert await ops(await judged(), f"labels export {tmp_path / 'nowhere' / 'labels.jsonl'}") == 2
    assert "labels.jsonl cannot be written: No such file or directory" in capsys.readouterr().err


async def test_list_and_count_tell_what_was_decided(ops: Ops, capsys: Capture) -> None:
    world = await judged()
    assert await ops(world, "labels list --limit 2") == 0
    told = capsys.readouterr().out
    assert ("t3" in told, "wrong_intent" in told, "t1" in told) == (True, True, False)
    assert await ops(world, "labels count") == 0
    told = capsys.readouterr().out
    assert told.startswith("right 1, relabelled 1, wrong intent 1, other 1; 3 count as proof of ")
