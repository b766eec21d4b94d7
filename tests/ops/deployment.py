"""A console behind the proxy, and Google beside it: who signs in is checked, and the console believes the proxy."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

import functions.console.main as console
from functions.console import identity
from infra.ops import login
from infra.ops.__main__ import main as ops
from shared.serving.certificates import Certificates
from shared.wiring import composition
from tests.ops.proxied import AUDIENCE, CLIENT_ID, Google, Proxy, certificate, listening
from tests.world import REFUND, World, deployed

GCLOUD = """#!{python}
import json, sys
from google.auth import crypt, jwt
claims, signed = sys.argv[-2:]
key = crypt.RSASigner.from_string(open({key!r}).read())
open(signed, "wb").write(jwt.encode(key, json.load(open(claims))))
"""


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
