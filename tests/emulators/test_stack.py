"""The stack does between functions what Google does: push, document trigger, schedule; and leaves nothing behind."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulators.process import Process, free_port, is_free
from infra.emulators.sdk import firestore_command, pubsub_command, sdk_root
from infra.emulators.stack import Stack
from infra.errors import StackError
from infra.resources import Function, Manifest, Subscription
from shared.errors import CommitUnknown
from shared.settings import Settings
from shared.wiring.adapters.firestore import FirestoreStore
from shared.wiring.adapters.pubsub import PubsubPublisher
from shared.wiring.ports import ABSENT, Document, Store, Write
from tests.contract.document_events_contract import APPROVAL

ROOT = Path(__file__).resolve().parent.parent.parent
TINY = "tests.emulators.tiny.main"
PROJECT = "stack-test"


def tiny_manifest(record: Path) -> Manifest:
    """Return three functions that record what reaches them."""

    def function(name: str, target: str, trigger: str) -> Function:
        return Function(name, TINY, target, trigger, 10, 20, {"NAME": name, "RECORD": str(record)})

    return Manifest(
        functions=(
            function("intake", "notice", "http"),
            function("worker", "receive", "push"),
            function("graveyard", "receive", "push"),
            function("resume", "notice", "document"),
            function("sweep", "notice", "schedule"),
        ),
        topics=("work", "dead-letters"),
        subscriptions=(
            Subscription("work", "work", "worker", 15, 0.1, 0.1, 5, "dead-letters"),
            Subscription("dead-letters", "dead-letters", "graveyard", 15, 0.1, 0.1, 5, None),
        ),
    )


@dataclass
class Running:
    """A stack, its ports' clients, and what its functions have recorded."""

    stack: Stack
    publisher: PubsubPublisher
    store: FirestoreStore
    record: Path

    def lines(self) -> list[dict[str, Any]]:
        if not self.record.exists():
            return []
        whole, _, _ = self.record.read_text().rpartition("\n")  # the last line may be half there
        return [json.loads(line) for line in whole.splitlines()]

    async def line(self, matches: Callable[[dict[str, Any]], bool], nth: int = 1, wait_s: float = 20) -> dict[str, Any]:
        """Wait for the `nth` line that matches."""
        async with asyncio.timeout(wait_s):
            while True:
                found = [line for line in self.lines() if matches(line)]
                if len(found) >= nth:
                    return found[nth - 1]
                await asyncio.sleep(0.05)


def message_of(line: dict[str, Any]) -> dict[str, Any]:
    """Return the Pub/Sub message that a push carried."""
    message: dict[str, Any] = json.loads(base64.b64decode(line["body"]))["message"]
    return message


def carries(function: str, data: bytes) -> Callable[[dict[str, Any]], bool]:
    """Return a test for a push of `data` to `function`."""
    text = base64.b64encode(data).decode()
    return lambda line: line["function"] == function and line["body"] != "" and message_of(line)["data"] == text


@pytest.fixture
async def running(sdk: Path, tmp_path: Path) -> AsyncIterator[Running]:
    record = tmp_path / "record.jsonl"
    settings = Settings(backend="emulators", project=PROJECT, intake_port=free_port(), console_port=free_port())
    async with Stack(settings, manifest=tiny_manifest(record), logs=tmp_path / "logs", sweep_every_s=1) as stack:
        publisher, store = PubsubPublisher(PROJECT), FirestoreStore(PROJECT)
        yield Running(stack, publisher, store, record)
        await publisher.close()
        await store.close()


async def created(store: Store, path: str, data: Document) -> str:
    """Create a document and return its version; the emulator now and then answers a commit with CANCELLED."""
    for _ in range(3):
        try:
            return (await store.commit(Write(path, data, ABSENT)))[0]
        except CommitUnknown:
            [found] = await store.read(path)
            if found.data is not None:
                return found.version
    raise AssertionError("the emulator takes no commit")


