"""A person or a service account at a terminal, the proxy in between, and the console that believes its signature."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

import functions.console.main as console
from functions.console import identity
from infra.errors import SignInError
from infra.ops import kept, login, sign_in
from infra.ops.__main__ import main as ops
from infra.ops.loopback import Client, authorize
from shared.serving.certificates import Certificates
from shared.wiring import composition
from tests.ops.proxied import ACCOUNT, AUDIENCE, CLIENT_ID, PERSON, Google, Proxy, certificate, listening
from tests.world import REFUND, World, deployed

GCLOUD = """#!{python}
import json, sys
from google.auth import crypt, jwt
claims, signed = sys.argv[-2:]
key = crypt.RSASigner.from_string(open({key!r}).read())
open(signed, "wb").write(jwt.encode(key, json.load(open(claims))))
"""


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("IAP_TOKEN", "IAP_SERVICE_ACCOUNT", "IAP_CREDENTIALS", "CONSOLE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def desktop(tmp_path: Path) -> Path:
    return tmp_path / "desktop.json"


class Deployed:
    """A console behind the proxy, and Google beside it."""

    def __init__(self, world: World, proxy: Proxy, google: Google) -> None:
        self.world, self.proxy, self.google = world, proxy, google
        self.url = proxy.url

    async def sign_in(self, *arguments: str) -> int:
        return await asyncio.to_thread(login.main, ["--console", self.url, *arguments], browser)

    async def ops(self, *words: str) -> int:
        return await asyncio.to_thread(ops, ["--console", self.url, *words])


def offer(desktop: Path, endpoint: str) -> None:
    """Write the file of a desktop client."""
    uris = {"auth_uri": f"{endpoint}/auth", "token_uri": f"{endpoint}/token"}
    desktop.write_text(json.dumps({"installed": {"client_id": CLIENT_ID, "client_secret": "s", **uris}}))


def signs(folder: Path, key: str) -> None:
    """Put a stand-in for gcloud there, which signs with this key as Google would."""
    (folder / "account.pem").write_text(key)
    (folder / "gcloud").write_text(GCLOUD.format(python=sys.executable, key=str(folder / "account.pem")))
    (folder / "gcloud").chmod(0o755)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def browser(address: str) -> None:
    """Follow where a page leads, beside whoever waits for it."""
    threading.Thread(target=partial(httpx.get, address, follow_redirects=True, timeout=30)).start()


@asynccontextmanager
async def deployment(
    tmp_path: Path, desktop: Path, monkeypatch: pytest.MonkeyPatch, *members: str
) -> AsyncIterator[Deployed]:
    world, google = World(REFUND[1], backend="gcp", iap_audience=AUDIENCE), Google()
    await world.classify(REFUND[0])
    proxy = Proxy(google, deployed(console, "console"), set(members))
    served = SimpleNamespace(status=200, data=json.dumps(proxy.keys).encode())
    keys = Certificates(lambda: lambda *_, **__: served)
    monkeypatch.setattr(identity, "verify_assertion", partial(identity.verify_assertion, certificates=keys))
    composition.install(world.ports)
    trusted = certificate(tmp_path / "tls.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    try:
        async with listening(google.app) as endpoint, listening(proxy, trusted) as proxy.url:
            offer(desktop, endpoint)
            yield Deployed(world, proxy, google)
    finally:
        composition.install(None)


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
