"""The canary against a running stack: it comes through, or says where it stopped."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.smoke import Canary, SmokeError
from shared.errors import StoreUnavailable
from shared.intent.outcomes import Permanent
from shared.wiring.ports import Snapshot
from tests.scripted import ScriptedHandler
from tests.store import MemoryStore
from tests.system.test_run import ROOT, environment, running
from tests.world import ORDER_STATUS, REFUND, World, started

SECRET = "canary-secret-of-a-test"


def smoke(env: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run it; return its exit status and what it said on standard output and standard error."""
    ended = subprocess.run(
        [sys.executable, "-m", "infra.smoke", *arguments],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


def test_the_canary_comes_through_and_leaves_nothing_to_decide(tmp_path: Path) -> None:
    env = environment(tmp_path, CANARY_WEBHOOK_SECRET=SECRET)
    with running(env):
        status, said, errors = smoke(env)
        assert (status, errors) == (0, "")
        steps = [line.partition("s  ")[2] for line in said.splitlines()]
        assert steps[0].startswith("intake accepted task ")
        assert [step.partition(":")[0] for step in steps[1:]] == [
            "AWAITING_APPROVAL",
            "rejected in the database, as a person would",
            "REJECTED",
        ]
        status, said, errors = smoke(env | {"CANARY_WEBHOOK_SECRET": "another-secret-of-a-test"})
        assert (status, said) == (1, "")
        assert errors.startswith("smoke test failed: intake answered 401")


def test_an_answer_of_resume_is_enough_where_the_canary_may_not_decide(tmp_path: Path) -> None:
    env = environment(tmp_path, CANARY_WEBHOOK_SECRET=SECRET, APPROVERS="*=lead@example.com")
    with running(env):
        status, said, errors = smoke(env)
        assert (status, errors) == (0, "")
        assert "resume answered not_an_approver" in said.splitlines()[-1]
        status, _, errors = smoke(env, "--intake", "http://127.0.0.1:1", "--timeout-s", "0")
        assert status == 1
        assert errors == "smoke test failed: out of time: intake does not answer (ConnectError)\n"


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"BACKEND": "gcp"}, "CANARY_WEBHOOK_SECRET is not set; canary webhooks are refused until it is"),
        ({}, "no stack runs on {folder}; start one with `make run`"),
        (
            {"CANARY_WEBHOOK_SECRET": SECRET, "BACKEND": "gcp"},
            "--intake is needed: the output intake_url of Terraform",
        ),
    ],
)
def test_what_is_missing_is_one_line(tmp_path: Path, env: dict[str, str], said: str) -> None:
    expected = f"smoke test failed: {said.format(folder=tmp_path)}\n"
    assert smoke(environment(tmp_path, **env)) == (1, "", expected)


async def test_a_canary_that_a_model_took_for_an_intent_may_succeed_but_not_fail() -> None:
    world = await started(ORDER_STATUS)
    canary = Canary(world.store, deadline=time.monotonic() + 10)
    await world.execute("t1", ScriptedHandler("done"))
    await canary.follow("t1")
    world = World(ORDER_STATUS[1])
    await world.run(ORDER_STATUS[0], ScriptedHandler(Permanent("gone")))
    with pytest.raises(SmokeError, match="task t1 ended FAILED"):
        await Canary(world.store, deadline=time.monotonic() + 10).follow("t1")


async def test_a_task_that_stands_still_is_named_with_its_state() -> None:
    world = await started(ORDER_STATUS)
    with pytest.raises(SmokeError, match="out of time: task t1 is at READY"):
        await Canary(world.store, deadline=0).follow("t1")
    with pytest.raises(SmokeError, match="out of time: task t2 is at nothing"):
        await Canary(world.store, deadline=0).follow("t2")


async def test_a_decision_that_only_the_sweep_found_is_no_answer_of_resume() -> None:
    """After two minutes it looks for decisions whose event never came."""
    world = World(REFUND[1])
    await world.classify(REFUND[0])
    await world.edit("t1", status="rejected")
    world.pass_time(minutes=3)
    await world.sweep()
    with pytest.raises(SmokeError, match="its event never reached resume"):
        await Canary(world.store, deadline=time.monotonic() + 10).follow("t1")


async def intake(answers: list[int]) -> asyncio.Server:
    """Serve these answers, one connection after the other."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        await reader.readexactly(int(length[1]) if length else 0)
        body = b'{"task_id": "t1"}'
        writer.write(b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (answers.pop(0), len(body)))
        writer.write(body)
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


async def test_what_cloud_run_says_before_a_grant_works_is_asked_again() -> None:
    answers = [403, 404, 503, 202]
    async with await intake(answers) as server:
        host, port = server.sockets[0].getsockname()
        canary = Canary(MemoryStore(), deadline=time.monotonic() + 30)
        assert await canary.send(f"http://{host}:{port}", b"0" * 16) == "t1"
    assert answers == []


class Away(MemoryStore):
    """A database that cannot be reached the first time."""

    async def read(self, *paths: str) -> list[Snapshot]:
        if not self.commits:
            self.commits = 1
            raise StoreUnavailable("the store is away")
        return await super().read(*paths)


async def test_a_database_that_is_away_for_a_moment_is_asked_again() -> None:
    world, away = await started(ORDER_STATUS), Away()
    await world.execute("t1", ScriptedHandler("done"))
    away.load(world.store.documents)
    await Canary(away, deadline=time.monotonic() + 10).follow("t1")
    with pytest.raises(SmokeError, match="out of time: the store is away"):
        await Canary(Away(), deadline=0).follow("t1")
