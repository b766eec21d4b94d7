"""Who wrote an event's words, as the platform authenticated them, and at which account of ours."""

from __future__ import annotations

from typing import Any

import pytest

from shared.event.payload import read
from shared.event.requester import Author, author_of, vouched

ZENDESK = {
    "type": "zen:event-type:ticket.created",
    "account_id": 12514403,
    "detail": {"id": "5158", "subject": "Order", "description": "Where is it?", "requester_id": "8447388090494"},
    "event": {},
}
JIRA = {
    "webhookEvent": "jira:issue_created",
    "issue": {
        "self": "https://acme.atlassian.net/rest/api/2/issue/1",
        "fields": {"summary": "Order", "reporter": {"accountId": "5b10ac"}},
    },
}


def slack(**event: Any) -> dict[str, Any]:
    return {"team_id": "T1", "event": {"type": "message", "user": "U1", "text": "Where is order #47384?", **event}}


@pytest.mark.parametrize(
    ("source", "payload", "author"),
    [
        ("zendesk", ZENDESK, Author("zendesk", "12514403", "8447388090494")),
        ("jira", JIRA, Author("jira", "acme.atlassian.net", "5b10ac")),
        ("slack", slack(), Author("slack", "T1", "U1")),
        ("slack", slack(user_team="T1", team="T1"), Author("slack", "T1", "U1")),
        ("slack", {"command": "/ask", "text": "x", "team_id": "T1", "user_id": "U1"}, Author("slack", "T1", "U1")),
        (
            "slack",
            {"type": "message_action", "team": {"id": "T1"}, "user": {"id": "U1"}, "message": {"user": "U2"}},
            Author("slack", "T1", "U2"),
        ),
        (
            "helpdesk",
            {"text": "x", "requester": {"email": "kim@example.com", "id": "u1"}},
            Author("helpdesk", "", "u1", "kim@example.com"),
        ),
    ],
)
def test_author_is_the_account_that_the_platform_names(source: str, payload: dict[str, Any], author: Author) -> None:
    assert author_of(source, read(source, payload)) == author


@pytest.mark.parametrize("team", ["user_team", "source_team", "team"])
def test_somebody_of_another_workspace_is_nobody_here(team: str) -> None:
    assert author_of("slack", read("slack", slack(**{team: "T2"}))) is None


@pytest.mark.parametrize("payload", [{}, {"text": "x"}, {"event": {"text": "x"}}, {"team_id": "T1", "event": []}])
def test_event_that_names_nobody_has_no_author(payload: dict[str, Any]) -> None:
    assert author_of("slack", read("slack", payload)) is None


@pytest.mark.parametrize("site", [None, 7, [], "http://[::", {}])
def test_odd_site_is_no_site(site: Any) -> None:
    payload = {**JIRA, "issue": {"fields": JIRA["issue"]["fields"], "self": site}}  # type: ignore[index]
    author = author_of("jira", read("jira", payload))
    assert author is not None
    assert author.site == ""


def test_address_that_was_found_elsewhere_says_who_named_it_and_keeps_the_rest() -> None:
    known = vouched({"id": "U1", "email": ""}, "kim@example.com", "the users API of slack " + "x" * 300)
    assert (known["id"], known["email"]) == ("U1", "kim@example.com")
    assert known["vouched_by"].startswith("the users API of slack")
    assert len(known["vouched_by"]) == 200