class TestStack:
    async def test_published_message_is_pushed_to_its_function(self, running: Running) -> None:
        message_id = await running.publisher.publish("work", b"hello", {"trace_id": "abc"})
        line = await running.line(carries("worker", b"hello"))
        message = message_of(line)
        assert (message["messageId"], message["attributes"]) == (message_id, {"trace_id": "abc"})
        assert json.loads(base64.b64decode(line["body"]))["subscription"] == f"projects/{PROJECT}/subscriptions/work"
        assert (line["method"], line["path"], line["backend"]) == ("POST", "/", "emulators")

    async def test_refused_message_ends_in_the_dead_letters(self, running: Running) -> None:
        await running.publisher.publish("work", b"poison", {})
        line = await running.line(carries("graveyard", b"poison"), wait_s=60)
        assert message_of(line)["attributes"]["CloudPubSubDeadLetterSourceSubscription"] == "work"
        assert sum(map(carries("worker", b"poison"), running.lines())) == 5

    async def test_changed_approval_reaches_the_document_function(self, running: Running) -> None:
        version = await created(running.store, "approvals/t1", APPROVAL)
        line = await running.line(lambda line: line["function"] == "resume")
        assert line["headers"]["ce-document"] == "approvals/t1"
        assert line["headers"]["ce-time"] == version
        assert line["headers"]["content-type"] == "application/protobuf"

    async def test_scheduled_function_is_called_again_and_again(self, running: Running) -> None:
        await running.line(lambda line: line["function"] == "sweep", nth=3)

    async def test_contract_port_serves_every_path(self, running: Running) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{running.stack.url('intake')}/healthz", timeout=20)
        assert answer.status_code == 204

    async def test_dead_function_is_started_again_and_gets_its_message(
        self, running: Running, capfd: pytest.CaptureFixture[str]
    ) -> None:
        await running.publisher.publish("work", b"crash", {})
        first = await running.line(carries("worker", b"crash"))
        await running.line(lambda line: carries("worker", b"crash")(line) and line["pid"] != first["pid"], wait_s=30)
        assert "function worker ended" in capfd.readouterr().err


