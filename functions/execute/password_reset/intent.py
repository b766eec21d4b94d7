"""Send Auth0's change-password mail to the requester's own, authenticated address."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.intents import NATURAL, Intent, Limits, ParametersModel, Policy, Provider
from shared.provenance import FromField


class Parameters(ParametersModel):
    """Whose password."""

    email: Annotated[
        str,
        Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$", description="The requester's own e-mail address"),
        FromField("/requester/email"),
    ]


INTENT = Intent(
    name="password_reset",
    description="The requester forgot or lost their own password and wants it reset. Not: card PIN, other people.",
    examples=(
        "I forgot my password, please send me a reset link",
        "Can't log in any more, my password does not work",
        "please reset my password",
    ),
    parameters=Parameters,
    # A second mail changes nothing: only the link that is clicked does.
    idempotency=NATURAL,
    policy=Policy(risk="credential", subject="/requester/email", per_day=3),
    provider=Provider(
        "auth0",
        url="https://example.auth0.com",
        key=False,
        options={"client_id": "", "connection": "Username-Password-Authentication"},
    ),
    limits=Limits(max_concurrency=5, timeout_s=20, max_attempts=5),
)
