"""Which addresses a handler may reach: none that is private, and none that was not checked."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.intent.outcomes import NotApplied, Permanent
from shared.wiring.lanes import Pool, is_public
from tests.unit.wiring.calls import answering, listening, ok, outbound


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "fd20:ce::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ],
)
def test_an_address_that_is_not_global_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_global_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
async def test_a_name_of_this_machine_is_refused_before_a_connection(host: str, pool: Pool) -> None:
    connected: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(True)

    async with listening(serve) as url:
        port = url.rpartition(":")[2]
        with pytest.raises(Permanent) as caught:
            await outbound(f"https://{host}:{port}", pool, allow_private=False).call("POST", "/orders")
        assert caught.value.code == "address_refused"
        await asyncio.sleep(0.05)
    assert not connected


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]"])
async def test_private_and_metadata_addresses_are_refused(host: str, pool: Pool) -> None:
    with pytest.raises(Permanent) as caught:
        await outbound(f"https://{host}", pool, allow_private=False, transport=answering()).call("GET", "/")
    assert caught.value.code == "address_refused"


@pytest.mark.parametrize(
    "url", ["http://a.test", "ftp://a.test", "https://", "https://user:pw@a.test", "https://a.test?x=1", "a.test"]
)
async def test_in_the_cloud_a_provider_is_https_and_a_plain_host(url: str, pool: Pool) -> None:
    with pytest.raises(Permanent) as caught:
        await outbound(url, pool, allow_private=False, transport=answering()).call("GET", "/")
    assert caught.value.code == "bad_provider_url"
    assert "pw" not in str(caught.value)


class Addresses:
    """A resolver: each lookup of any name gets the next list of addresses."""

    def __init__(self, *lookups: list[str]) -> None:
        self._lookups = list(lookups)

    async def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in self._lookups.pop(0)]


async def test_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", Addresses(["8.8.8.8", "10.0.0.1"]))
    with pytest.raises(Permanent):
        await outbound("https://shop.test", pool, allow_private=False, transport=answering()).call("GET", "/")


async def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", Addresses(["8.8.8.8", "8.8.4.4"], ["127.0.0.1"]))
    seen: list[httpx.Request] = []
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        hosts.append(request.url.host)
        if request.url.host == "8.8.8.8":
            raise httpx.ConnectError("no route")
        return httpx.Response(200)

    http = outbound("https://shop.test", pool, allow_private=False, transport=httpx.MockTransport(answer))
    await http.call("POST", "/orders")
    assert hosts == ["8.8.8.8", "8.8.4.4"]
    assert seen[-1].headers["Host"] == "shop.test"
    assert seen[-1].extensions["sni_hostname"] == "shop.test"
    with pytest.raises(Permanent):  # the name has been rebound to loopback
        await http.call("POST", "/orders")
    assert len(hosts) == 2


class ToLoopback(httpx.AsyncBaseTransport):
    """Lead whatever address was checked to a server of this test, over real TLS."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        self._port = port
        self._real = httpx.AsyncHTTPTransport(verify=trust)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return await self._real.handle_async_request(request)

    async def aclose(self) -> None:
        await self._real.aclose()


@pytest.mark.parametrize(("host", "fits"), [("shop.test", True), ("evil.test", False)])
async def test_the_certificate_is_checked_against_the_name(
    host: str, fits: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pool: Pool
) -> None:
    certificate = self_signed("shop.test", tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)
    trust = ssl.create_default_context(cafile=str(certificate))
    async with listening(ok, served) as url:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", Addresses(["8.8.8.8"]))
        transport = ToLoopback(int(url.rpartition(":")[2]), trust)
        call = outbound(f"https://{host}", pool, allow_private=False, transport=transport).call("POST", "/orders")
        if fits:
            assert (await call).status == 200
        else:
            with pytest.raises(NotApplied):
                await call


def self_signed(name: str, folder: Path) -> Path:
    """Return a file with a key and a certificate for `name`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = folder / "certificate.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    return path
