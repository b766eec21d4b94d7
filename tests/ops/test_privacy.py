"""`switchyard privacy` against the console's real app over HTTP: found, handed out, asked for, erased, told."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from infra.ops.privacy import main
from shared.records.tombstones import entomb
from tests.browser.serving import served
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, World, ticket

Ops = Callable[..., Awaitable[int]]
KIM = "--requester kim@example.com"
ERASE = f"erase {KIM} --reason 117"


@pytest.fixture
def ops() -> Ops:
    async def run(world: World, line: str) -> int:
        async with served(world) as url:
            try:
                return await asyncio.to_thread(main, [*line.split(), "--console", url])
            except SystemExit as end:
                return int(end.code or 0)

    return run


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the command printed, without what the console logged in the same process."""
    lines = capsys.readouterr().out.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith('{"severity"'))


async def world_of(tasks: int, *, waits: bool = False) -> World:
    world = World(ORDER_STATUS[1], privacy_key="s" * 32)
    for n in range(tasks):
        await world.run(ticket("Where is my order #47384?", task_id=f"k{n:03}"), ScriptedHandler("On its way"))
        world.pass_time(seconds=1)
    await world.run(ticket("Where is my order #47384?", task_id="a", email="ana@example.com"), ScriptedHandler("Sent"))
    if waits:
        world.model.answers = [REFUND[1]]
        await world.classify(REFUND[0].model_copy(update={"task_id": "waits"}))
    data = base64.b64encode(b"kim@example.com").decode()
    world.bury("closed", data=data, redriven_at=world.now, redriven_by="ops@example.com")
    return world


async def test_export_is_one_json_of_everything_as_stored(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ops(await world_of(12, waits=True), f"export {KIM}") == 0
    answer = json.loads(printed(capsys))
    assert answer["requester"] == "kim@example.com"
    assert [len(answer[part]) for part in ("tasks", "approvals", "dead_letters")] == [13, 1, 1]
    assert "47384" in answer["tasks"][-1]["data"]["payload"]


async def test_export_goes_into_a_new_file_that_its_owner_reads(
    ops: Ops, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, path = await world_of(1), tmp_path / "kim.json"
    assert await ops(world, f"export {KIM} --to {path}") == 0
    assert printed(capsys) == f"1 tasks, 0 approvals, 0 labels, 1 dead letters in {path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(json.loads(path.read_text())["tasks"]) == 1
    assert await ops(world, f"export {KIM} --to {path}") == 2


async def test_older_tasks_get_their_key_first(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await world_of(3)
    for n in range(3):
        world.store.put(f"tasks/k00{n}", requester=None)
    world.store.put("tasks/a", requester=None, state="LIMBO")
    assert await ops(world, f"export {KIM}") == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out[out.index('{\n "requester"') :])["tasks"]) == 3
    assert "tasks/a cannot be read" in err


async def test_nothing_is_erased_unless_somebody_says_so(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await world_of(2)
    assert await ops(world, ERASE) == 2
    assert "say --yes" in capsys.readouterr().err
    assert (await world.record("k000")).state == "SUCCEEDED"


async def test_all_that_has_ended_is_erased_and_the_rest_says_what_to_do_first(
    ops: Ops, capsys: pytest.CaptureFixture[str]
) -> None:
    world = await world_of(60, waits=True)
    assert await ops(world, f"{ERASE} --yes") == 1
    told = capsys.readouterr().out
    assert "waits  left: approve, reject or cancel it first" in told
    assert "61 erased, 1 left" in told
    await world.decide("waits", "reject")
    assert await ops(world, f"{ERASE} --yes") == 0
    assert "1 erased, 0 left" in capsys.readouterr().out
    assert (await world.record("a")).state == "SUCCEEDED"
    kept = {p: d for p, (d, _) in world.store.documents.items() if p != "tasks/a"}
    assert "kim" not in json.dumps(kept, default=str).lower()


async def test_erasing_again_finds_nothing_and_is_done(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await world_of(2)
    assert await ops(world, f"{ERASE} --yes --json") == 0
    assert await ops(world, f"{ERASE} --yes --json") == 0
    first, second = map(json.loads, printed(capsys).splitlines())
    assert (first["erased"], len(first["audits"])) == (3, 2)
    assert second["left"] == {}


async def test_labels_are_handed_out_and_emptied_also_where_their_tasks_are_gone(
    ops: Ops, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(REFUND[1], privacy_key="s" * 32, label_texts="keep")
    for task_id in ("kept", "gone"):
        world.model.answers = [REFUND[1]]
        await world.classify(REFUND[0].model_copy(update={"task_id": task_id}))
        await world.decide(task_id, "reject", cause="wrong_intent")
        await world.sweep()
    await entomb(world.ports, "gone")
    assert await ops(world, f"export {KIM}") == 0
    labels = json.loads(printed(capsys))["labels"]
    assert sorted(label["document"] for label in labels) == ["labels/gone", "labels/kept"]
    assert all("arrived broken" in label["data"]["text"] for label in labels)
    assert await ops(world, f"{ERASE} --yes") == 0
    assert "2 erased, 0 left" in capsys.readouterr().out
    for task_id in ("kept", "gone"):
        label = await world.label(task_id)
        assert label is not None
        assert (label.text, label.text_sha256, label.requester_key) == ("", "", "")
        assert (label.verdict, label.right, label.model) == ("wrong_intent", False, "scripted")
