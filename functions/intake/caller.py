"""Who may POST a plain `AutomationTask` in the cloud: a Google-signed ID token or the generic signature in, or 401."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from functions.intake.incoming import IncomingRequest
from functions.intake.sources import DIRECT
from shared.errors import Misconfigured
from shared.event.signatures import refusal, verify_generic
from shared.serving.certificates import checked
from shared.settings import Settings, secrets_of

EmailOf = Callable[[str, str], str]


async def check_caller(request: IncomingRequest, body: bytes, settings: Settings, email_of: EmailOf) -> None:
    """Let the request pass if its token belongs to one of `DIRECT_CALLERS`, or `DIRECT_WEBHOOK_SECRET` signed it.

    Raises:
        Unauthenticated: it is neither, whatever the reason.
        Misconfigured: the service lacks what it needs to check (503).
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    # Google's library does not check an audience that is empty.
    takes_tokens = bool(settings.direct_audience and settings.direct_callers)
    if scheme.lower() != "bearer":
        if takes_tokens and "stripe-signature" not in request.headers:
            raise refusal()
        verify_generic(body, request.headers, secrets_of(DIRECT), request.received_at)
        return
    if not takes_tokens:
        raise Misconfigured("DIRECT_AUDIENCE and DIRECT_CALLERS must be set to accept tokens", code="audience_missing")
    email = await checked(partial(email_of, token.strip(), settings.direct_audience))
    if email not in settings.direct_callers:
        raise refusal()
