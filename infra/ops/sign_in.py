"""Sign in at the Identity-Aware Proxy before a deployed console, as a service account or as a person.

Both ways are Google's (cloud.google.com/iap/docs/authentication-howto): gcloud itself makes no ID token for people
(`print-identity-token --audiences` refuses them), and the proxy's own client is shut to programs.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

LIFETIME_S = 3600  # the longest that Google signs
TIMEOUT_S = 60
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105


class SignInError(Exception):
    """Raised when nobody could be signed in; the message says what to do."""


def token(url: str) -> str:
    """Return what the proxy before `url` lets through: IAP_TOKEN as it is, a token of IAP_SERVICE_ACCOUNT, or of the
    person of IAP_CREDENTIALS; empty where none is set.

    Raises:
        SignInError: Google refused.
    """
    if given := os.environ.get("IAP_TOKEN"):
        return given
    if account := os.environ.get("IAP_SERVICE_ACCOUNT"):
        return _signed_by(account, url)
    if path := os.environ.get("IAP_CREDENTIALS"):
        return _of_person(Path(path))
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


def _of_person(path: Path) -> str:
    """Exchange the refresh token of a person who signed in through a desktop client for an ID token of that client."""
    cure = "make it anew with `gcloud auth application-default login --client-id-file=...` (see terraform/README.md)"
    try:
        kept = json.loads(path.read_text())
        asked = {name: kept[name] for name in ("client_id", "client_secret", "refresh_token")}
        answer = httpx.post(
            kept.get("token_uri", TOKEN_URI), data={**asked, "grant_type": "refresh_token"}, timeout=TIMEOUT_S
        )
        return str(answer.raise_for_status().json()["id_token"])
    except (OSError, ValueError, TypeError, KeyError, httpx.HTTPError) as error:
        raise SignInError(f"{path} does not sign in ({type(error).__name__}); {cure}") from None
