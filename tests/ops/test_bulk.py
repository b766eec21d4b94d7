"""An action on many: its answer, its question, and what is said when it ends before its time."""

from __future__ import annotations

import json
from functools import partial

import pytest
from rich.console import Console as Terminal

from infra.ops import bulk
from infra.ops.client import Unreachable
from tests.ops.conftest import Ops, letters
from tests.world import REFUND, World


async def test_answer_of_a_bulk_action_is_json_alone(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(REFUND[1])
    [letter] = await letters(world, 1)
    assert await ops(world, f"dead-letters close {letter} {letter} {'0' * 64} --reason x --yes --json") == 1
    [answer] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert [(r["state"], r["error"][:16]) for r in json.loads(answer)] == [("closed", ""), ("", "letter_not_found")]


async def test_question_to_a_person_is_not_on_the_output_of_scripts(
    ops: Ops, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(REFUND[1])
    await letters(world, 2)
    assert await ops(world, "dead-letters close --all --reason x --json") == 2
    captured = capsys.readouterr()
    assert "of r1" in captured.err
    assert "of r1" not in captured.out


def test_console_that_stops_answering_ends_a_bulk_action(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def do(name: str) -> dict[str, str]:
        asked.append(name)
        if name == "b":
            raise Unreachable("gone")
        return {"state": "READY"}

    results = bulk.run(Terminal(stderr=True), [bulk.Item(n, n, partial(do, n)) for n in "abcd"], 1000)
    assert asked == ["a", "b"]
    assert [(r.id, r.state, r.unreachable) for r in results] == [("a", "READY", False), ("b", "", True)]
    assert "2 of 4 were not tried" in capsys.readouterr().err


def test_interrupt_says_which_outcome_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> dict[str, str]:
        raise KeyboardInterrupt

    items = [bulk.Item("a", "a", dict), bulk.Item("b", "b", interrupted), bulk.Item("c", "c", dict)]
    results = bulk.run(Terminal(stderr=True), items, 1000)
    assert [(r.id, r.error) for r in results] == [("a", ""), ("b", "stopped; whether it was done is not known")]
    assert "1 of 3 were not tried" in capsys.readouterr().err
