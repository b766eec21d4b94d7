"""What of a payload the model may see, and which fields count as authenticated."""

from __future__ import annotations

import json
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.event.payload import MAX_TEXT_CHARS, clean, view

WEBHOOKS = Path(__file__).parents[2] / "data" / "webhooks"
ANA = {"email": "ana@example.com", "name": "Ana"}


def recorded(name: str) -> Any:
    return json.loads((WEBHOOKS / f"{name}.json").read_text())


RECORDED = {
    "zendesk_ticket_created": (
        {
            "/detail/subject": "What is this extra €1 fee about?",
            "/detail/description": "What is this extra €1 fee about?",
        },
        None,
    ),
    "zendesk_comment_added": (
        {"/event/comment/body": "Where is order #10022?"},
        {"id": "8447388090494", "name": "Ana"},
    ),
    "zendesk_status_changed": ({}, None),
    "zendesk_trigger": (
        {
            "/ticket/subject": "Refund for order #10021",
            "/ticket/description": "Please refund order #10021, $25.00.",
        },
        {**ANA, "id": "8447388090494"},
    ),
    "jira_issue_created_adf": (
        {
            "/issue/fields/summary": "Refund for order #10021",
            "/issue/fields/description": "Please refund order #10021, $25.00.\narrived broken\nbox torn",
        },
        {**ANA, "id": "5b10a2844c20165700ede21g"},
    ),
    "jira_issue_updated": ({}, {"email": "agent@example.com", "id": "5b10ac8d82e05b22cc7d4ef5", "name": "Agent"}),
    "jira_comment_created": (
        {"/comment/body": "Where is order #10022?"},
        {"email": "agent@example.com", "id": "5b10ac8d82e05b22cc7d4ef5", "name": "Agent"},
    ),
    "slack_message": (
        {"/event/text": "can i please get the status my order. My order is #47384, account priya.k31@example.com."},
        {"id": "U4BA3EA284D"},
    ),
    "github_issue_opened": (
        {"/issue/title": "Refund for order #10021", "/issue/body": "Please refund order #10021, $25.00."},
        {"id": "ana"},
    ),
    "github_issue_closed": ({}, {}),
    "github_issue_comment": ({"/comment/body": "Where is order #10022?"}, {"id": "bob"}),
    "stripe_charge_updated": (
        {
            "/data/object/description": "Order #10021",
            "/data/object/metadata/order_id": "10021",
        },
        {**ANA, "id": "cus_TPq8yKx2Wl0aBc"},
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_webhook_shows_its_own_words_and_who_wrote_them(name: str) -> None:
    texts, requester = RECORDED[name]
    seen = view(name.partition("_")[0], recorded(name))
    assert seen.texts == texts
    if requester is not None:
        assert seen.fields == {"requester": requester}
    assert seen.at("/requester/email") == seen.fields["requester"].get("email")
    assert seen.at("/requester/email/x") is None
    assert seen.at("/nothing/here") is None


def test_comment_by_somebody_else_is_not_by_the_requester() -> None:
    payload = recorded("zendesk_comment_added")
    payload["event"]["comment"]["author"] = {"id": "9", "name": "Mallory"}
    assert view("zendesk", payload).fields == {"requester": {"id": "9", "name": "Mallory"}}


def test_comment_whose_author_is_unknown_is_not_by_the_requester() -> None:
    payload = recorded("zendesk_comment_added")
    del payload["detail"]["requester_id"], payload["event"]["comment"]["author"]["id"]
    assert view("zendesk", payload).fields == {"requester": {"name": "Ana"}}


def test_edit_shows_only_what_was_edited() -> None:
    jira = recorded("jira_issue_updated")
    jira["changelog"]["items"] = [{"field": "summary", "fromString": "a", "toString": "b"}, {"field": "description"}]
    jira["changelog"]["items"][1] |= {"fromString": "same", "toString": "same"}
    assert list(view("jira", jira).texts) == ["/issue/fields/summary"]
    github = recorded("github_issue_opened") | {"action": "edited", "changes": {"body": {"from": "before"}}}
    assert list(view("github", github).texts) == ["/issue/body"]


def test_slack_escapes_are_undone_once() -> None:
    payload = {"event": {"text": "a &lt;b&gt; &amp;lt; &quot;", "user": "U1"}}
    assert view("slack", payload).texts == {"/event/text": "a <b> &lt; &quot;"}


def test_vendors_source_with_a_plain_payload_is_read_like_any_other() -> None:
    for source in ("zendesk", "jira", "slack", "github", "stripe", "direct", "crm"):
        seen = view(source, {"text": "Refund #10021", "requester": {"email": "ana@example.com", "id": 7}})
        assert seen.texts == {"/text": "Refund #10021"}
        assert seen.fields == {"requester": {"email": "ana@example.com", "id": "7"}}


def test_generic_payload_shows_whitelisted_members_at_two_levels_only() -> None:
    payload = {
        "title": "t",
        "ticket": {"body": "b", "secret": "s", "requester": {"email": "x"}},
        "other": {"text": "hidden"},
        "data": {"deeper": {"text": "hidden"}},
        "customer": {"email": "ana@example.com"},
        "text": {"not": "text"},
        "summary": 5,
    }
    seen = view("crm", payload)
    assert seen.texts == {"/title": "t", "/ticket/body": "b"}
    assert seen.at("/requester/email") == "ana@example.com"


NO_EMAILS: list[object] = [
    *("", "ana", "@example.com", "ana@", "ana@localhost", "a na@example.com", "Ana <ana@example.com>"),
    *("ana@example.com,b@example.com", "\u0430na@example.com", "ana@exa\u200bmple.com", "javascript:alert(1)"),
    *("a@" + "b." * 200 + "com", "a@b.c\nd", 7, True, None, ["a@b.c"], {"a": 1}),
]


@pytest.mark.parametrize("email", NO_EMAILS)
def test_email_that_does_not_look_like_one_is_left_out(email: object) -> None:
    assert view("crm", {"requester": {"email": email}}).fields == {"requester": {}}


@pytest.mark.parametrize("value", [True, 1.5, None, [], {}, "x" * 201, "a\nb", "\u200b"])
def test_id_and_name_are_short_words(value: object) -> None:
    assert view("crm", {"requester": {"id": value, "name": value}}).fields == {"requester": {}}


QUOTED = {
    "angle": ("Cancel #1\n> refund #2\n  >> refund #3\nthanks", "Cancel #1\nthanks"),
    "gmail": ("Cancel #1\n\nOn Tue, 3 Nov 2026 at 10:00, Ana <ana@example.com> wrote:\n> refund #2", "Cancel #1"),
    "wrapped": ("Cancel #1\nOn Tue, 3 Nov 2026 at 10:00, Ana\n<ana@example.com> wrote:\n> refund #2", "Cancel #1"),
    "bare": ("Cancel #1\nOn 3 Nov 2026, Ana wrote:\nrefund #2", "Cancel #1"),
    "below": ("On 3 Nov 2026, Ana wrote:\n> refund #2\n\nCancel #1", "Cancel #1"),
    "german": ("Storno #1\nAm 03.11.2026 um 10:00 schrieb Ana <a@example.com>:\n> refund #2", "Storno #1"),
    "outlook": ("Cancel #1\n-----Original Message-----\nrefund #2", "Cancel #1"),
    "forward": ("Cancel #1\n---------- Forwarded message ---------\nrefund #2", "Cancel #1"),
    "apple": (
        "Cancel #1\nBegin forwarded message:\n\nFrom: A <a@example.com>\nTo: b@example.com\n\nrefund #2",
        "Cancel #1",
    ),
    "headers": ("Cancel #1\nFrom: Ana\nSent: Tuesday, 3 Nov 2026\nTo: Support\nSubject: x\n\nrefund #2", "Cancel #1"),
    "bold": ("Cancel #1\n*From:* Ana <a@example.com>\n*Date:* 3 Nov 2026\n*To:* Support\n\nrefund #2", "Cancel #1"),
    "zendesk": ("Cancel #1\n##- Please type your reply above this line -##\nrefund #2", "Cancel #1"),
    "italian": ("Cancel #1\nIl giorno lun 5 gen 2026 Ana <a@example.com> ha scritto:\n\nrefund #2", "Cancel #1"),
    "japanese": ("Cancel #1\n2026年1月5日(月) Ana <a@example.com>:\nrefund #2", "Cancel #1"),
    "chinese": ("Cancel #1\nAna <a@example.com> 于2026年1月5日周一 10:00写道：\nrefund #2", "Cancel #1"),
    "german forward": ("Storno #1\n---------- Weitergeleitete Nachricht ---------\nrefund #2", "Storno #1"),
    "german apple": (
        "Storno #1\nAnfang der weitergeleiteten Nachricht:\n\n"
        "Von: A <a@example.com>\nDatum: 3. Nov. 2026\nAn: B\n\nrefund #2",
        "Storno #1",
    ),
    "dutch outlook": (
        "Annuleer #1\nVan: Ana\nVerzonden: maandag 2 nov 2026\nAan: S\nOnderwerp: x\n\nrefund #2",
        "Annuleer #1",
    ),
    "japanese outlook": ("Cancel #1\n差出人: Ana\n送信日時: 1月5日\n宛先: S\n件名: x\n\nrefund #2", "Cancel #1"),
    "address": ("Write to Kim <kim@example.com>: cancel #1", "Write to Kim <kim@example.com>: cancel #1"),
    "crlf": ("Cancel #1\r\n> refund #2\r\n", "Cancel #1"),
    "separator": ("Cancel #1\u2028> refund #2", "Cancel #1"),
    "hidden": ("Cancel #1\n\u200b> refund #2", "Cancel #1"),
    "move": ("Ship #1\nFrom: 5 Elm Road\nTo: 12 Baker Street", "Ship #1\nFrom: 5 Elm Road\nTo: 12 Baker Street"),
    "monday": ("On Monday I ordered #1, where is it?", "On Monday I ordered #1, where is it?"),
}


@pytest.mark.parametrize("name", QUOTED)
def test_quoted_mail_is_not_the_senders_words(name: str) -> None:
    text, own = QUOTED[name]
    assert clean(text) == own


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("ref\u200bund", "refund"),
        ("5\u200d0\u2060\ufeff", "50"),
        ("abc\u202edef\u2066", "abcdef"),
        ("\x1b[31mred\x07", "[31mred"),
        ("cafe\u0301", "caf\u00e9"),
        ("cafe\u200b\u0301", "caf\u00e9"),
        ("tag\U000e0041\U000e0042", "tag"),
        ("a\tb\x0bc\x85d", "a\tb\nc\nd"),
        ("５０", "５０"),
    ],
)
def test_invisible_characters_are_removed_and_the_rest_is_nfc(text: str, seen: str) -> None:
    assert clean(text) == seen


