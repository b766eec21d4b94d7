"""Signatures against the vendors' own libraries, in both directions, and against hostile headers."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

from shared.errors import Unauthenticated
from shared.event import signatures
from shared.event.signatures import sign

SECRET, OTHER = b"0123456789abcdef", b"fedcba9876543210"
BODY = '{"text":"caf\u00e9 \U0001f600"}'.encode()
NOW = datetime.now(UTC).replace(microsecond=0)
SCHEMES = ("zendesk", "jira", "github", "slack", "stripe", "generic")
DATED = ("zendesk", "slack", "stripe", "generic")
VERIFY = {scheme: getattr(signatures, f"verify_{scheme}") for scheme in SCHEMES}
HEADERS = sorted({name for scheme in SCHEMES for name in sign(scheme, BODY, SECRET, NOW)})
REFUSAL = ("unauthenticated", signatures.refusal().message, None, 401)
# Plausible and absurd times, as Unix seconds and as ISO 8601.
STAMPS = [
    str(int(NOW.timestamp())),
    NOW.isoformat(),
    NOW.isoformat()[:19],
    "0",
    "-1",
    "1e9",
    "9" * 400,
    "0001-01-01T00:00+23:59",
]
STRANGE = ["", " ", "caf\xe9", "sha256=\xe9", "\u0661\u0662", "v0=\ud800", "t=\xb2,v1=\xb2"]


def refused(
    scheme: str,
    headers: dict[str, str],
    body: bytes = BODY,
    secrets: tuple[bytes, ...] = (SECRET,),
    now: datetime = NOW,
) -> bool:
    """Return whether the request is refused, in the one way that every refusal looks."""
    refusal = None
    try:
        VERIFY[scheme](body, headers, secrets, now)
    except Unauthenticated as error:
        refusal = (error.code, error.message, error.field, error.status)
    assert refusal in (None, REFUSAL)
    return refusal is not None


@pytest.mark.parametrize("scheme", SCHEMES)
class TestEveryScheme:
    def test_accepts_what_it_signs(self, scheme: str) -> None:
        assert not refused(scheme, sign(scheme, BODY, SECRET, NOW))

    def test_refuses_a_changed_body(self, scheme: str) -> None:
        assert refused(scheme, sign(scheme, BODY, SECRET, NOW), body=BODY + b" ")

    def test_refuses_another_secret(self, scheme: str) -> None:
        assert refused(scheme, sign(scheme, BODY, OTHER, NOW))

    def test_refuses_everything_without_secrets(self, scheme: str) -> None:
        assert refused(scheme, sign(scheme, BODY, SECRET, NOW), secrets=())
        assert refused(scheme, sign(scheme, BODY, b"", NOW), secrets=())

    @pytest.mark.parametrize("secret", [SECRET, OTHER])
    def test_accepts_both_secrets_while_one_is_rotated(self, scheme: str, secret: bytes) -> None:
        assert not refused(scheme, sign(scheme, BODY, secret, NOW), secrets=(OTHER, SECRET))

    def test_refuses_a_missing_header(self, scheme: str) -> None:
        good = sign(scheme, BODY, SECRET, NOW)
        for missing in good:
            assert refused(scheme, {name: value for name, value in good.items() if name != missing})

    @pytest.mark.parametrize(
        "value", ["", " ", "caf\xe9", "sha256=\xe9", "\u0661\u0662", "v0=\ud800", "t=\xb2,v1=\xb2"]
    )
    def test_refuses_a_strange_header(self, scheme: str, value: str) -> None:
        good = sign(scheme, BODY, SECRET, NOW)
        for name in good:
            assert refused(scheme, {**good, name: value})

    def test_refuses_a_signature_cut_short(self, scheme: str) -> None:
        good = sign(scheme, BODY, SECRET, NOW)
        name = next(iter(good))  # the signature comes first
        assert refused(scheme, {**good, name: good[name][:-1]})
        assert refused(scheme, {**good, name: good[name] + "0"})

    def test_refuses_the_headers_of_every_other_scheme(self, scheme: str) -> None:
        for other in set(SCHEMES) - {scheme}:
            if {scheme, other} != {"stripe", "generic"}:
                assert refused(scheme, sign(other, BODY, SECRET, NOW))

    @given(st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=80), max_size=4), st.binary(max_size=40))
    def test_refuses_arbitrary_headers(self, scheme: str, headers: dict[str, str], body: bytes) -> None:
        assert refused(scheme, headers, body)

    @given(st.sampled_from(STAMPS), st.text("t=v1,0 sha256=abcdef+/", max_size=90))
    def test_refuses_a_forgery_with_a_plausible_time(self, scheme: str, stamp: str, forged: str) -> None:
        headers = {name: stamp if "timestamp" in name else forged for name in HEADERS}
        assert refused(scheme, headers)
        assert refused(scheme, {**headers, "stripe-signature": f"t={stamp},v1={forged}"})


@pytest.mark.parametrize("scheme", DATED)
@pytest.mark.parametrize(("seconds", "expected"), [(-301, True), (-300, False), (300, False), (301, True)])
def test_replay_window_is_five_minutes_both_ways(scheme: str, seconds: int, expected: bool) -> None:
    assert refused(scheme, sign(scheme, BODY, SECRET, NOW + timedelta(seconds=seconds))) is expected


@pytest.mark.parametrize("scheme", ["jira", "github"])
def test_scheme_without_a_time_accepts_old_signatures(scheme: str) -> None:
    assert not refused(scheme, sign(scheme, BODY, SECRET, NOW - timedelta(days=9)))


def test_time_of_a_signature_cannot_be_moved() -> None:
    old = sign("slack", BODY, SECRET, NOW - timedelta(hours=1))
    assert refused("slack", {**old, "x-slack-request-timestamp": str(int(NOW.timestamp()))})
    zendesk = sign("zendesk", BODY, SECRET, NOW - timedelta(hours=1))
    assert refused("zendesk", {**zendesk, "x-zendesk-webhook-signature-timestamp": NOW.isoformat()})
    _, _, v1 = sign("stripe", BODY, SECRET, NOW - timedelta(hours=1))["stripe-signature"].partition(",")
    assert refused("stripe", {"stripe-signature": f"t={int(NOW.timestamp())},{v1}"})


def test_slack_sdk_accepts_what_we_sign_and_signs_what_we_accept() -> None:
    now = datetime.now(UTC)  # the libraries look at the clock themselves
    verifier, stamp = SignatureVerifier(SECRET.decode()), str(int(now.timestamp()))
    assert verifier.is_valid_request(BODY, sign("slack", BODY, SECRET, now))
    theirs = verifier.generate_signature(timestamp=stamp, body=BODY)
    assert theirs is not None
    assert not refused("slack", {"x-slack-signature": theirs, "x-slack-request-timestamp": stamp}, now=now)


def test_stripe_library_accepts_what_we_sign_and_signs_what_we_accept() -> None:
    now = datetime.now(UTC)  # the libraries look at the clock themselves
    secret = SECRET.decode()
    header = sign("stripe", BODY, SECRET, now)["stripe-signature"]
    assert stripe.WebhookSignature.verify_header(BODY.decode(), header, secret, tolerance=300)
    theirs = stripe.WebhookSignature.generate_signature_header(BODY.decode(), secret, int(now.timestamp()))
    assert not refused("stripe", {"stripe-signature": theirs}, now=now)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_stripe_library_and_slack_sdk_agree_on_every_body(text: str) -> None:
    now = datetime.now(UTC)  # the libraries look at the clock themselves
    body = text.encode()
    header = sign("stripe", body, SECRET, now)["stripe-signature"]
    assert stripe.WebhookSignature.verify_header(text, header, SECRET.decode(), tolerance=300)
    assert SignatureVerifier(SECRET.decode()).is_valid_request(body, sign("slack", body, SECRET, now))


def test_stripe_takes_any_v1_and_never_v0() -> None:
    stamp, _, v1 = sign("stripe", BODY, SECRET, NOW)["stripe-signature"].partition(",")
    assert not refused("stripe", {"stripe-signature": f"{stamp},v1={'0' * 64},{v1},v0=x"})
    assert refused("stripe", {"stripe-signature": f"{stamp},{v1.replace('v1', 'v0')}"})
    assert refused("stripe", {"stripe-signature": f"{v1}"})


def test_github_signature_equals_the_one_in_its_documentation() -> None:
    # "Validating webhook deliveries", section "Testing the webhook payload validation".
    headers = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    assert not refused("github", headers, b"Hello, World!", (b"It's a Secret to Everybody",))


def test_zendesk_signature_is_base64_of_time_and_body() -> None:
    stamp = NOW.isoformat()
    digest = hmac.new(SECRET, stamp.encode() + BODY, hashlib.sha256).digest()
    headers = {
        "x-zendesk-webhook-signature": base64.b64encode(digest).decode(),
        "x-zendesk-webhook-signature-timestamp": stamp,
    }
    assert not refused("zendesk", headers)


def test_unknown_scheme_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="carrier_pigeon"):
        sign("carrier_pigeon", BODY, SECRET, NOW)
