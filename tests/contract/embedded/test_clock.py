"""The embedded stack on a machine whose clock is wrong, and put right: it goes on, and nothing open is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.embedded.bus import EmbeddedPublisher, EmbeddedQueue
from infra.embedded.database import Database
from infra.embedded.stack import Stack
from infra.embedded.store import EmbeddedStore
from infra.embedded.watch import ClockWatch
from infra.manifest import build
from shared.intent.registry import discover
from shared.settings import Settings
from shared.wiring.ports import ABSENT, Write
from tests.contract.publisher_contract import subscribe, take, wiring
from tests.machine import DAY_S, Machine
from tests.sources import sent_by

MANIFEST = build(discover())
TEXT = "Please refund $25.00 for order #10021, it arrived broken"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(intake_port=0, console_port=0, data_dir=str(tmp_path), retention_days=8)


class Desk:
    """Somebody who sends events, looks and decides."""

    def __init__(self, settings: Settings, machine: Machine) -> None:
        self._stack = Stack(settings, MANIFEST, sweep_every_s=0.1, grace_s=0.5, clock=machine.boot())
        self._http = httpx.AsyncClient(timeout=30)

    async def __aenter__(self) -> Desk:
        await self._stack.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._http.aclose()
        await self._stack.__aexit__(*error)

    async def send(self, task_id: str) -> None:
        body = {"task_id": task_id, "source": "helpdesk", "raw_payload": {"text": f"{TEXT} {task_id}"}}
        assert (await sent_by(self._http, self._stack.intake_url, body)).status_code == 202

    async def state(self, task_id: str) -> str:
        answer = await self._http.get(f"{self._stack.console_url}/api/tasks/{task_id}")
        return str(answer.json()["state"]) if answer.status_code == 200 else str(answer.json()["error"]["code"])

    async def ends(self, task_id: str, *, by: str = "reject") -> None:
        """Wait for a task, and end it."""
        await until(lambda: self.state(task_id), "AWAITING_APPROVAL")
        url = f"{self._stack.console_url}/api/tasks/{task_id}"
        shown = (await self._http.get(url)).json()
        seen = {name: shown[name] for name in ("generation", "params_hash")}
        assert (await self._http.post(f"{url}/cancel", json=seen | {"reason": by})).status_code == 200

    async def clock(self, port: str = "console") -> str:
        url = self._stack.console_url if port == "console" else self._stack.intake_url
        return str((await self._http.get(f"{url}/healthz")).json().get("clock", ""))

    async def health(self) -> str:
        return (await self._http.get(f"{self._stack.console_url}/health")).text

    async def sweeps(self) -> None:
        """Wait until everything that ticks has ticked a few times."""
        await asyncio.sleep(0.6)


async def until(found: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    for _ in range(400):
        if await found() == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"did not become {wanted!r} within 20 s")


def stepped(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, int]]:
    """Return direction and seconds of every step that was logged as an error."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [entry for entry in lines if entry.get("outcome") == "clock_stepped" and entry["severity"] == "ERROR"]
    return [(entry["operation"], entry["step_s"]) for entry in found]


async def test_clock_an_hour_ahead_that_is_put_right_stops_nothing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine(ahead_s=3600)
    async with Desk(settings, machine) as desk:
        await desk.send("ahead")
        await until(lambda: desk.state("ahead"), "AWAITING_APPROVAL")
        assert await desk.clock() == ""
        machine.step(-3600)
        await desk.send("right")
        await until(lambda: desk.state("right"), "AWAITING_APPROVAL")
        await until(lambda: _is_told(desk), True)
        assert "stepped 3600 s back" in await desk.clock("intake")
        assert "stepped 3600 s back" in await desk.health()
    assert stepped(capsys) == [("back", 3600)]
    async with Desk(settings, machine) as desk:  # a restart goes on as well
        await desk.send("restarted")
        await until(lambda: desk.state("restarted"), "AWAITING_APPROVAL")
        assert await desk.clock()
    machine.pass_time(DAY_S / 2)
    async with Desk(settings, machine) as desk:
        machine.pass_time(DAY_S)
        await until(desk.clock, "")