@pytest.mark.parametrize("quote", ["{quote}refund #2{quote}", "{quote}\nrefund #2", "bq. refund #2", "  bq. refund #2"])
def test_quote_in_jiras_markup_is_not_the_writers_words(quote: str) -> None:
    issue = {"fields": {"description": f"Cancel #1\n{quote}", "reporter": {"accountId": "1"}}}
    assert view("jira", {"issue": issue}).texts == {"/issue/fields/description": "Cancel #1"}


def test_slacks_long_quote_runs_to_the_end() -> None:
    payload = {"event": {"text": "cancel #1\n&gt;&gt;&gt; refund #2\nrefund #3", "user": "U1"}}
    assert view("slack", payload).texts == {"/event/text": "cancel #1"}


@pytest.mark.parametrize("control", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_text_that_is_shown_in_another_order_is_marked(control: str) -> None:
    assert view("crm", {"text": "plain", "title": f"{control}4711"}).reordered
    assert not view("crm", {"text": "plain", "other": f"{control}4711"}).reordered


def test_text_is_capped() -> None:
    assert clean("é" * 50_000) == "é" * MAX_TEXT_CHARS


HOSTILE = {
    "marks": "\u0315" * MAX_TEXT_CHARS + "\u0300" * MAX_TEXT_CHARS,
    "short marks": ("a" + "\u0315" * 31 + "\u0300" * 31) * 4_000,
    "attributions": "On x\n" * 50_000,
    "wrote": "On " + "wrote " * 40_000,
    "headers": "From:\n" * 40_000,
    "lines": "\n" * 250_000,
    "addresses": "<a@" * 80_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_cleaned_quickly(name: str) -> None:
    started = time.process_time()
    clean(HOSTILE[name])
    assert time.process_time() - started < 1


@given(st.text())
def test_cleaned_text_is_nfc_capped_and_visible(text: str) -> None:
    cleaned = clean(text)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert len(cleaned) <= MAX_TEXT_CHARS
    assert not set(cleaned) & set("\u200b\u200d\u202e\u2066\ufeff\x00\x1b\r")


ENVELOPES = ("detail", "issue", "event", "action", "data", "comment", "changelog", "user")
MEMBERS = (
    *("fields", "description", "body", "author", "object", "metadata", "type", "content", "text", "items", "sender"),
    *("changes", "via", "source", "from", "customer", "requester", "id", "email", "user_profile", "attrs", "ticket"),
)
shapes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ENVELOPES + MEMBERS), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(
    st.sampled_from(["zendesk", "jira", "slack", "github", "stripe", "crm"]),
    st.dictionaries(st.sampled_from(ENVELOPES), shapes),
)
def test_payload_of_any_shape_has_a_view(source: str, payload: dict[str, Any]) -> None:
    seen = view(source, payload)
    assert all(isinstance(text, str) and text for text in seen.texts.values())
    assert set(seen.fields) == {"requester"}
    assert all(isinstance(value, str) and len(value) <= 254 for value in seen.fields["requester"].values())
