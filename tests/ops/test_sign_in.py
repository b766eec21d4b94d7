"""Signing in at a deployed console: a token that the proxy takes, by each way, or a line that says what to do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from infra.errors import SignInError
from infra.ops import sign_in
from infra.ops.client import Console, OpsError

ACCOUNT = "robot@p.iam.gserviceaccount.com"
GCLOUD = """#!{python}
import json, sys
claims, signed = sys.argv[-2:]
open(signed, "w").write(" ".join(sys.argv[1:5]) + "\\n" + open(claims).read() + "\\n")
sys.exit({status})
"""
PERSON = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("IAP_TOKEN", "IAP_SERVICE_ACCOUNT", "IAP_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)


def gcloud(folder: Path, monkeypatch: pytest.MonkeyPatch, status: int = 0) -> None:
    """Put a stand-in for gcloud first on PATH: what it signs is what it was asked to."""
    (folder / "gcloud").write_text(GCLOUD.format(python=sys.executable, status=status))
    (folder / "gcloud").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("IAP_SERVICE_ACCOUNT", ACCOUNT)


def test_account_signs_for_every_path_of_the_console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gcloud(tmp_path, monkeypatch)
    command, claims = sign_in.token("https://console.example/").splitlines()
    assert command == f"iam service-accounts sign-jwt --iam-account={ACCOUNT}"
    signed: dict[str, Any] = json.loads(claims)
    assert (signed["iss"], signed["sub"], signed["aud"]) == (ACCOUNT, ACCOUNT, "https://console.example/*")
    assert signed["exp"] - signed["iat"] == 3600  # more is refused


def test_who_may_not_sign_is_told_which_role_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gcloud(tmp_path, monkeypatch, status=1)
    with pytest.raises(SignInError, match=f"serviceAccountTokenCreator on {ACCOUNT}"):
        sign_in.token("https://console.example")


async def test_person_is_signed_in_by_what_a_desktop_client_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, list[str]]] = []

    async def google(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        asked.append(parse_qs((await reader.readexactly(length)).decode()))
        body = b'{"id_token": "signed"}'
        writer.write(b"HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(google, "127.0.0.1", 0) as server:
        uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
        (tmp_path / "adc.json").write_text(json.dumps(PERSON | {"token_uri": uri}))
        monkeypatch.setenv("IAP_CREDENTIALS", str(tmp_path / "adc.json"))
        assert await asyncio.to_thread(sign_in.token, "https://console.example") == "signed"
    sent = {"client_id": ["c"], "client_secret": ["s"], "refresh_token": ["r"], "grant_type": ["refresh_token"]}
    assert asked == [sent]


@pytest.mark.parametrize("kept", [None, "no JSON", "[]", '{"client_id": "c"}', '{"type": "service_account"}'])
def test_file_that_signs_nobody_in_is_named(kept: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "adc.json"
    if kept is not None:
        path.write_text(kept)
    monkeypatch.setenv("IAP_CREDENTIALS", str(path))
    with pytest.raises(SignInError, match=r"adc\.json does not sign in .*--client-id-file"):
        sign_in.token("https://console.example")


def test_where_no_way_is_named_nobody_signs_in() -> None:
    assert sign_in.token("https://console.example") == ""


def test_a_token_is_renewed_before_it_ends() -> None:
    now, tokens = [0.0], iter(("first", "second"))
    signed_in = sign_in.SignedIn(lambda: next(tokens), lambda: now[0])

    def bearer() -> str:
        [request] = signed_in.auth_flow(httpx.Request("GET", "https://console.test/api/policy"))
        return request.headers["authorization"]

    assert bearer() == "Bearer first"
    now[0] = sign_in.RENEWED_S
    assert bearer() == "Bearer first"
    now[0] = sign_in.LIFETIME_S - 60
    assert bearer() == bearer() == "Bearer second"


def test_a_renewal_that_fails_is_one_line_and_no_traceback() -> None:
    def expired() -> str:
        if now[0]:
            raise SignInError("sign in again")
        return "first"

    now = [0.0]
    console = Console("https://127.0.0.1:9", sign_in.SignedIn(expired, lambda: now[0]))
    now[0] = sign_in.LIFETIME_S
    with contextlib.closing(console), pytest.raises(OpsError, match="sign in again"):
        console.get("policy")
