"""Who IAP says is at the console: an assertion in; its claims, a refusal, or that nobody can check it now, out."""

from __future__ import annotations

import json
import threading
import time
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.auth import crypt, exceptions, jwt

from functions.console.identity import person, verify_assertion
from shared.errors import Retry, Unauthenticated
from shared.serving.certificates import FETCH_TIMEOUT_S, Certificates, checked
from shared.settings import Settings

AUDIENCE = "/projects/1/locations/europe-west1/services/console"


class Iap:
    """Signs assertions, and serves its keys as Google's transport does; `seconds` is our clock."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.fetches: list[float] = []
        self.answer: Any = 200
        self.seconds = 1000.0
        self.rotate("key-1")
        self.certificates = Certificates(lambda: self._fetch, clock=lambda: self.seconds)

    def rotate(self, key_id: str) -> None:
        """Sign with another key from now on."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        self.signer = crypt.EsSigner.from_string(private, key_id)
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        self.keys[key_id] = key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()

    def _fetch(self, url: str, method: str, timeout: float) -> Any:
        self.fetches.append(timeout)
        if isinstance(self.answer, Exception):
            raise self.answer
        data = json.dumps(self.keys).encode() if self.answer == 200 else self.answer
        return SimpleNamespace(status=200 if isinstance(data, bytes) else self.answer, data=data)

    def token(self, **claims: Any) -> str:
        now = int(time.time())
        base = {
            "iss": "https://cloud.google.com/iap",
            "aud": AUDIENCE,
            "email": "a@x.com",
            "iat": now,
            "exp": now + 600,
        }
        signed: bytes = jwt.encode(self.signer, base | claims)
        return signed.decode()

    def email(self, token: str | None = None) -> Any:
        """Return whom the console takes the bearer of a token for."""
        return verify_assertion(token or self.token(), AUDIENCE, certificates=self.certificates)["email"]


@pytest.fixture
def iap() -> Iap:
    return Iap()


def test_keys_are_fetched_once_an_hour_within_our_own_time_limit(iap: Iap) -> None:
    assert [iap.email() for _ in range(5)] == ["a@x.com"] * 5
    assert iap.fetches == [FETCH_TIMEOUT_S]
    iap.seconds += 3599
    iap.email()
    assert len(iap.fetches) == 1
    iap.seconds += 1
    iap.email()
    assert len(iap.fetches) == 2


def test_keys_are_fetched_once_for_all_who_come_at_once(iap: Iap) -> None:
    threads = [threading.Thread(target=iap.email) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(iap.fetches) == 1


@pytest.mark.parametrize(
    ("issued", "expires", "holds"),
    [(1, 600, True), (20, 600, True), (60, 600, False), (-600, -20, True), (-600, -60, False)],
)
def test_clock_that_differs_by_half_a_minute_signs_nobody_out(iap: Iap, issued: int, expires: int, holds: bool) -> None:
    now = int(time.time())
    token = iap.token(iat=now + issued, exp=now + expires)
    if holds:
        assert iap.email(token) == "a@x.com"
        return
    with pytest.raises(Unauthenticated):
        iap.email(token)


@pytest.mark.parametrize("answer", [503, 404, exceptions.TransportError("down"), b"<html>", b"[]", b"{}"], ids=repr)
def test_outage_of_the_key_server_says_so_and_is_over_when_it_is_over(iap: Iap, answer: Any) -> None:
    iap.answer = answer
    with pytest.raises(Retry) as outage:
        iap.email()
    assert (outage.value.status, outage.value.code) == (503, "certificates_unavailable")
    assert "Google's keys" in outage.value.message
    iap.answer = 200
    assert iap.email() == "a@x.com"


def test_outage_while_keys_are_known_is_not_noticed(iap: Iap) -> None:
    iap.email()
    iap.answer = 503
    assert iap.email() == "a@x.com"


def test_key_that_is_new_is_fetched_and_ids_that_nobody_has_are_not_looked_for_again_and_again(iap: Iap) -> None:
    iap.email()
    iap.rotate("key-2")
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            iap.email()
    assert len(iap.fetches) == 1
    iap.seconds += 60
    assert iap.email() == "a@x.com"
    assert len(iap.fetches) == 2


@pytest.mark.parametrize(
    "claims",
    [{"aud": "/projects/1/global/backendServices/3"}, {"iss": "https://accounts.google.com"}, {"email": None}],
    ids=str,
)
def test_assertion_that_is_not_quite_right_is_401(iap: Iap, claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        iap.email(iap.token(**claims))


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "\xe9.\xe9.\xe9"])
def test_what_is_no_assertion_is_401(iap: Iap, token: str) -> None:
    with pytest.raises(Unauthenticated):
        iap.email(token)


async def test_who_comes_without_an_assertion_makes_nothing_be_fetched() -> None:
    settings = Settings(backend="gcp", iap_audience=AUDIENCE)
    with pytest.raises(Unauthenticated):
        await person({}, settings)


async def test_check_that_takes_too_long_ends_as_an_outage() -> None:
    done = threading.Event()
    try:
        with pytest.raises(Retry) as outage:
            await checked(partial(done.wait, 30), limit_s=0.01)
    finally:
        done.set()
    assert outage.value.code == "certificates_unavailable"
