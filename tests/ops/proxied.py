"""Google's side of a sign-in on this machine: the OAuth endpoints, and the proxy before a deployed console.

What they check is what Google says that they do (cloud.google.com/iap/docs/authentication-howto; RFC 7636).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.auth import crypt, jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

HOST = "127.0.0.1"
ISSUER = "https://accounts.google.com"
PERSON, ACCOUNT = "kim@acme.test", "robot@p.iam.gserviceaccount.com"
CLIENT_ID = "1-a.apps.googleusercontent.com"
AUDIENCE = "/projects/1/locations/europe-west1/services/console"


class Key:
    """A private key, and its public half."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form, none = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        self.private = self._key.private_bytes(serialization.Encoding.PEM, form, none).decode()
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public = self._key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()

    def sign(self, claims: dict[str, Any]) -> str:
        now = int(time.time())
        signed: bytes = jwt.encode(crypt.RSASigner.from_string(self.private), {"iat": now, "exp": now + 3600} | claims)
        return signed.decode()


class Google:
    """Signs `PERSON` in, whoever asks; a code is good once, for who can prove to have asked for it."""

    def __init__(self) -> None:
        self.key = Key()
        self.codes: dict[str, dict[str, str]] = {}
        self.refuses = ""
        self.app = Starlette(
            routes=[Route("/auth", self._auth), Route("/token", self._token, methods=["POST"])],
        )

    async def _auth(self, request: Request) -> Response:
        asked = dict(request.query_params)
        answer = {"state": asked["state"]}
        if self.refuses:
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer | {'error': self.refuses})}")
        self.codes["code-1"] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer | {'code': 'code-1'})}")

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if form["grant_type"] == "refresh_token":
            right = form["refresh_token"] == "refresh-1"
        else:
            asked = self.codes.pop(form["code"])
            proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
            right = asked["code_challenge"] == proof.decode() and asked["redirect_uri"] == form["redirect_uri"]
        if not right or (form["client_id"], form["client_secret"]) != (CLIENT_ID, "s"):
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = self.key.sign({"iss": ISSUER, "aud": CLIENT_ID, "email": PERSON})
        return JSONResponse({"id_token": token, "refresh_token": "refresh-1", "access_token": "a"})


class Proxy:
    """Lets members in who prove who they are, and tells the console so in a header that it signs."""

    def __init__(self, google: Google, console: ASGIApp, members: set[str]) -> None:
        self.google, self.console, self.members = google, console, members
        self.account = Key()
        self.url = ""
        key = ec.generate_private_key(ec.SECP256R1())
        form, none = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, form, none)
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        self.signer = crypt.EsSigner.from_string(pem, "key-1")
        self.keys = {"key-1": key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if not name.startswith(b"x-goog-")]
        given = dict(headers).get(b"authorization", b"").decode().removeprefix("Bearer ")
        try:
            email = self._proven(given)
        except Exception as error:
            await PlainTextResponse(f"Invalid IAP credentials: {error}", 401)(scope, receive, send)
            return
        if email not in self.members:
            await PlainTextResponse("You don't have access", 403)(scope, receive, send)
            return
        now = int(time.time())
        claims = {"iss": "https://cloud.google.com/iap", "aud": AUDIENCE, "iat": now, "exp": now + 600}
        assertion = jwt.encode(self.signer, claims | {"email": f"accounts.google.com:{email}"})
        believed = [*headers, (b"x-goog-iap-jwt-assertion", assertion)]
        await self.console({**scope, "headers": believed}, receive, send)

    def _proven(self, token: str) -> str:
        claims = jwt.decode(token, verify=False)
        if claims["iss"] == ISSUER:
            return str(jwt.decode(token, self.google.key.public, audience=CLIENT_ID)["email"])
        held = jwt.decode(token, self.account.public, audience=f"{self.url}/*")
        if held["iss"] != held["sub"] or held["exp"] - held["iat"] > 3600:
            raise ValueError("a service account signs for itself, and for an hour")
        return str(held["sub"])


@asynccontextmanager
async def listening(app: ASGIApp, certificate: Path | None = None) -> AsyncIterator[str]:
    """Serve an app on a free port, with TLS where there is a certificate; its URL."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=2)
        config.ssl_certfile, config.ssl_keyfile = (str(certificate), str(certificate)) if certificate else (None, None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"{'https' if certificate else 'http'}://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait([serving], timeout=10)


def certificate(path: Path) -> Path:
    """Write a certificate for this machine, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form, none = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path.write_bytes(built.public_bytes(pem) + key.private_bytes(pem, form, none))
    return path
