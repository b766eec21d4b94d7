"""Send Auth0's change-password mail to the requester's own, authenticated address."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.intent.declaration import NATURAL, Intent, Limits, ParametersModel, Policy, Provider
from shared.intent.provenance import FromField


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
    effect="Send a password reset to {email}",
    examples=(
        "I forgot my password, please send me a reset link",
        "Can't log in any more, my password does not work",
        "locked out of my account after too many wrong passwords",
        "I don't remember my passcode for the app",
        "please reset my password",
        "How can I change my password? Somebody else may know it",
        "The login page says my password is invalid although I am sure it is right",
        "What do I do if I lost my passcode?",
        "Hello, I need help resetting the password of my online account",
        "my password expired and I cannot sign in",
        "I need a new password for the portal",
        "password recovery",
        "The reset link for my password never worked, can you send another one?",
        "I was hacked, I want to set a new password right away",
        "unable to access my account, I keep getting an incorrect password error",
        "forgot login password",
        "my passcode is not accepted by the app, how do I get a new one?",
        "Could you help me get back into my account? I can't recall the password",
        "i want to reset my passcode",
    ),
    near_misses=(
        "my credit card does not work in the shop",
        "someone took money out of my account without permission",
        "I lost my card",
        "my card was stolen, block it right away",
        "can you freeze my account for a while",
        "put a stop on my account",
        "please close my account",
        "how do I delete my account and my data",
        "I forgot the PIN of my card",
        "unblock my PIN",
        "how do I activate my card",
        "what is my account balance",
        "how do I top up my account",
        "why is my account blocked",
        "how do I verify my identity",
        "can I have a second account for my child",
        "how do I set up direct deposit",
        "I cannot open the app",
        "how do I open an account",
        "I lost the key of my locker",
        "I forgot my customer number",
    ),
    parameters=Parameters,
    needs=("/requester/email",),
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
