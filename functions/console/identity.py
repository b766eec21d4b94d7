"""Who is at the console, and with which method: the identity that IAP signed, or the developer on a local backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.requests import Request

from shared.errors import MethodNotAllowed, Misconfigured, Retry, Unauthenticated
from shared.serving.certificates import GOOGLE, Certificates, checked
from shared.serving.site import check_host
from shared.settings import Settings
from shared.task.moves import Person, is_program

IAP_KEYS_URL = "https://www.gstatic.com/iap/verify/public_key"
CLOCK_SKEW_S = 30  # both ways, as Google's guide asks: IAP's clock is not ours
IAP_ISSUER = "https://cloud.google.com/iap"
DEVELOPER = "developer@localhost"


async def admitted(request: Request, settings: Settings) -> Person:
    """Return who asks, through the page or the command line.

    Raises:
        Forbidden: a local console was asked for by another name: a page whose own name was made to resolve to this
            machine could else decide in the developer's name.
        Unauthenticated, Misconfigured: as for `person`.
    """
    if settings.local:
        check_host(request.headers, "console")
    who = await person(request.headers, settings)
    return replace(who, channel="cli") if request.headers.get("x-switchyard-client") == "cli" else who


def only(request: Request, method: str) -> None:
    """Raise `MethodNotAllowed` unless the request has this method; HEAD goes where GET does."""
    if request.method != method and not (method == "GET" and request.method == "HEAD"):
        raise MethodNotAllowed(f"use {method} here")


async def person(headers: Mapping[str, str], settings: Settings) -> Person:
    """Return the verified person behind a request; the bare e-mail header is never looked at.

    Raises:
        Unauthenticated: no assertion, or one that does not hold.
        Misconfigured: `IAP_AUDIENCE` is not set in the cloud.
        Retry: the keys that assertions are checked with are out of reach.
    """
    if settings.local:
        return Person(DEVELOPER, "console")
    if not settings.iap_audience:
        raise Misconfigured("IAP_AUDIENCE is not set; the console answers nobody until it is", code="setting_missing")
    assertion = headers.get("x-goog-iap-jwt-assertion", "")
    claims = await checked(partial(verify_assertion, assertion, settings.iap_audience))
    name = str(claims["email"]).removeprefix("accounts.google.com:")
    return Person(name, "console", not is_program(name))


def verify_assertion(
    assertion: str, audience: str, *, keys_url: str = IAP_KEYS_URL, certificates: Certificates = GOOGLE
) -> Mapping[str, Any]:
    """Return the claims of an IAP assertion after checking signature (ES256), audience, issuer and times.

    Raises:
        Unauthenticated: any of them fails.
        Retry: the keys could not be fetched; nobody can say whether it holds.
    """
    from google.auth import jwt
    from google.oauth2 import id_token

    try:
        jwt.decode_header(assertion)  # what is no token at all is known without the keys
        verify: Any = id_token.verify_token
        fetch = certificates.for_token(assertion)
        claims: Mapping[str, Any] = verify(
            assertion, fetch, audience=audience, certs_url=keys_url, clock_skew_in_seconds=CLOCK_SKEW_S
        )
    except Retry:
        raise
    except Exception:
        raise Unauthenticated("sign in through the Identity-Aware Proxy") from None
    if claims.get("iss") != IAP_ISSUER or not claims.get("email"):
        raise Unauthenticated("sign in through the Identity-Aware Proxy")
    return claims
