"""What keeps other sites from acting through a browser that is signed in here: headers, a token in every form.

The token is a random cookie that the form repeats: it needs no secret and outlives every instance.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from shared.errors import Forbidden
from shared.serving.site import check_site

TOKEN_FIELD = "csrf"  # noqa: S105
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_HTTPS_COOKIE, _LOCAL_COOKIE = "__Host-switchyard", "switchyard"


def token_of(request: Request, *, local: bool) -> str:
    """Return the browser's token, or a new one where it has none."""
    known = request.cookies.get(_cookie(local), "")
    return known if _TOKEN.fullmatch(known) else secrets.token_urlsafe(24)


def protect(response: Response, token: str, *, local: bool) -> Response:
    """Add the headers, and the cookie that the page's forms repeat."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.set_cookie(_cookie(local), token, path="/", httponly=True, secure=not local, samesite="strict")
    return response


def check(request: Request, form: Mapping[str, str], *, local: bool) -> None:
    """Let a form pass only if a page of this site made it.

    Raises:
        Forbidden: another site sent it, or its token is not this browser's.
    """
    check_site(request.headers)
    known, sent = request.cookies.get(_cookie(local), ""), form.get(TOKEN_FIELD, "")
    if not _TOKEN.fullmatch(known) or not hmac.compare_digest(known.encode(), sent.encode()):
        raise Forbidden("the page is out of date; reload it and try again", code="bad_token")


def _cookie(local: bool) -> str:
    return _LOCAL_COOKIE if local else _HTTPS_COOKIE
