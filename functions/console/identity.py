"""Who is at the console: the identity that IAP signed, or the developer on a local backend."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from shared.errors import Misconfigured, Unauthenticated
from shared.moves import Person
from shared.settings import Settings

IAP_KEYS_URL = "https://www.gstatic.com/iap/verify/public_key"
IAP_ISSUER = "https://cloud.google.com/iap"
DEVELOPER = "developer@localhost"


async def person(headers: Mapping[str, str], settings: Settings) -> Person:
    """Return the verified person behind a request; the bare e-mail header is never looked at.

    Raises:
        Unauthenticated: no assertion, or one that does not hold.
        Misconfigured: `IAP_AUDIENCE` is not set in the cloud.
    """
    if settings.local:
        return Person(DEVELOPER, "console")
    if not settings.iap_audience:
        raise Misconfigured("IAP_AUDIENCE is not set; the console answers nobody until it is", code="setting_missing")
    assertion = headers.get("x-goog-iap-jwt-assertion", "")
    claims = await asyncio.to_thread(verify_assertion, assertion, settings.iap_audience)
    return Person(str(claims["email"]).removeprefix("accounts.google.com:"), "console")


def verify_assertion(assertion: str, audience: str, *, keys_url: str = IAP_KEYS_URL) -> Mapping[str, Any]:
    """Return the claims of an IAP assertion after checking signature (ES256), audience, issuer and times.

    Raises:
        Unauthenticated: any of them fails.
    """
    from google.auth.transport import requests
    from google.oauth2 import id_token

    try:
        claims: Mapping[str, Any] = id_token.verify_token(
            assertion, requests.Request(), audience=audience, certs_url=keys_url
        )
    except Exception:
        raise Unauthenticated("sign in through the Identity-Aware Proxy") from None
    if claims.get("iss") != IAP_ISSUER or not claims.get("email"):
        raise Unauthenticated("sign in through the Identity-Aware Proxy")
    return claims
