"""One real run: five tickets through the embedded stack, and what becomes of a system that does not work."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import StackError
from tests.benchmarks.client import Door
from tests.benchmarks.environments import python_of
from tests.benchmarks.measure import measure
from tests.benchmarks.programs import Program, running
from tests.benchmarks.rows import Plan
from tests.benchmarks.shop import serving
from tests.benchmarks.systems import Site, System
from tests.benchmarks.tickets import order, ticket
from tests.benchmarks.usage import processes


def test_a_small_run_of_switchyard_counts_effects_calls_and_cpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "--only", "switchyard", "--tasks", "5", "--out", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "5 tickets" in ended.stdout
    found = json.loads((tmp_path / "results.json").read_text())
    (row,) = found["rows"]
    assert (row["system"], row["tasks"], row["repeated"]) == ("switchyard", 5, 0)
    assert 0 < row["calls"] <= 1
    assert row["prompt_tokens"] > 0
    assert row["commits"] >= 2  # classified, succeeded
    assert row["messages"] >= 2  # tasks, intent-order-status
    assert row["cpu_ms"] > 0
    assert row["peak_mb"] > 10
    assert row["p50_ms"] <= row["p99_ms"] < row["seconds"] * 1000 + 1
    assert "5 tickets" in (tmp_path / "systems.svg").read_text()
    assert {"cores", "python", "commit", "at"} <= found["machine"].keys()


async def test_a_system_that_ends_while_it_starts_is_said_with_its_last_words(tmp_path: Path) -> None:
    program = Program([sys.executable, "-c", "raise SystemExit('no licence')"], tmp_path)
    system = System("broken", "nothing", lambda site: [program])
    async with serving() as shop:
        site = Site(sys.executable, tmp_path, 0, shop.url, "http://127.0.0.1:9", 1)
        with pytest.raises(StackError, match=r"broken ended while starting\n(.|\n)*no licence"):
            await measure(system, site, Plan([1], 1, 1), shop, lambda *_: None)


ONE_AND_NO_MORE = """
import http.server, json, sys, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    seen = 0

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))["task_id"].removeprefix("bench-")
        Handler.seen += 1
        if Handler.seen == 1:
            urllib.request.urlopen(f"{sys.argv[2]}/orders/{order}").read()
        self.send_response(202 if Handler.seen == 1 else 507)
        self.send_header("content-length", "0")
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


async def test_a_system_that_takes_no_more_tickets_is_said_at_once(tmp_path: Path) -> None:
    def programs(site: Site) -> list[Program]:
        return [Program([sys.executable, "-c", ONE_AND_NO_MORE, str(site.port), site.shop], tmp_path)]

    async with serving() as shop, asyncio.timeout(30):
        site = Site(sys.executable, tmp_path, 0, shop.url, "http://127.0.0.1:9", 1)
        with pytest.raises(StackError, match=r"^ticket 2 was answered 507"):
            await measure(System("full", "nothing", programs), site, Plan([1], 1, 1), shop, lambda *_: None)


async def test_the_shop_sees_the_first_call_of_an_order_and_counts_the_others() -> None:
    async with serving() as shop:
        door = Door(f"{shop.url}/tickets")
        await door.send_all([7, 8], 2)
        assert list(shop.open) == [f"bench-{order(7)}", f"bench-{order(8)}"]
        shop.answer("GET", f"/orders/{order(7)}", b"")
        first = dict(shop.first)
        shop.answer("GET", f"/orders/{order(7)}", b"")
        assert (shop.first, shop.calls[order(7)]) == (first, 2)


async def test_with_a_window_the_next_ticket_waits_until_one_is_done() -> None:
    ahead = []
    async with serving() as shop:
        shop.room = asyncio.Semaphore(2)
        sending = asyncio.create_task(Door(f"{shop.url}/tickets").send_all(range(40), 5, shop.room))
        async with asyncio.timeout(30):
            for done in range(40):
                while len(shop.open) <= done:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                ahead.append(len(shop.open) - done)
                shop.answer("GET", f"/orders/{order(done)}", b"")
            assert len(await sending) == 40
    assert max(ahead) <= 2


async def test_a_ticket_that_is_not_accepted_ends_the_run() -> None:
    async with serving() as shop:
        with pytest.raises(ExceptionGroup) as group:
            await Door(f"{shop.url}/nowhere").send_all([1], 1)
    assert "was answered 404" in str(group.value.exceptions[0])


async def test_a_connection_that_was_closed_while_it_was_kept_is_opened_anew() -> None:
    requests: list[bytes] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"}}"))
        writer.write(b"HTTP/1.1 202 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        assert len(await Door(f"http://{host}:{port}/").send_all([1, 2, 3], 1)) == 3
    assert len(requests) == 3


def test_no_two_tickets_say_the_same() -> None:
    assert len({ticket(number) for number in range(100)}) == 100


def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time; subprocess.Popen(['sleep', '300']); print('on', flush=True); time.sleep(300)"
    )
    log = tmp_path / "log.txt"
    with running([Program([sys.executable, "-c", script], tmp_path)], log) as (process,):
        while "on" not in log.read_text():
            assert process.poll() is None
        (child,) = (pid for pid, p in processes().items() if p.parent == process.pid)
    assert process.poll() is not None
    assert child not in {pid for pid, p in processes().items() if p.name == "sleep"}


def test_an_environment_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("./no-such-folder\n")
    with pytest.raises(StackError, match=r"^the environment of made-up cannot be made: .*no-such-folder") as error:
        python_of("made-up", lock, tmp_path / "environments")
    assert "\n" not in str(error.value)