async def _is_told(desk: Desk) -> bool:
    return bool(await desk.clock())


async def begin_two(desk: Desk) -> None:
    """Send two tasks, end one and leave the other open."""
    for name in ("ended", "open"):
        await desk.send(name)
    await desk.ends("ended")
    await until(lambda: desk.state("open"), "AWAITING_APPROVAL")


async def two(desk: Desk) -> tuple[str, str]:
    return await desk.state("ended"), await desk.state("open")


async def test_clock_a_hundred_days_ahead_for_a_minute_deletes_and_ends_nothing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine()
    async with Desk(settings, machine) as desk:
        await begin_two(desk)
        machine.step(100 * DAY_S)
        await desk.sweeps()
        machine.pass_time(70)
        await desk.sweeps()
        assert await two(desk) == ("CANCELLED", "AWAITING_APPROVAL")
        machine.step(-100 * DAY_S)
        await desk.sweeps()
        assert await two(desk) == ("CANCELLED", "AWAITING_APPROVAL")
        machine.pass_time(2 * DAY_S)  # and all that should, ends
        await until(desk.clock, "")
        machine.pass_time(7 * DAY_S)
        await until(lambda: desk.state("open"), "EXPIRED")
        await until(lambda: desk.state("ended"), "task_removed")
    assert [where for where, _ in stepped(capsys)] == ["ahead", "back"]


async def test_start_on_a_clock_a_hundred_days_ahead_deletes_and_ends_nothing(settings: Settings) -> None:
    machine = Machine()
    async with Desk(settings, machine) as desk:
        await begin_two(desk)
    machine.step(100 * DAY_S)
    for _ in range(2):
        async with Desk(settings, machine) as desk:
            await desk.sweeps()
            assert await two(desk) == ("CANCELLED", "AWAITING_APPROVAL")
            await desk.send("ahead")
            await until(lambda: desk.state("ahead"), "AWAITING_APPROVAL")
    machine.step(-100 * DAY_S)
    async with Desk(settings, machine) as desk:
        await desk.send("right")
        await until(lambda: desk.state("right"), "AWAITING_APPROVAL")
        assert await two(desk) == ("CANCELLED", "AWAITING_APPROVAL")


async def test_what_was_queued_while_the_clock_was_a_year_ahead_is_delivered_at_once(tmp_path: Path) -> None:
    machine, manifest = Machine(ahead_s=365 * DAY_S), wiring(subscribe("work"))
    database = await Database.open(tmp_path, machine.boot())
    await EmbeddedPublisher(database, manifest).publish("work", b"x", {})
    await ClockWatch(database, EmbeddedQueue(database, manifest)).begin()
    await database.close()
    machine.step(-365 * DAY_S)
    database = await Database.open(tmp_path, machine.boot())
    queue = EmbeddedQueue(database, manifest)
    assert await queue.pull("work", 1, 0) == []
    await ClockWatch(database, queue).begin()
    [found] = await take(queue, "work")
    await queue.ack(found)
    await EmbeddedPublisher(database, manifest).publish("work", b"y", {})  # the order's counter stays ahead
    [found] = await take(queue, "work")
    assert found.data == b"y"
    await database.close()


async def test_nothing_is_deleted_by_its_ttl_while_the_clock_is_not_trusted(tmp_path: Path) -> None:
    machine = Machine()
    database = await Database.open(tmp_path, machine.boot())
    store, watch = EmbeddedStore(database), ClockWatch(database, EmbeddedQueue(database, wiring()))
    await watch.begin()
    (clock,) = await store.read("switches/clock")
    await store.commit(Write("effects/a", {"expire_at": clock.read_time}, ABSENT))
    machine.step(100 * DAY_S)
    await watch.look()
    machine.pass_time(DAY_S - 1)
    await watch.look()
    assert await store.delete_expired() == 0
    machine.pass_time(2)
    await watch.look()
    assert await store.delete_expired() == 1
    await database.close()
