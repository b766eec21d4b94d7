"""The pure functions behind every way in, against oracles: `json`, the vendors' own libraries, and plainer words."""

from __future__ import annotations

import base64
import json
import math
import unicodedata
from datetime import UTC, datetime
from typing import Any

import stripe
from hypothesis import example, given, settings
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier

from shared.canonical import canonical_json
from shared.errors import BadRequest, Unauthenticated
from shared.event.money import amounts
from shared.event.payload import MAX_TEXT_CHARS, View, view
from shared.event.quotes import own_words
from shared.event.signatures import sign, verify_slack, verify_stripe
from shared.event.strict_json import parse_object
from shared.gate.answer import read_answer
from shared.intent.provenance import check
from shared.serving.push import parse
from shared.settings import Settings
from tests.fuzz import hostile
from tests.fuzz.store import fits
from tests.world import REGISTRY, ticket

bounded = settings(max_examples=150, deadline=None, derandomize=True, database=None)

SECRET = "0123456789abcdef"
SOURCES = ("zendesk", "jira", "slack", "github", "stripe", "helpdesk")
ENVELOPES = ("detail", "issue", "event", "action", "data", "ticket", "comment", "requester", "content", "type", "text")

texts = st.text(max_size=40) | st.sampled_from(hostile.TEXTS)
keys = st.sampled_from(hostile.KEYS) | st.sampled_from(ENVELOPES) | st.text(max_size=5)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=30
)
objects = st.dictionaries(keys, values, max_size=6)
raw_values = st.sampled_from(hostile.NUMBERS) | texts.map(json.dumps) | values.map(json.dumps)


def accepted(body: bytes) -> dict[str, Any] | None:
    """Return what `parse_object` makes of a body, or None where it refuses."""
    try:
        return parse_object(body)
    except BadRequest:
        return None


