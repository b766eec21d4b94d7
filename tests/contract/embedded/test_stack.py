"""The embedded stack serves functions over HTTP, delivers to them, ticks, stops, and refuses a second one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from infra.embedded.stack import Stack
from infra.errors import StackError
from infra.resources import Function, Manifest, Subscription
from shared.settings import Settings
from shared.wiring import composition
from tests.contract import tiny_functions
from tests.contract.tiny_functions import SEEN


def function(name: str, trigger: str, **environment: str) -> Function:
    return Function(name, tiny_functions.__name__, name, trigger, 60, 10, environment)


def subscription(name: str, function: str) -> Subscription:
    return Subscription(name, name, function, 60, 0.05, 0.05, 5, None)


TINY = Manifest(
    functions=(
        function("intake", "http"),
        function("console", "http"),
        function("work", "push"),
        function("resume", "document"),
        function("sweep", "schedule"),
        function("execute-a", "push", INTENT="a_task"),
        function("execute-b", "push", INTENT="b_task"),
    ),
    topics=("work", "intent-a", "intent-b"),
    subscriptions=(
        subscription("work", "work"),
        subscription("intent-a", "execute-a"),
        subscription("intent-b", "execute-b"),
    ),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(intake_port=0, console_port=0, data_dir=str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def nothing_seen() -> Iterator[None]:
    SEEN.clear()
    yield
    SEEN.clear()


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(2000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not happen within 20 s")


async def post(url: str, data: bytes = b"") -> int:
    async with httpx.AsyncClient(timeout=30) as client:
        return (await client.post(url, content=data)).status_code


async def test_posted_event_reaches_the_function_that_subscribes(settings: Settings) -> None:
    async with Stack(settings, TINY) as stack:
        assert await post(f"{stack.intake_url}/work", b"hello") == 202
        await until(lambda: ("work", "aGVsbG8=") in SEEN)


async def test_each_intent_has_its_own_function_though_the_module_is_one(settings: Settings) -> None:
    async with Stack(settings, TINY) as stack:
        await post(f"{stack.intake_url}/intent-b")
        await until(lambda: ("execute", "b_task") in SEEN)
        await post(f"{stack.intake_url}/intent-a")
        await until(lambda: ("execute", "a_task") in SEEN)
    assert [intent for name, intent in SEEN if name == "execute"] == ["b_task", "a_task"]


async def test_warm_stack_has_the_classifier_that_its_first_task_asks(settings: Settings) -> None:
    async with Stack(settings, TINY) as stack:
        assert "classifier" not in vars(stack.ports)
        await stack.warm()
        assert "classifier" in vars(stack.ports)


async def test_written_approval_reaches_resume(settings: Settings) -> None:
    async with Stack(settings, TINY) as stack:
        assert await post(stack.console_url) == 200
        await until(lambda: ("resume", "approvals/t1") in SEEN)


async def test_crashing_function_gets_its_message_again_and_stops_nothing(settings: Settings) -> None:
    async with Stack(settings, TINY) as stack:
        await post(f"{stack.intake_url}/work", b"boom")
        await post(f"{stack.intake_url}/work", b"hello")
        await until(lambda: SEEN.count(("work", "Ym9vbQ==")) >= 3)
    assert SEEN.count(("work", "aGVsbG8=")) == 1


async def test_sweep_is_called_at_the_start_and_regularly(settings: Settings) -> None:
    async with Stack(settings, TINY, sweep_every_s=0.05):
        await until(lambda: SEEN.count(("sweep", "POST")) >= 3)


async def test_scheduled_function_that_hangs_delays_no_other(settings: Settings) -> None:
    slow_first = replace(TINY, functions=(function("notify", "schedule"), *TINY.functions))
    async with Stack(settings, slow_first, sweep_every_s=0.05):
        await until(lambda: SEEN.count(("sweep", "POST")) >= 3)
    assert SEEN.count(("notify", "POST")) == 1


async def test_message_published_before_a_restart_is_delivered_after_it(settings: Settings) -> None:
    front = tuple(f for f in TINY.functions if f.trigger == "http")
    queued_only = replace(
        TINY,
        functions=(*front, replace(function("work", "push"), max_concurrency=0)),
        subscriptions=(subscription("work", "work"),),
    )
    async with Stack(settings, queued_only) as stack:
        await post(f"{stack.intake_url}/work", b"hello")
    assert SEEN == []
    async with Stack(settings, TINY):
        await until(lambda: ("work", "aGVsbG8=") in SEEN)


async def test_message_cut_off_by_a_stop_is_delivered_right_after_the_restart(settings: Settings) -> None:
    async with Stack(settings, TINY, grace_s=0.1) as stack:
        await post(f"{stack.intake_url}/work", b"hang")
        await until(lambda: SEEN.count(("work", "aGFuZw==")) == 1)
    async with Stack(settings, TINY, grace_s=0.1):
        await until(lambda: SEEN.count(("work", "aGFuZw==")) == 2)


async def test_stop_frees_the_directory_the_sockets_and_the_ports_of_functions(settings: Settings) -> None:
    async with Stack(settings, TINY) as stack:
        url = stack.intake_url
    with pytest.raises(httpx.ConnectError):
        await post(f"{url}/work")
    assert composition._installed is None
    async with Stack(settings, TINY) as again:
        assert await post(f"{again.intake_url}/work") == 202


async def test_secret_that_finds_a_persons_tasks_is_made_once_and_for_its_owner(settings: Settings) -> None:
    keys = []
    for _ in range(2):
        async with Stack(settings, TINY) as stack:
            keys.append(stack.ports.settings.privacy_key)
    path = Path(settings.data_dir) / "privacy.key"
    assert keys == [path.read_text()] * 2
    assert len(keys[0]) == 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.glob("privacy*")] == ["privacy.key"]
    async with Stack(replace(settings, privacy_key="k" * 32), TINY) as stack:
        assert stack.ports.settings.privacy_key == "k" * 32


async def test_second_stack_on_a_data_directory_is_refused_in_one_line(settings: Settings) -> None:
    async with Stack(settings, TINY) as stack:
        with pytest.raises(StackError, match="in use by another process") as caught:
            await Stack(settings, TINY).__aenter__()
        assert "\n" not in str(caught.value)
        assert await post(f"{stack.intake_url}/work") == 202


async def test_taken_port_is_named_with_its_setting(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} .*CONSOLE_PORT"):
            await Stack(replace(settings, console_port=port), TINY).__aenter__()
    async with Stack(settings, TINY):  # the failed start left nothing behind
        pass


async def test_function_that_does_not_load_is_named(settings: Settings) -> None:
    broken = replace(TINY, functions=(*TINY.functions, Function("nope", "no.such.module", "x", "push", 60, 1, {})))
    with pytest.raises(StackError, match=r"nope \(no\.such\.module\)"):
        await Stack(settings, broken).__aenter__()


async def test_data_directory_that_cannot_be_made_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"file/data cannot be written .*DATA_DIR"):
        await Stack(replace(settings, data_dir=str(tmp_path / "file" / "data")), TINY).__aenter__()


@pytest.mark.parametrize("front", ["intake_url", "console_url"])
async def test_connection_that_idled_as_long_as_any_client_keeps_one_still_serves(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, front: str
) -> None:
    loop = asyncio.get_running_loop()
    now, limits = loop.time, httpx.Limits(keepalive_expiry=None)
    async with Stack(settings, TINY) as stack, httpx.AsyncClient(limits=limits, timeout=None) as client:
        used = []
        for _ in range(2):
            answer = await client.post(f"{getattr(stack, front)}/work")
            assert answer.is_success
            used.append(answer.extensions["network_stream"].get_extra_info("client_addr"))
            monkeypatch.setattr(loop, "time", lambda: now() + 600)
            await asyncio.sleep(0.05)  # timers that end within those 600 s have ended by now
    assert used[0] == used[1]