class TestStopping:
    async def test_nothing_listens_afterwards(self, sdk: Path, tmp_path: Path) -> None:
        settings = Settings(backend="emulators", project=PROJECT, intake_port=free_port(), console_port=free_port())
        async with Stack(settings, manifest=tiny_manifest(tmp_path / "r"), logs=tmp_path / "logs") as stack:
            ports = [int(host.rpartition(":")[2]) for host in stack.environment.values()]
            ports += [int(stack.url(f).rpartition(":")[2]) for f in ("intake", "worker", "resume", "sweep")]
            assert not any(map(is_free, ports))
            assert "PUBSUB_EMULATOR_HOST" in os.environ
        assert all(map(is_free, ports))

    def test_sigterm_ends_the_whole_run(self, sdk: Path, tmp_path: Path) -> None:
        variables = {"BACKEND": "emulators", "SANDBOX": "off", "DATA_DIR": str(tmp_path)}
        ports = {"INTAKE_URL_PORT": str(free_port()), "CONSOLE_PORT": str(free_port())}
        with subprocess.Popen(
            [sys.executable, "-m", "infra.run"],
            cwd=ROOT,
            env=os.environ | variables | ports,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            try:
                assert child.stdout is not None
                assert any(line.startswith("ready") for line in child.stdout)
                assert not is_free(int(ports["INTAKE_URL_PORT"]))
                child.send_signal(signal.SIGTERM)
                assert child.wait(timeout=30) == 0
                assert all(is_free(int(port)) for port in ports.values())
            finally:
                child.kill()


class TestWhatGoesWrong:
    """One clear line each; most of these need no SDK."""

    def test_no_sdk_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(StackError, match=r"Cloud SDK was not found.*BACKEND=embedded"):
            sdk_root({"PATH": str(tmp_path)})

    def test_no_java_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(StackError, match=r"Java was not found.*BACKEND=embedded"):
            sdk_root({"PATH": str(tmp_path), "CLOUDSDK_ROOT": str(tmp_path)})

    @pytest.mark.parametrize(
        ("says", "refusal"),
        [
            ('openjdk version "17.0.15" 2025-04-15', "Java 17 is too old; these emulators need 21 or newer"),
            ('java version "1.8.0_292"', "Java 8 is too old; these emulators need 21 or newer"),
            ("The operation couldn't be completed.", "does not say its version; the emulators need Java 21 or newer"),
            ('openjdk version "21" 2023-09-19', ""),
        ],
    )
    def test_java_that_cannot_read_the_emulators_classes_is_said(self, says: str, refusal: str, tmp_path: Path) -> None:
        java = tmp_path / "java"
        java.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{says}\nEND\n")
        java.chmod(0o755)
        jar = tmp_path / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
        jar.parent.mkdir(parents=True)
        with zipfile.ZipFile(jar, "w") as made:
            made.writestr("com/Main.class", b"\xca\xfe\xba\xbe\0\0" + (65).to_bytes(2, "big"))
            made.writestr("META-INF/versions/25/com/Main.class", b"\xca\xfe\xba\xbe\0\0" + (69).to_bytes(2, "big"))
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CLOUDSDK_ROOT": str(tmp_path)}
        if not refusal:
            assert sdk_root(env) == tmp_path
            return
        with pytest.raises(StackError, match=refusal):
            sdk_root(env)

    def test_sdk_of_a_package_takes_components_from_packages(self, tmp_path: Path) -> None:
        config = tmp_path / "lib/googlecloudsdk/core/config.json"
        config.parent.mkdir(parents=True)
        config.write_text('{"disable_updater": true}')
        with pytest.raises(StackError, match="run `sudo apt-get install google-cloud-cli-firestore-emulator`"):
            firestore_command(tmp_path, "127.0.0.1:1")

    @pytest.mark.parametrize(
        ("command", "component"),
        [(pubsub_command, "pubsub-emulator"), (firestore_command, "cloud-firestore-emulator")],
    )
    def test_no_emulator_is_said(
        self, tmp_path: Path, command: Callable[[Path, str], list[str]], component: str
    ) -> None:
        with pytest.raises(StackError, match=f"gcloud components install {component}"):
            command(tmp_path, "127.0.0.1:1")

    async def test_process_that_ends_while_starting_is_quoted(self, tmp_path: Path) -> None:
        process = Process("broken", [sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path / "log")
        await process.start()
        with pytest.raises(StackError, match=r"broken ended while starting: no such thing"):
            await process.ready(f"http://127.0.0.1:{free_port()}/", 20)
        await process.stop()

    async def test_log_still_says_why_it_ended_after_a_restart(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_text("of an earlier run")
        process = Process("broken", [sys.executable, "-c", "print('no such thing')"], tmp_path / "log")
        for _ in range(2):
            await process.start()
            assert await process.ended() == 0
        assert (tmp_path / "log").read_text() == "no such thing\n" * 2

    async def test_process_that_never_answers_is_given_up(self, tmp_path: Path) -> None:
        process = Process("mute", [sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log")
        await process.start()
        with pytest.raises(StackError, match=r"mute was not ready after 0\.5 s"):
            await process.ready(f"http://127.0.0.1:{free_port()}/", 0.5)
        await process.stop()

    async def test_process_that_ignores_sigterm_is_killed(self, tmp_path: Path) -> None:
        port = free_port()
        code = (
            "import http.server, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            f"http.server.HTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler).serve_forever()"
        )
        process = Process("stubborn", [sys.executable, "-c", code], tmp_path / "log")
        await process.start()
        await process.ready(f"http://127.0.0.1:{port}/robots.txt", 20)
        async with asyncio.timeout(20):
            await process.stop()
        assert is_free(port)

    async def test_taken_port_is_named(self, sdk: Path, tmp_path: Path) -> None:
        async with await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            settings = Settings(backend="emulators", project=PROJECT, intake_port=port, console_port=free_port())
            with pytest.raises(StackError, match=f"port {port} is taken; intake needs it"):
                async with Stack(settings, manifest=tiny_manifest(tmp_path / "r"), logs=tmp_path / "logs"):
                    pass
