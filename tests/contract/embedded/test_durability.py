"""Nothing acknowledged is lost when the process is killed, and what was out comes again."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from infra.embedded.bus import EmbeddedPublisher, EmbeddedQueue
from infra.embedded.database import Database
from tests.contract.publisher_contract import ATTEMPTS, subscribe, take, wiring

ROOT = Path(__file__).resolve().parents[3]


class TestDurability:
    async def test_sigkill_loses_nothing_acknowledged(self, tmp_path: Path) -> None:
        acknowledged: set[str] = set()
        for pause_s in (0.05, 0.2, 0.4):
            acknowledged |= await write_until_killed(tmp_path, pause_s)
        assert acknowledged
        database = await Database.open(tmp_path)
        documents = {row[0] for row in database.read("SELECT path FROM docs")}
        messages = {row[0] for row in database.read("SELECT data FROM queue")}
        await database.close()
        assert acknowledged <= documents
        assert acknowledged <= {data.decode() for data in messages}

    async def test_what_was_out_when_the_process_ended_comes_again(self, database: Database) -> None:
        manifest = wiring(subscribe("work", ack_deadline_s=600))
        await EmbeddedPublisher(database, manifest).publish("work", b"x", {})
        [first] = await take(EmbeddedQueue(database, manifest), "work")
        restarted = EmbeddedQueue(database, manifest)
        await restarted.release_leases()
        [again] = await take(restarted, "work")
        assert (again.message_id, again.attempt) == (first.message_id, 2)

    async def test_message_that_kills_its_process_ends_in_the_dead_letters(self, database: Database) -> None:
        manifest = wiring(subscribe("work", ack_deadline_s=600, dead_letter_topic="dead"), subscribe("dead"))
        await EmbeddedPublisher(database, manifest).publish("work", b"x", {})
        for _ in range(ATTEMPTS):
            queue = EmbeddedQueue(database, manifest)
            await queue.release_leases()
            assert await take(queue, "work")
        await queue.release_leases()
        assert await queue.pull("work", 1, 0.2) == []
        [letter] = await take(queue, "dead")
        assert letter.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == str(ATTEMPTS)


async def write_until_killed(data_dir: Path, pause_s: float) -> set[str]:
    """Run a child that commits and publishes and prints what was acknowledged; kill it; return what it printed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITE_FOR_EVER, str(data_dir), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    first = await asyncio.wait_for(child.stdout.readline(), 20)
    await asyncio.sleep(pause_s)
    child.send_signal(signal.SIGKILL)
    rest = await asyncio.wait_for(child.stdout.read(), 20)
    await child.wait()
    return {line for line in (first + rest).decode().split("\n")[:-1] if line}


WRITE_FOR_EVER = """
import asyncio, os, sys
from pathlib import Path
from infra.embedded.bus import EmbeddedPublisher
from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from shared.wiring.ports import ABSENT, Write
from tests.contract.publisher_contract import subscribe, wiring

async def main():
    database = await Database.open(Path(sys.argv[1]))
    store, publisher = EmbeddedStore(database), EmbeddedPublisher(database, wiring(subscribe("work")))

    async def work(worker):
        for n in range(1_000_000):
            name = f"things/{os.getpid()}-{worker}-{n}"
            await store.commit(Write(name, {}, ABSENT))
            await publisher.publish("work", name.encode(), {})
            os.write(1, f"{name}\\n".encode())

    await asyncio.gather(*map(work, range(20)))

asyncio.run(main())
"""
