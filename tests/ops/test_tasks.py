"""`tasks` and `watch`: what people and scripts are shown of tasks, and tasks cancelled and settled."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from shared.intent.outcomes import Ambiguous, Permanent
from shared.records.news import tell
from tests.contract.console.api.test_traces import decided
from tests.ops.conftest import Ops
from tests.scripted import ScriptedHandler
from tests.spans import traced
from tests.world import SUMMARY, World, paused, started, ticket


async def test_tasks_are_listed_as_a_table_and_as_json(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    assert await ops(world, "tasks list --state AWAITING_APPROVAL --since 2026-01-01") == 0
    assert "Refund 25.00 USD of order 10021" in capsys.readouterr().out
    for line in ("approvals list --json", "tasks list --state waiting --requester kim --min 25 --closed no --json"):
        assert await ops(world, line) == 0
        [task] = [t for line in capsys.readouterr().out.splitlines() if line.startswith("[{") for t in json.loads(line)]
        assert (task["task_id"], task["parameters"]["amount_minor"]) == ("t1", 2500)


async def test_what_is_mine_is_listed_and_a_misspelt_intent_is_named(
    ops: Ops, capsys: pytest.CaptureFixture[str]
) -> None:
    world = await paused()
    assert await ops(world, "tasks list --assignee me") == 0
    assert "nothing is like this" in capsys.readouterr().out
    assert await ops(world, "tasks assign t1") == 0
    assert await ops(world, "approvals list --assignee me") == 0
    assert "Refund 25.00 USD of order 10021" in capsys.readouterr().out
    for line in ("tasks list", "tasks find kim", "approvals list", "approvals reject"):
        assert await ops(world, f"{line} --intent nope") == 2
        assert "there is no intent nope; choose one of cancel_order" in capsys.readouterr().err


async def test_dossier_tells_what_happened_and_what_can_be_done(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ops(await paused(), "tasks explain t1") == 0
    told = capsys.readouterr().out
    assert all(
        word in told
        for word in ("policy: money intents need a person", "kim@example.com", "arrived broken", "approve, reject")
    )


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


async def failed() -> World:
    world = await paused()
    await world.decide("t1")
    await world.execute("t1", ScriptedHandler(Permanent("no such order")))
    return world


async def test_redrive_says_what_it_will_do_and_asks_before_it_approves(
    ops: Ops, capsys: pytest.CaptureFixture[str]
) -> None:
    world = await failed()
    assert await ops(world, "tasks redrive t1 --reason x --dry-run") == 0
    assert "FAILED: runs now, as ops@example.com approved it" in capsys.readouterr().out
    assert await ops(world, "tasks redrive t1 --reason x --then wait --dry-run") == 0
    assert "FAILED: waits for a decision" in capsys.readouterr().out
    other = """tasks redrive t1 --reason x --parameters {"order_id":"#10022","amount_minor":1,"currency":"USD"}"""
    assert await ops(world, other) == 2  # nobody can be asked here
    assert "is approved in your name and runs now" in capsys.readouterr().err
    assert (await world.record("t1")).state == "FAILED"
    assert await ops(world, f"{other} --yes") == 0
    record = await world.record("t1")
    assert (record.state, record.parameters["order_id"]) == ("READY", "#10022")


async def test_task_without_an_intent_is_given_one(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World("nonsense")
    await world.classify(ticket("Where is my order #47384?"))
    await world.decide("t1", "reject")
    assert await ops(world, "tasks redrive t1 --reason x --dry-run") == 0
    assert "would be refused: unprocessable: no intent was found" in capsys.readouterr().out
    line = (
        """tasks redrive t1 --as-intent order_status --parameters {"order_id":"#47384"} --then wait --reason misread"""
    )
    assert await ops(world, line) == 0
    record = await world.record("t1")
    assert (record.state, record.intent, record.parameters) == (
        "AWAITING_APPROVAL",
        "order_status",
        {"order_id": "#47384"},
    )


async def test_failed_task_is_closed(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await failed()
    assert await ops(world, "tasks close t1 --reason refunded-by-hand") == 0
    assert await ops(world, "tasks explain t1") == 0
    assert "closed: refunded-by-hand" in capsys.readouterr().out
    assert await ops(world, "tasks close t1 --reason again") == 1


async def test_task_is_found_by_what_somebody_knows_of_it(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    for words in ("KIM@example.com", "10021 refund", "broken --state AWAITING_APPROVAL", "t1"):
        assert await ops(world, f"tasks find {words}") == 0
        assert "Refund 25.00 USD of order 10021" in capsys.readouterr().out
    assert await ops(world, "tasks find kim --state FAILED") == 1
    assert capsys.readouterr().out.endswith("nothing is like this\n")


async def test_task_is_taken_noted_and_left(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    assert await ops(world, "tasks assign t1") == 0
    assert await ops(world, "tasks note t1 asked-the-shop") == 0
    record = await world.record("t1")
    assert (record.assignee, [n.text for n in record.notes]) == ("developer@localhost", ["asked-the-shop"])
    assert await ops(world, "tasks explain t1") == 0
    told = capsys.readouterr().out
    assert all(words in told for words in ("t1 is developer@localhost's", "t1: note 1 is written", "asked-the-shop"))
    assert await ops(world, "tasks assign t1 --leave") == 0
    assert (await world.record("t1")).assignee == ""


async def test_trace_draws_what_was_traced_of_a_task(
    ops: Ops, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with traced() as kept:
        world = await decided(kept, tmp_path)
    assert await ops(world, "tasks trace t1") == 0
    drawn = capsys.readouterr().out
    assert [word in drawn for word in ("classify", "console", "━", "AWAITING_APPROVAL", "READY")] == [True] * 5
    assert await ops(world, "tasks trace t1 --json") == 0
    assert len(json.loads(capsys.readouterr().out)["traces"]) == 2
    world.set(data_dir=str(tmp_path / "empty"))
    assert await ops(world, "tasks trace t1") == 0
    assert "make run TRACING=local" in capsys.readouterr().out
