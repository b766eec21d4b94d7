"""`router`: versions, a candidate in shadow with its report, a promotion and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from functions.console.identity import DEVELOPER
from shared.model.artefact import dump
from shared.model.teaching import train
from shared.model.versions import MAX_WEIGHTS_BYTES
from tests.ops.conftest import Ops
from tests.world import ORDER_STATUS, REFUND, REGISTRY, World, ticket

LESSON = ("my parcel is nowhere to be seen", "order_status")


def world_of(**settings: Any) -> World:
    return World(REFUND[1], **{"promoters": frozenset({DEVELOPER})} | settings)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(dump(train(REGISTRY, [LESSON])))
    return path


async def test_version_goes_from_a_file_to_shadow_to_promotion_and_back(
    ops: Ops, capsys: pytest.CaptureFixture[str], weights: Path
) -> None:
    world = world_of()
    assert await ops(world, f"router upload {weights}") == 0
    name = capsys.readouterr().out.splitlines()[-1].split()[0]
    assert await ops(world, f"router shadow {name} --share 1 --calls-a-day 9") == 0
    await world.classify(ticket(ORDER_STATUS[0].raw_payload["text"]))  # the model takes it for a refund
    capsys.readouterr()
    assert await ops(world, "router report") == 0
    told = capsys.readouterr().out
    assert "asked about 1 tickets" in told
    assert "others differ: 1 in intent" in told
    assert await ops(world, "router list") == 0
    assert "is asked about 100%; today 1 of 9 calls" in capsys.readouterr().out
    assert await ops(world, f"router promote {name} --reason better") == 0
    assert f"{name} decides within 30 s; before: the settings" in capsys.readouterr().out
    assert await ops(world, "router back --reason worse") == 0
    assert f"the settings decide within 30 s; before: {name}" in capsys.readouterr().out
    assert await ops(world, "router stop") == 0


async def test_promotion_says_that_it_begins_on_probation(
    ops: Ops, capsys: pytest.CaptureFixture[str], weights: Path
) -> None:
    world = world_of(certification=True)
    await ops(world, f"router upload {weights}")
    name = capsys.readouterr().out.splitlines()[-1].split()[0]
    assert await ops(world, f"router promote {name} --reason better") == 0
    assert "all its tasks wait for people" in capsys.readouterr().out


async def test_text_is_taken_for_rules_and_a_name_for_a_model(
    ops: Ops, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    world, rules = world_of(classifier="genai"), tmp_path / "rules.txt"
    rules.write_text("Answer as a clerk of a shop.\nWhen in doubt, unclassified.\n")
    assert await ops(world, f"router upload {rules}") == 0
    assert await ops(world, "router upload --model gemini-x") == 0
    capsys.readouterr()
    assert await ops(world, "router list") == 0
    told = capsys.readouterr().out
    assert "2 rules: Answer as a clerk of a shop." in told
    assert "gemini-x" in told
    assert "the settings decide: CLASSIFIER is genai" in told
    name = next(line.split()[0] for line in told.splitlines() if "2 rules" in line)
    assert await ops(world, f"router show {name}") == 0
    assert "Answer as a clerk of a shop.\nWhen in doubt, unclassified.\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "status", "why"),
    [
        ("router upload missing.bin", 2, "cannot be read"),
        ("router shadow abc", 2, "--calls-a-day, or --tokens-a-day"),
        ("router shadow abc --calls-a-day 1", 1, "no version begins with 'abc'"),
        ("router report", 2, "no version is asked now"),
        ("router promote settings --reason x", 1, "already_current"),
        ("router back --reason x", 1, "nothing_promoted"),
    ],
)
async def test_what_cannot_be_done_is_one_line(
    ops: Ops, capsys: pytest.CaptureFixture[str], line: str, status: int, why: str
) -> None:
    assert await ops(world_of(), line) == status
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(("data", "why"), [(b"\xff\xfe", "nor a text"), (b"x" * (MAX_WEIGHTS_BYTES + 1), "at most")])
async def test_file_that_is_no_version_is_not_sent(
    ops: Ops, capsys: pytest.CaptureFixture[str], tmp_path: Path, data: bytes, why: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    assert await ops(world_of(), f"router upload {path}") == 2
    assert why in capsys.readouterr().err


async def test_somebody_else_is_refused(ops: Ops, capsys: pytest.CaptureFixture[str], weights: Path) -> None:
    assert await ops(world_of(promoters=frozenset({"ml@example.com"})), f"router upload {weights}") == 3
    assert "not_a_promoter" in capsys.readouterr().err
