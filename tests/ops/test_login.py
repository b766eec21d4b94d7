"""A person or a service account at a terminal, the proxy in between, and the console that believes its signature."""

from __future__ import annotations

import socket
import stat
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from infra.errors import SignInError
from infra.ops import kept, login, sign_in
from infra.ops.loopback import Client, authorize
from tests.ops.deployment import deployment, signs
from tests.ops.proxied import ACCOUNT, PERSON
from tests.world import REFUND


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("IAP_TOKEN", "IAP_SERVICE_ACCOUNT", "IAP_CREDENTIALS", "CONSOLE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def desktop(tmp_path: Path) -> Path:
    return tmp_path / "desktop.json"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_person_signs_in_once_and_decides_in_their_own_name(
    tmp_path: Path, desktop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with deployment(tmp_path, desktop, monkeypatch, PERSON) as there:
        assert await there.sign_in("--client", str(desktop)) == 0
        assert f"{PERSON} is signed in at {there.url}" in capsys.readouterr().out
        task_id = REFUND[0].task_id
        assert await there.ops("approvals", "approve", task_id, "--comment", "checked", "--yes") == 0
        assert (await there.world.approval(task_id))["decided_by"] == PERSON
        assert mode(kept.path()) == 0o600
        assert await there.sign_in() == 0  # once is enough for the client's file
        assert await there.sign_in("--out") == 0
        assert await there.ops("policy") == 3  # the proxy knows nobody any more


async def test_whom_the_console_does_not_let_in_is_told_and_not_kept(
    tmp_path: Path, desktop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with deployment(tmp_path, desktop, monkeypatch, "lee@acme.test") as there:
        assert await there.sign_in("--client", str(desktop)) == 3
        assert "Google knows you, but" in capsys.readouterr().err
        there.google.refuses = "access_denied"
        assert await there.sign_in("--client", str(desktop)) == 3
        assert capsys.readouterr().err == "switchyard: nobody was signed in: access_denied\n"
        assert not kept.path().exists()


async def test_service_account_signs_for_itself_for_this_console_alone(
    tmp_path: Path, desktop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deployment(tmp_path, desktop, monkeypatch, ACCOUNT) as there:
        signs(tmp_path, there.proxy.account.private)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("IAP_SERVICE_ACCOUNT", ACCOUNT)
        assert await there.ops("policy") == 0
        there.proxy.url = "https://another.test"
        assert await there.ops("policy") == 3
        there.proxy.url, there.proxy.members = there.url, {PERSON}
        assert await there.ops("policy") == 3


def test_a_sign_in_is_for_its_console_and_no_other() -> None:
    kept.keep("https://console.test", {"client_id": "c", "client_secret": "s", "refresh_token": "r"})
    for other in ("https://console.test.attacker.test", "http://console.test", "https://console.test:8443"):
        assert sign_in.token(other) == ""
    kept.path().write_text("{")
    with pytest.raises(SignInError, match=r"sign-ins\.json cannot be read"):
        sign_in.token("https://console.test")


@pytest.mark.parametrize(
    ("brought", "said"),
    [
        ({"state": "another", "code": "c"}, "an answer to another question"),
        ({}, "nobody signed in within"),
    ],
)
def test_what_nobody_asked_for_signs_nobody_in(brought: dict[str, str], said: str) -> None:
    with socket.socket() as asking:

        def show(address: str) -> None:
            [back] = parse_qs(urlsplit(address).query)["redirect_uri"]
            asking.connect(("127.0.0.1", urlsplit(back).port))
            asking.sendall(f"GET /?{urlencode(brought)} HTTP/1.0\r\n\r\n".encode())

        client = Client("c", "s", "http://127.0.0.1:9/auth", "http://127.0.0.1:9/token")
        with pytest.raises(SignInError, match=said):
            authorize(client, show, patience_s=30 if brought else 0.5)
        assert asking.recv(100).startswith(b"HTTP/1.0 200 OK\r\n")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--console", "http://console.test"], 2, "name a deployed console"),
        (["--console", "https://console.test"], 3, "--client is needed the first time"),
        (["--console", "https://console.test", "--client", "nowhere.json"], 3, "nowhere.json is not the JSON file"),
    ],
)
def test_what_is_missing_is_named(
    arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert login.main(arguments) == status
    assert said in capsys.readouterr().err
