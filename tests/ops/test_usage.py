"""How the command line is called: wrong use, or a console that is none, is one line and an exit status of its own."""

from __future__ import annotations

import asyncio

import pytest

from infra.ops.__main__ import main
from tests.browser.serving import served
from tests.ops.conftest import Ops
from tests.world import World, paused


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("tasks show nobody", 1, "task_not_found"),
        ("tasks list --state DONE", 2, "state must be one of"),
        ("tasks redrive --reason x", 2, "filter"),
        ("tasks redrive --intent search_faq --reason x", 2, "--state"),
        ("dead-letters redrive --reason x", 2, "--all"),
        ("tasks show ../counts", 2, "is no id"),
        ("approvals approve t1 --parameters {bad", 2, "--parameters"),
        ("tasks cancel t1 --reason x --rate 0", 2, "--rate"),
        ("tasks settle t1 --reason x", 2, "--verdict"),
        ("approvals approve t1", 2, "--yes"),
        ("switches", 2, "error: say what: list, off, on"),
        ("tasks", 2, "error: say what: list, find, show, explain"),
    ],
)
async def test_wrong_use_is_one_line_and_its_own_exit_status(
    ops: Ops, capsys: pytest.CaptureFixture[str], line: str, status: int, said: str
) -> None:
    assert await ops(await paused(), line) == status
    assert said in capsys.readouterr().err


async def test_nobody_is_asked_about_what_cannot_be_done(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ops(await paused(), "approvals approve nobody nobody-else") == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == "0 done, 2 refused"
    assert "task_not_found" in told.out
    assert told.err == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tasks list --state FAILED", "nothing is like this"),
        ("dead-letters list", "nothing is like this"),
        ("audits list", "nothing that ran by itself wants a second look"),
        ("breakers list", "no intent was ever stopped"),
        ("labels list", "nobody has decided anything that is like this"),
        ("router list", "no version was uploaded"),
    ],
)
async def test_empty_list_is_a_sentence(ops: Ops, capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    assert await ops(World({}), line) == 0
    assert capsys.readouterr().out.startswith(f"{said}\n")


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("http://127.0.0.1:9", 3, "does not answer"),
        ("console.example", 3, "does not answer"),
        ("http://127.0.0.1:port", 2, "is no address"),
    ],
)
def test_console_that_is_not_there_is_said(
    capsys: pytest.CaptureFixture[str], url: str, status: int, said: str
) -> None:
    assert main(["--console", url, "tasks", "list"]) == status
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>sign in</html>"), (302, b""), (500, b"[]")])
async def test_what_is_no_console_is_said(capsys: pytest.CaptureFixture[str], status: int, body: bytes) -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await asyncio.to_thread(main, ["--console", url, "tasks", "list"]) == 3
    assert "not as a console does" in capsys.readouterr().err


def test_sign_in_token_is_sent_over_https_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAP_TOKEN", "secret-token")
    assert main(["--console", "http://console.example", "tasks", "list"]) == 2
    said = capsys.readouterr().err
    assert "https only" in said
    assert "secret-token" not in said


async def test_console_is_also_named_after_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    async with served(await paused()) as url:
        for before, after in (([], ["--console", url]), (["--console", url], [])):
            assert await asyncio.to_thread(main, [*before, "tasks", "list", "--json", *after]) == 0
            assert '"task_id": "t1"' in capsys.readouterr().out
