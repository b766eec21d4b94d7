"""`dead-letters`, and tasks redriven: what is shown, what runs again, and in whose name."""

from __future__ import annotations

import io

import pytest
from rich.console import Console as Terminal

from infra.ops import show
from shared.intent.outcomes import Ambiguous, Permanent
from tests.ops.conftest import Ops, letters
from tests.scripted import ScriptedHandler
from tests.world import REFUND, SUMMARY, World, started, ticket


def test_letters_are_told_whole_on_a_narrow_terminal() -> None:
    out = io.StringIO()
    letter = {
        "letter_id": "0" * 64,
        "subscription": "intent-refund-request",
        "reason": "dead_lettered",
        "task_id": "t1",
        "outcome": "failed",
        "created_at": "2026-01-05T09:00:00Z",
        "redriven_by": None,
    }
    show.letters(Terminal(file=out, width=80, force_terminal=True, color_system=None), [letter])
    assert all(word in out.getvalue() for word in ("0" * 64, "intent-refund-request", "dead_lettered", "t1", "failed"))


async def test_dry_run_changes_nothing(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(REFUND[1])
    [letter] = await letters(world, 1)
    before = dict(world.store.documents)
    for line in (
        "dead-letters redrive --all --reason x --dry-run",
        "tasks redrive --state REJECTED --reason x --dry-run",
    ):
        assert await ops(world, line) == 0
    assert f"would redrive {letter} of r0" in capsys.readouterr().out
    assert world.store.documents == before


async def test_hundred_dead_letters_are_repaired_with_one_command(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(REFUND[1])
    ids = await letters(world, 100)
    line = "dead-letters redrive --all --reason mended --rate 1000"
    assert await ops(world, line) == 2  # nobody can be asked here
    assert await ops(world, f"{line} --yes") == 0
    assert "100 done, 0 refused" in capsys.readouterr().out
    records = [await world.record(f"r{n}") for n in range(100)]
    # Nobody had approved them, and nobody has looked at one alone: they wait for a decision again.
    assert [(r.state, r.generation, r.approval) for r in records] == [("AWAITING_APPROVAL", 2, None)] * 100
    assert await ops(world, f"dead-letters redrive {ids[0]} --reason mended") == 1
    assert "already_redriven" in capsys.readouterr().out


async def test_letters_whose_tasks_a_person_had_approved_run_again_at_once(ops: Ops) -> None:
    world = World(REFUND[1])
    for n in range(2):
        await world.classify(ticket(REFUND[0].raw_payload["text"], task_id=f"r{n}"))
        await world.decide(f"r{n}")
        await world.execute(f"r{n}", ScriptedHandler(Permanent("the shop is closed")))
        world.bury(f"r{n}", f"r{n}")
    assert await ops(world, "dead-letters redrive --all --reason mended --yes") == 0
    records = [await world.record(f"r{n}") for n in range(2)]
    assert [(r.state, r.approval and r.approval.by) for r in records] == [("READY", "ops@example.com")] * 2


@pytest.mark.parametrize("command", ["tasks redrive r0", "dead-letters redrive {letter}"])
async def test_rejected_task_that_is_named_alone_runs_in_the_persons_name(ops: Ops, command: str) -> None:
    world = World(REFUND[1])
    [letter] = await letters(world, 1)
    assert await ops(world, f"{command.format(letter=letter)} --reason wrong-no --yes") == 0
    record = await world.record("r0")
    assert record.approval is not None
    assert (record.state, record.approval.by, record.approval.channel, record.approval.comment) == (
        "READY",
        "developer@localhost",
        "cli",
        "wrong-no",
    )


@pytest.mark.parametrize("line", ["tasks redrive r0 r1", "tasks redrive --state REJECTED"])
async def test_rejected_tasks_that_are_named_together_or_found_wait_for_a_decision_again(ops: Ops, line: str) -> None:
    world = World(REFUND[1])
    await letters(world, 2)
    assert await ops(world, f"{line} --reason wrong-no --yes") == 0
    assert [(await world.record(f"r{n}")).state for n in range(2)] == ["AWAITING_APPROVAL"] * 2


async def test_letter_of_a_task_that_was_never_stored_is_sent_again(ops: Ops) -> None:
    world = World()
    letter = world.bury("lost", "never-stored")
    assert await ops(world, f"dead-letters redrive {letter} --reason mended") == 0
    assert world.publisher.on("tasks") == [{}]


async def test_letter_of_an_unknown_task_is_redriven_by_what_was_found(
    ops: Ops, capsys: pytest.CaptureFixture[str]
) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous("no answer")))
    world.pass_time(minutes=2)
    name = world.bury("t1", "t1")
    assert await ops(world, f"dead-letters redrive {name} --reason looked") == 1
    assert "verdict_needed" in capsys.readouterr().out
    assert await ops(world, f"dead-letters redrive {name} --reason looked --verdict not_applied") == 0
    assert (await world.record("t1")).state == "READY"
