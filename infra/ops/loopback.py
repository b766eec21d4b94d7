"""A person signs in with the browser: an OAuth client of type Desktop app in, what signs in again from now on out.

The authorization code comes back to a port of this machine, guarded by `state` and PKCE (RFC 8252, RFC 7636;
developers.google.com/identity/protocols/oauth2/native-app).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from infra.errors import SignInError

SCOPE = "openid email"
PATIENCE_S = 300.0
TIMEOUT_S = 60.0
DONE = b"<!doctype html><title>Switchyard</title><p>Signed in, or not: the terminal says so. This page may be closed."


@dataclass(frozen=True)
class Client:
    """An OAuth client of type Desktop app, as its file names it. Its secret is none: everybody has the file."""

    client_id: str
    client_secret: str
    auth_uri: str
    token_uri: str


class Answers(HTTPServer):
    """Waits on a port of this machine for what the browser brings back."""

    answer: Mapping[str, str] | None = None


class _Handler(BaseHTTPRequestHandler):
    """Takes the one request that has an answer; a browser asks for icons as well."""

    server: Answers

    def do_GET(self) -> None:
        """Keep the answer, and say that there is no more to see."""
        found = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if "state" in found:
            self.server.answer = found
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(DONE)))
        self.end_headers()
        self.wfile.write(DONE)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a code stands in the path."""


def authorize(client: Client, show: Callable[[str], object], patience_s: float = PATIENCE_S) -> dict[str, str]:
    """Have somebody sign in; return the answer of the token's endpoint, `id_token` and `refresh_token` in it.

    Args:
        client: as whom we ask.
        show: brings a person to the address that it is given.
        patience_s: for how long they may take.

    Raises:
        SignInError: they did not, or refused, or Google did.
    """
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    with Answers(("127.0.0.1", 0), _Handler) as server:
        redirect = f"http://127.0.0.1:{server.server_port}"
        asked = {"client_id": client.client_id, "redirect_uri": redirect, "response_type": "code", "scope": SCOPE}
        guards = {"state": state, "code_challenge": _challenge(verifier), "code_challenge_method": "S256"}
        # Else Google gives a refresh token the first time only.
        again = {"access_type": "offline", "prompt": "consent"}
        show(f"{client.auth_uri}?{urlencode(asked | guards | again)}")
        answer = _wait(server, patience_s)
    if answer.get("state") != state:
        raise SignInError("the browser brought an answer to another question; try again")
    if "code" not in answer:
        raise SignInError(f"nobody was signed in: {answer.get('error', 'no code')}")
    proof = {"code": answer["code"], "code_verifier": verifier, "redirect_uri": redirect}
    return _exchange(client, {"grant_type": "authorization_code", **proof})


def _wait(server: Answers, patience_s: float) -> Mapping[str, str]:
    deadline = time.monotonic() + patience_s
    while server.answer is None:
        server.timeout = deadline - time.monotonic()
        if server.timeout <= 0:
            raise SignInError(f"nobody signed in within {patience_s:g} s")
        server.handle_request()
    return server.answer


def _exchange(client: Client, proof: Mapping[str, str]) -> dict[str, str]:
    ours = {"client_id": client.client_id, "client_secret": client.client_secret}
    try:
        answer = httpx.post(client.token_uri, data={**ours, **proof}, timeout=TIMEOUT_S)
        found: dict[str, str] = answer.raise_for_status().json()
        return {name: found[name] for name in ("id_token", "refresh_token")}
    except (ValueError, KeyError, TypeError, httpx.HTTPError) as error:
        raise SignInError(f"{client.token_uri} gave no token ({type(error).__name__}); try again") from None


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
