"""Sign in at the Identity-Aware Proxy before a deployed console, as a service account or as a person.

Both ways are Google's (cloud.google.com/iap/docs/authentication-howto): gcloud itself makes no ID token for people
(`print-identity-token --audiences` refuses them), and the proxy's own client is shut to programs. What a person's
`switchyard sign-in` left, or a file of theirs, has a refresh token; an ID token of it is good for an hour.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from infra.errors import SignInError
from infra.ops import kept

LIFETIME_S = 3600  # the longest that Google signs
RENEWED_S = LIFETIME_S * 0.9
TIMEOUT_S = 60
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105


class SignedIn(httpx.Auth):
    """Puts a token into every request, and gets a new one before it ends: `watch` goes on for days.

    Raises:
        SignInError: when it is made, and later from within a request.
    """

    def __init__(self, sign_in: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._sign_in, self._clock = sign_in, clock
        self.token, self._since = sign_in(), clock()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign one request, where anybody is signed in."""
        if self.token and self._clock() - self._since > RENEWED_S:
            self.token, self._since = self._sign_in(), self._clock()
        if self.token:
            request.headers["authorization"] = f"Bearer {self.token}"
        yield request


def token(url: str) -> str:
    """Return what the proxy before `url` lets through: IAP_TOKEN as it is, a token of IAP_SERVICE_ACCOUNT, or of the
    person of IAP_CREDENTIALS, or of whoever signed in here at this console; empty where there is none of them.

    Raises:
        SignInError: Google refused, or what is kept cannot be read.
    """
    if given := os.environ.get("IAP_TOKEN"):
        return given
    if account := os.environ.get("IAP_SERVICE_ACCOUNT"):
        return _signed_by(account, url)
    if path := os.environ.get("IAP_CREDENTIALS"):
        return _of_file(Path(path))
    if signs_in := kept.of(url):
        return refreshed(signs_in, f"what is kept of {url}", f"`switchyard sign-in --console {url}` again")
    return ""


def _signed_by(account: str, url: str) -> str:
    """Have Google sign a token as the account, for every path of the console and for an hour."""
    now = int(time.time())
    claims = {"iss": account, "sub": account, "aud": f"{url.rstrip('/')}/*", "iat": now, "exp": now + LIFETIME_S}
    with TemporaryDirectory() as folder:
        asked, signed = Path(folder, "claims.json"), Path(folder, "token")
        asked.write_text(json.dumps(claims))
        command = ["gcloud", "iam", "service-accounts", "sign-jwt", f"--iam-account={account}", str(asked), str(signed)]
        try:
            subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=True)  # noqa: S603
            return signed.read_text().strip()
        except (OSError, subprocess.SubprocessError) as error:
            why = f"`{' '.join(command[:4])}` failed ({type(error).__name__})"
            cure = f"sign in with `gcloud auth login`; you need roles/iam.serviceAccountTokenCreator on {account}"
            raise SignInError(f"{why}; {cure}") from None


def _of_file(path: Path) -> str:
    """Sign in a person by what gcloud left of them."""
    cure = "make it anew with `gcloud auth application-default login --client-id-file=...` (see terraform/README.md)"
    try:
        return refreshed(json.loads(path.read_text()), str(path), cure)
    except (OSError, ValueError) as error:
        raise SignInError(f"{path} does not sign in ({type(error).__name__}); {cure}") from None


def refreshed(signs_in: Mapping[str, str], where: str, cure: str) -> str:
    """Exchange the refresh token of a person who signed in through a desktop client for an ID token of that client.

    Raises:
        SignInError: it is none, or no longer one; `where` it is kept and the `cure` are in the message.
    """
    try:
        asked = {name: signs_in[name] for name in ("client_id", "client_secret", "refresh_token")}
        token_uri = signs_in.get("token_uri", TOKEN_URI)
        answer = httpx.post(token_uri, data={**asked, "grant_type": "refresh_token"}, timeout=TIMEOUT_S)
        return str(answer.raise_for_status().json()["id_token"])
    except (ValueError, TypeError, KeyError, httpx.HTTPError) as error:
        raise SignInError(f"{where} does not sign in ({type(error).__name__}); {cure}") from None
