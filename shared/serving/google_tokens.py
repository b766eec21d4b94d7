"""Google-signed ID tokens: a token in, the address that it proves out."""

from __future__ import annotations

from typing import Any

from shared.event.signatures import refusal
from shared.serving.certificates import GOOGLE, Certificates

CLOCK_SKEW_S = 30  # as Google advises; hosts of one cloud differ by less


def email_of_google_token(token: str, audience: str, certificates: Certificates = GOOGLE) -> str:
    """Return the verified e-mail address in a Google-signed ID token for `audience`. Blocks on the network.

    Raises:
        Unauthenticated: signature, issuer, audience, expiry or address do not hold.
        Retry: Google's certificates could not be fetched.
    """
    from google.auth import exceptions
    from google.oauth2 import id_token

    if token.count(".") != 2 or not token.isascii():
        raise refusal()  # before fetching anything
    try:
        verify: Any = id_token.verify_oauth2_token
        claims = verify(token, certificates.for_token(token), audience, clock_skew_in_seconds=CLOCK_SKEW_S)
    except (ValueError, exceptions.GoogleAuthError):
        raise refusal() from None
    if claims.get("email_verified") is not True:
        raise refusal()
    return str(claims.get("email"))