class TestStrictJson:
    @bounded
    @given(
        st.binary(max_size=60) | texts.map(lambda t: t.encode("utf-8", "surrogatepass")) | raw_values.map(str.encode)
    )
    def test_what_is_accepted_is_what_json_reads(self, body: bytes) -> None:
        value = accepted(body)
        assert value is None or value == json.loads(body)

    @bounded
    @given(st.lists(st.tuples(keys.map(json.dumps), raw_values), max_size=5))
    @example([('"a"', "1"), ('"a"', "2")])
    @example([('"a"', "1e999")])
    def test_accepted_object_can_be_stored_and_written_as_it_was_read(self, members: list[tuple[str, str]]) -> None:
        value = accepted(("{" + ",".join(f"{k}:{v}" for k, v in members) + "}").encode("utf-8", "surrogatepass"))
        if value is not None:
            assert len(value) == len(members)
            assert accepted(canonical_json(value)) == value

    @bounded
    @given(objects)
    def test_sound_object_is_accepted(self, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        assert accepted(body) == (value if _is_sound(value) else None)


def _is_sound(value: Any) -> bool:
    """Return whether a value is one that every later step takes: the rules once more, in the plainest words."""
    if isinstance(value, dict):
        return all(_is_sound(part) for member in value.items() for part in member)
    if isinstance(value, list):
        return all(map(_is_sound, value))
    if isinstance(value, str):
        return "\x00" not in value and not any(unicodedata.category(c) == "Cs" for c in value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return not isinstance(value, float) or math.isfinite(value)


class TestPush:
    @bounded
    @given(st.binary(max_size=300), st.dictionaries(texts, texts, max_size=4), texts.filter(bool), st.datetimes())
    def test_delivery_is_what_was_put_into_the_envelope(
        self, data: bytes, attributes: dict[str, str], message_id: str, at: datetime
    ) -> None:
        at = at.replace(tzinfo=UTC)
        message = {
            "data": base64.b64encode(data).decode(),
            "attributes": attributes,
            "messageId": message_id,
            "publishTime": at.isoformat().replace("+00:00", "Z"),
        }
        delivery = parse(json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode())
        assert (delivery.data, delivery.attributes, delivery.message_id) == (data, attributes, message_id)
        assert (delivery.publish_time, delivery.subscription) == (at, "s")

    @bounded
    @given(objects, objects)
    def test_any_envelope_is_a_delivery_that_can_be_stored_or_refused(self, envelope: Any, message: Any) -> None:
        body = json.dumps(envelope | {"message": {"messageId": "1", "data": ""} | message}).encode()
        try:
            delivery = parse(body)
        except BadRequest:
            return
        fits({"id": delivery.message_id, "subscription": delivery.subscription, "at": delivery.publish_time})
        canonical_json(dict(delivery.attributes)).decode()


class TestAnswer:
    @bounded
    @given(objects | st.fixed_dictionaries({"intent": texts, "parameters": objects, "confidence": scalars}))
    def test_suggestion_can_always_be_stored_and_is_valid_only_if_it_is_the_models(self, answer: Any) -> None:
        text = json.dumps(answer)
        said = read_answer(text, ticket("x"), REGISTRY, Settings())
        fits({"parameters": said.parameters, "confidence": said.confidence, "reasons": list(said.reasons)})
        assert 0 <= said.confidence <= 1
        if said.valid:
            given_ = {k: v for k, v in answer["parameters"].items() if v is not None}
            assert said.intent is REGISTRY[answer["intent"]]
            assert {k: v for k, v in said.parameters.items() if v is not None} == given_
        else:
            assert said.reasons

    @bounded
    @given(st.text(st.characters(), max_size=200))
    def test_any_text_is_an_answer_with_a_reason(self, text: str) -> None:
        assert read_answer(text, ticket("x"), REGISTRY, Settings()).reasons


class TestView:
    @bounded
    @given(st.sampled_from(SOURCES), objects)
    def test_view_shows_only_texts_of_the_payload_and_is_bounded(self, source: str, payload: dict[str, Any]) -> None:
        seen = view(source, payload)
        for pointer, text in seen.texts.items():
            assert 0 < len(text) <= MAX_TEXT_CHARS
            assert isinstance(_at(payload, pointer), str | dict)
        assert set(seen.fields) == {"requester"}
        assert all(isinstance(value, str) for value in seen.fields["requester"].values())


class TestQuotes:
    parts = st.sampled_from(
        (">", "| ", "On 3.11.2026 10:00", " <kim@example.com>", " wrote:", "From: Kim", "---", "a", "")
    )

    @bounded
    @given(st.lists(parts | texts, max_size=30), st.lists(st.sampled_from(("\n", "\n\n", " ", "")), min_size=30))
    def test_lines_are_kept_in_order_and_nothing_vanishes_without_a_flag(
        self, words: list[str], gaps: list[str]
    ) -> None:
        text = "".join(word + gap for word, gap in zip(words, gaps, strict=False))
        reading = own_words(text)
        lines = iter(text.split("\n"))
        assert all(any(shown == line.strip() for line in lines) for shown in map(str.strip, reading.own.split("\n")))
        assert bool(reading.own) == bool(text.strip())
        assert not (reading.only_quotes and reading.maybe)


def _at(payload: Any, pointer: str) -> Any:
    for key in pointer.split("/")[1:]:
        payload = payload[key]
    return payload


class Stopped(Clock):
    """Slack's clock at one moment: however long the suite runs, its five minutes do not pass."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> float:
        return self._at.timestamp()


class TestSignatures:
    """Whatever ours accept, the vendor's library accepts; and what a vendor signs is accepted."""

    NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    parts = st.sampled_from(("t=", "v1=", "v0=", ",", "=", "1", " ", "0" * 64))

    @bounded
    @given(st.text(max_size=50), st.lists(parts, max_size=6), st.booleans())
    def test_stripe(self, body: str, noise: list[str], is_first: bool) -> None:
        good = sign("stripe", body.encode(), SECRET.encode(), self.NOW)["stripe-signature"]
        header = ",".join(["".join(noise), good] if is_first else [good, "".join(noise)])
        if _accepts(verify_stripe, body.encode(), {"stripe-signature": header}, self.NOW):
            assert stripe.WebhookSignature.verify_header(body, header, SECRET, tolerance=10**9)
        else:
            assert noise, "a header of the vendor's is accepted"

    @bounded
    @given(st.text(max_size=50), st.lists(parts, max_size=3), st.lists(parts, max_size=3))
    def test_slack(self, body: str, before: list[str], after: list[str]) -> None:
        signed = sign("slack", body.encode(), SECRET.encode(), self.NOW)
        headers = signed | {"x-slack-signature": "".join([*before, signed["x-slack-signature"], *after])}
        ours = _accepts(verify_slack, body.encode(), headers, self.NOW)
        assert ours == (headers == signed)
        if ours:
            verifier = SignatureVerifier(SECRET, clock=Stopped(self.NOW))
            assert verifier.is_valid_request(body, headers)


def _accepts(verify: Any, body: bytes, headers: dict[str, str], now: datetime) -> bool:
    try:
        verify(body, headers, [SECRET.encode()], now)
    except Unauthenticated:
        return False
    return True


class TestProvenance:
    words = st.sampled_from(
        ("#10021", "10021", "1", "A-1009", "$25.00", "25.00", "5,000", ".", " ", "-", "é", "\u0301", "a")
    )

    @bounded
    @given(st.lists(words, max_size=8).map("".join), words)
    def test_accepted_value_stands_in_the_text_between_other_characters(self, text: str, value: str) -> None:
        seen = View({"/text": text}, {})
        if check({"order_id": value}, REGISTRY["order_status"].parameters, seen):
            return
        token, shown = value.removeprefix("#"), unicodedata.normalize("NFC", text)
        assert any(
            shown[at : at + len(token)] == token
            and not shown[at - 1 : at].isalnum()
            and not shown[at + len(token) : at + len(token) + 1].isalnum()
            for at in range(len(shown))
        )

    @bounded
    @given(st.lists(words | texts, max_size=8).map("".join))
    def test_amount_is_stated_in_its_own_digits(self, text: str) -> None:
        for amount, start, end in amounts(text):
            if amount is not None:
                digits = "".join(c for c in text[start:end] if c.isdigit())
                assert digits.isascii()
                assert amount.minor in (int(digits), int(digits) * 100)
