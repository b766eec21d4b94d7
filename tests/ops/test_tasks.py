"""`tasks` and `watch`: what people and scripts are shown of tasks, and tasks cancelled and settled."""

from __future__ import annotations

import json
import re

import pytest

from shared.intent.outcomes import Ambiguous
from shared.records.news import tell
from tests.ops.conftest import Ops
from tests.scripted import ScriptedHandler
from tests.world import SUMMARY, paused, started


async def test_tasks_are_listed_as_a_table_and_as_json(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    assert await ops(world, "tasks list --state AWAITING_APPROVAL --since 2026-01-01") == 0
    assert "refund_request" in capsys.readouterr().out
    assert await ops(world, "approvals list --json") == 0
    [task] = [t for line in capsys.readouterr().out.splitlines() if line.startswith("[{") for t in json.loads(line)]
    assert (task["task_id"], task["parameters"]["amount_minor"]) == ("t1", 2500)


async def test_dossier_tells_what_happened_and_what_can_be_done(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ops(await paused(), "tasks explain t1") == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("policy: money intents need a person", "kim@example.com", "approve, reject"))


async def test_explain_tells_what_the_source_said_since(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    await tell(world.ports, "t1", kind="edited", revision="2", text="Cancel it instead")
    assert await ops(world, "tasks explain t1") == 0
    said = capsys.readouterr().out
    assert "paused for   changed_since:" in said
    assert re.search(r"told since   edited at .* Cancel it instead", said)


async def test_further_lines_of_a_value_pass_for_no_line_of_ours(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    await world.decide("t1", comment="fine\n  result       refunded\rx")
    assert await ops(world, "tasks explain t1") == 0
    told = capsys.readouterr().out.splitlines()
    assert not [line for line in told if line.startswith("  result")]
    assert "                 result       refunded<U+000D>x" in told


async def test_hostile_text_cannot_reach_the_terminal(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    world.tamper("t1", {"order_id": "\x1b[2J\u202e[red]x", "amount_minor": 1, "currency": "USD"})
    for line in ("tasks list", "tasks explain t1", "tasks show t1", "approvals approve t1 --dry-run"):
        assert await ops(world, line) == 0
        told = capsys.readouterr().out
        assert "\x1b" not in told
        assert "\u202e" not in told
        assert "[red]" in told or "tasks list" in line


async def test_counts_are_watched(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ops(await paused(), "watch --for 0") == 0
    assert "awaiting_approval 1" in capsys.readouterr().out


async def test_task_that_is_not_there_does_not_keep_the_others(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    assert await ops(world, "tasks cancel nobody t1 --reason x --yes") == 1
    assert "1 done, 1 refused" in capsys.readouterr().out
    assert (await world.record("t1")).state == "CANCELLED"


async def test_unknown_task_is_settled_by_what_was_found(ops: Ops) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous("no answer")))
    assert await ops(world, "tasks settle t1 --verdict not_applied --reason looked") == 1  # too early
    world.pass_time(minutes=2)
    assert await ops(world, "tasks settle t1 --verdict not_applied --reason looked") == 0
    assert (await world.record("t1")).state == "FAILED"
