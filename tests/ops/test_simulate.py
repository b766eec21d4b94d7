"""`policy simulate`: which recorded tasks would take another way, and what that means for people and money."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.ops.__main__ import main
from tests.ops.conftest import Ops
from tests.world import REFUND, World, ticket

LEAD = frozenset({"lead@example.com"})


async def refunds(**settings: Any) -> World:
    """Return a world of three refunds of one requester, a day apart: 20.00, 60.00 and 100.00 USD."""
    world = World(**settings)
    for n, dollars in enumerate((20, 60, 100), 1):
        order = f"#1002{n}"
        values = {"order_id": order, "amount_minor": 100 * dollars, "currency": "USD"}
        world.model.answers = [REFUND[1] | {"parameters": values, "confidence": 0.75 + n / 20}]
        await world.classify(ticket(f"Please refund ${dollars}.00 for order {order}", task_id=f"r{n}"))
        world.pass_time(hours=24)
    return world


async def simulated(ops: Ops, world: World, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    assert await ops(world, " ".join(["policy simulate --json", *options])) == 0
    return next(json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"tasks"'))


async def test_nothing_takes_another_way_under_the_settings_of_today(
    ops: Ops, capsys: pytest.CaptureFixture[str]
) -> None:
    world = await refunds(automatic={"refund_request": {"USD": 7000}})
    before = dict(world.store.documents)
    told = await simulated(ops, world, capsys)
    assert (told["tasks"], told["flips"], told["moved_on"], told["settings"]) == (3, 0, 0, {})
    assert (told["before"]["runs"], told["before"]["waits"]) == (2, 1)
    assert told["after"] == told["before"]
    assert world.store.documents == before


async def test_allowance_moves_tasks_money_and_approvals(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await refunds(approvers={"*": LEAD})
    await world.decide("r3", "reject", by="lead@example.com")
    told = await simulated(ops, world, capsys, "--automatic refund_request<=8000")
    assert told["settings"] == {"AUTOMATIC": {"today": "", "tried": "refund_request<=8000"}}
    assert told["paths"] == [{"intent": "refund_request", "runs": True, "reasons": ["policy"], "tasks": 2}]
    assert [(flip["task_id"], flip["amount"]) for flip in told["matter"]] == [
        ("r2", {"minor": 6000, "currency": "USD"}),
        ("r1", {"minor": 2000, "currency": "USD"}),
    ]
    assert (told["before"]["approvals_a_day"], told["after"]["approvals_a_day"]) == (1.5, 0.5)
    assert (told["before"]["money_a_day"], told["after"]["money_a_day"]) == ({}, {"USD": 4000})
    assert told["people"] == {
        "lead@example.com": {"decided_a_day": 0.5, "asked_a_day_before": 1.5, "asked_a_day_after": 0.5}
    }
    assert told["after"]["wrong"] == {"expected": None, "labelled": 0, "estimated": 0, "unknown": 2}


async def test_terminal_tells_what_would_pause(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await refunds(automatic={"refund_request": {"USD": 7000}}, approvers={"*": LEAD})
    assert await ops(world, "policy simulate --threshold 0.83") == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for line in (
        "3 tasks of 2 days, 2026-01-05 to 2026-01-07",
        "CONFIDENCE_THRESHOLD: '0.8' today, tried '0.83'",
        "run by themselves 2 1",
        "of them expected wrong unknown: no labels unknown: no labels",
        "money a day by itself 40.00 USD 30.00 USD",
        "pause refund_request low_confidence 1",
        "r1 pause refund_request 20.00 USD 0.80 low_confidence",
    ):
        assert line in lines


async def test_tasks_are_kept_in_a_file_and_played_without_a_console(
    ops: Ops, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, world = tmp_path / "tasks.jsonl", await refunds()
    told = await simulated(ops, world, capsys, f"--threshold 0.9 --save {file}")
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("AUTOMATIC", "refund_request<=7000")
    alone = ["policy", "simulate", "--json", "--records", str(file), "--threshold", "0.9"]
    assert main(alone) == 0
    again = json.loads(capsys.readouterr().out)
    assert (told["after"]["runs"], again["before"]["runs"], again["after"]["runs"]) == (0, 2, 0)
    assert await ops(world, f"policy simulate --save {file}") == 2
    assert "name a new file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--threshold 2", "CONFIDENCE_THRESHOLD is '2'; it must be a number from 0 to 1"),
        ("--automatic refund_request", "AUTOMATIC has 'refund_request'; it moves money, so it needs a ceiling"),
        ("--disable refunds", "DISABLED_INTENTS has 'refunds', which is no intent"),
        ("--certification maybe", "CERTIFICATION is 'maybe'; it must be one of off, required"),
        ("--certificate nowhere.json", "nowhere.json: "),
        ("--certificate pyproject.toml", "CERTIFICATE is no certificate: "),
        ("--limit 0", "must be from 1 to"),
        ("--audit-share 1.5", "must be from 0 to 1"),
        ("--since yesterday", "since must be a time"),
    ],
)
async def test_setting_that_cannot_be_used_is_refused_by_name(
    ops: Ops, capsys: pytest.CaptureFixture[str], options: str, said: str
) -> None:
    assert await ops(World(), f"policy simulate {options}") == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [("{}", "tasks.jsonl:1: no record of a task: "), ("\n[]", "tasks.jsonl:2: "), (None, "tasks.jsonl: ")],
)
def test_file_that_is_none_of_ours_is_refused_by_its_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "tasks.jsonl"
    if content is not None:
        file.write_text(content)
    assert main(["policy", "simulate", "--records", str(file)]) == 2
    assert said in capsys.readouterr().err
