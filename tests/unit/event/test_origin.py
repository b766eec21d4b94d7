"""Where events come from, as people name it: ticket, way back, subject; and what is no way anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.event.origin import headline, origin, safe_url
from shared.event.payload import view
from shared.task.ticket import ticket_of

WEBHOOKS = Path(__file__).parents[2] / "data" / "webhooks"
SLACK = "https://slack.com/app_redirect?team=T024BE7LD&channel=C0OPS0001&message_ts=1763981954.000102"


@pytest.mark.parametrize(
    ("name", "number", "url", "title"),
    [
        ("zendesk_ticket_created", "565345", "", "What is this extra €1 fee about?"),
        ("zendesk_comment_added", "5158", "", "Refund for order #10021"),
        ("jira_issue_updated", "OPS-312", "https://example.atlassian.net/browse/OPS-312", "Refund for order #10021"),
        (
            "jira_comment_created",
            "OPS-312",
            "https://example.atlassian.net/browse/OPS-312?focusedCommentId=252789",
            "Refund for order #10021",
        ),
        (
            "github_issue_comment",
            "example/shop#7",
            "https://github.com/example/shop/issues/7",
            "Refund for order #10021",
        ),
        ("slack_message", "", SLACK, ""),
        (
            "stripe_charge_updated",
            "ch_1SVabcLkdIwHu7ix2nXw1xYz",
            "https://dashboard.stripe.com/search?query=ch_1SVabcLkdIwHu7ix2nXw1xYz",
            "",
        ),
    ],
)
def test_vendors_event_names_its_ticket_and_the_way_back(name: str, number: str, url: str, title: str) -> None:
    payload: dict[str, Any] = json.loads((WEBHOOKS / f"{name}.json").read_text())
    source = name.partition("_")[0]
    ticket = ticket_of(source, payload, view(source, payload).texts)
    assert (ticket.number, ticket.url, ticket.title) == (number, url, title)


def test_address_of_zendesk_may_lack_its_scheme_or_come_from_the_settings() -> None:
    told = {"ticket": {"id": 4200, "url": "acme.zendesk.com/agent/tickets/4200"}}
    here = "https://acme.zendesk.com/agent/tickets/4200"
    assert origin("zendesk", told).url == here
    assert origin("zendesk", {"ticket": {"id": 4200}}, "https://acme.zendesk.com/").url == here


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://example.com/1",
        "https://kim@example.com/1",
        "https://example.com/\u202e1",
        "https://example.com/ 1",
        "https://[example.com/1",
        "https://example.com\\@evil.example/1",
        "//example.com/1",
        "https://example.com/" + "1" * 300,
        7,
    ],
)
def test_what_is_no_plain_https_address_is_no_link(url: Any) -> None:
    assert safe_url(url) == ""
    assert origin("helpdesk", {"id": "h1", "link": url}).url == ""


def test_own_help_desk_says_its_number_and_page() -> None:
    found = origin("helpdesk", {"id": 12, "ticket": {"link": "https://desk.example.com/12"}})
    assert (found.number, found.url) == ("12", "https://desk.example.com/12")


def test_headline_is_the_subject_and_how_the_text_begins_and_neither_is_told_twice() -> None:
    title, words = headline({"/subject": "Broken  lamp", "/text": "It\narrived broken. " * 50})
    assert (title, len(words), words[:17]) == ("Broken lamp", 200, "It arrived broken")
    assert headline({"/subject": "Broken", "/text": "Broken"}) == ("Broken", "")
    assert headline({"/text": "Broken"}) == ("", "Broken")


@pytest.mark.parametrize("source", ["zendesk", "jira", "github", "slack", "stripe", "helpdesk"])
@pytest.mark.parametrize("value", [None, 7, "x", [], {"id": {}}, {"id": True, "number": [], "self": 5, "link": {}}])
def test_payload_of_any_shape_names_nothing_it_does_not_say(source: str, value: Any) -> None:
    names = ("ticket", "detail", "issue", "comment", "event", "message", "data", "channel_id", "id", "url", "team")
    ticket = ticket_of(source, dict.fromkeys(names, value), {})
    assert ticket.url == "" or ticket.url.startswith("https://")
