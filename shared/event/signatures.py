"""Webhook signatures: raw body and headers in, silence or `Unauthenticated` out; and signing by the same schemes. Pure.

Headers are a mapping of lower-cased names. `secrets` holds every active secret, two while one is being rotated.
Schemes as their vendors document them: Zendesk "Verifying webhook authenticity", Atlassian "Secure admin webhooks",
GitHub "Validating webhook deliveries", Slack "Verifying requests from Slack", Stripe "Verify signatures manually".
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from shared.errors import Unauthenticated

WINDOW_S = 300

Headers = Mapping[str, str]
Verify = Callable[[bytes, Headers, Sequence[bytes], datetime], None]


def verify_zendesk(body: bytes, headers: Headers, secrets: Sequence[bytes], now: datetime) -> None:
    """Check base64 HMAC-SHA256 of timestamp + body; the ISO 8601 timestamp is within 5 minutes of `now`.

    Raises:
        Unauthenticated: as every `verify_*` does for every failure, in the same words.
    """
    stamp = headers.get("x-zendesk-webhook-signature-timestamp", "")
    _check_age(_iso_time(stamp), now)
    _check_match([headers.get("x-zendesk-webhook-signature", "")], (_zendesk(body, s, stamp) for s in secrets))


def verify_jira(body: bytes, headers: Headers, secrets: Sequence[bytes], now: datetime) -> None:
    """Check `X-Hub-Signature: sha256=<hex>` of the body; there is no timestamp."""
    _check_match([headers.get("x-hub-signature", "")], (_hub(body, s) for s in secrets))


def verify_github(body: bytes, headers: Headers, secrets: Sequence[bytes], now: datetime) -> None:
    """Check `X-Hub-Signature-256: sha256=<hex>` of the body; there is no timestamp."""
    _check_match([headers.get("x-hub-signature-256", "")], (_hub(body, s) for s in secrets))


def verify_slack(body: bytes, headers: Headers, secrets: Sequence[bytes], now: datetime) -> None:
    """Check `v0=<hex>` of `v0:{timestamp}:{body}`; the timestamp is within 5 minutes of `now`."""
    stamp = headers.get("x-slack-request-timestamp", "")
    _check_age(_unix_time(stamp), now)
    _check_match([headers.get("x-slack-signature", "")], (_slack(body, s, stamp) for s in secrets))


def verify_stripe(body: bytes, headers: Headers, secrets: Sequence[bytes], now: datetime) -> None:
    """Check any `v1=<hex>` of `{t}.{body}`, `v0` ignored; `t` is within 5 minutes of `now`."""
    items = [item.partition("=") for item in headers.get("stripe-signature", "").split(",")]
    stamp = next((value for name, _, value in items if name == "t"), "")
    _check_age(_unix_time(stamp), now)
    presented = [value for name, _, value in items if name == "v1"]
    _check_match(presented, (_stripe(body, s, stamp) for s in secrets))


verify_generic: Verify = verify_stripe


def sign(scheme: str, body: bytes, secret: bytes, now: datetime) -> dict[str, str]:
    """Return the headers (names in lower case) that `verify_<scheme>` accepts at `now`.

    `scheme` is zendesk, jira, github, slack, stripe or generic.
    """
    unix = str(int(now.timestamp()))
    iso = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    match scheme:
        case "zendesk":
            signature = _zendesk(body, secret, iso)
            return {"x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": iso}
        case "jira":
            return {"x-hub-signature": _hub(body, secret)}
        case "github":
            return {"x-hub-signature-256": _hub(body, secret)}
        case "slack":
            return {"x-slack-signature": _slack(body, secret, unix), "x-slack-request-timestamp": unix}
        case "stripe" | "generic":
            return {"stripe-signature": f"t={unix},v1={_stripe(body, secret, unix)}"}
    raise ValueError(f"no signature scheme is called {scheme!r}")


def refusal() -> Unauthenticated:
    """Return the one error of every failed check, so that nothing can be probed."""
    return Unauthenticated("not authenticated: check the secret or token that signs the request, and the clock")


def _zendesk(body: bytes, secret: bytes, stamp: str) -> str:
    return base64.b64encode(hmac.digest(secret, stamp.encode() + body, "sha256")).decode()


def _hub(body: bytes, secret: bytes) -> str:
    return f"sha256={hmac.digest(secret, body, 'sha256').hex()}"


def _slack(body: bytes, secret: bytes, stamp: str) -> str:
    return f"v0={hmac.digest(secret, b'v0:' + stamp.encode() + b':' + body, 'sha256').hex()}"


def _stripe(body: bytes, secret: bytes, stamp: str) -> str:
    return hmac.digest(secret, stamp.encode() + b"." + body, "sha256").hex()


def _unix_time(stamp: str) -> datetime | None:
    return datetime.fromtimestamp(int(stamp), UTC) if re.fullmatch(r"[0-9]{1,11}", stamp) else None


def _iso_time(stamp: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(stamp) if stamp.isascii() else None
    except ValueError:
        return None
    return time if time and time.tzinfo else None


def _check_age(signed_at: datetime | None, now: datetime) -> None:
    if signed_at is None or abs((now - signed_at).total_seconds()) > WINDOW_S:
        raise refusal()


def _check_match(presented: Sequence[str], expected: Iterable[str]) -> None:
    # On bytes: compare_digest raises TypeError for a str that is not ASCII.
    offers = [value.encode("utf-8", "replace") for value in presented]
    if not any(hmac.compare_digest(good.encode(), offer) for good in expected for offer in offers):
        raise refusal()
