"""Which words are new in which event: one row for each kind of event that vendors send, in their documented shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.intake.taking import Ignored, take
from shared.event.payload import fact_id, read, view
from shared.event.reading import Payload

ASKED = "Please refund order #10021, $25.00."
ANSWER = "Where is order #10022?"
ANA = {"id": 7, "login": "ana", "type": "User"}
REPOSITORY = {"id": 5, "full_name": "example/shop"}
ISSUE = {"id": 1, "title": "Refund", "body": ASKED, "user": ANA}
COMMENT = {"id": 9, "body": ANSWER, "user": ANA, "updated_at": "2026-11-20T11:15:00Z"}


def github(action: str | None, **members: Any) -> dict[str, Any]:
    """Return an event of a repository."""
    return ({"action": action} if action else {}) | members | {"repository": REPOSITORY, "sender": ANA}


GITHUB: dict[str, tuple[Payload, tuple[str, ...] | str]] = {
    "issues.opened": (github("opened", issue=ISSUE), ("/issue/title", "/issue/body")),
    "issues.opened by a transfer": (github("opened", issue=ISSUE, changes={"old_issue": ISSUE}), "no_words"),
    "issues.edited": (github("edited", issue=ISSUE, changes={"body": {"from": "before"}}), ("/issue/body",)),
    "issues.edited, nothing named": (github("edited", issue=ISSUE, changes={}), "no_words"),
    "issues.edited, the same": (github("edited", issue=ISSUE, changes={"body": {"from": ASKED}}), "no_words"),
    "issues.labeled": (github("labeled", issue=ISSUE, label={"name": "refund this one now"}), "no_words"),
    "issues.transferred": (github("transferred", issue=ISSUE), "no_words"),
    "issue_comment.created": (github("created", issue=ISSUE, comment=COMMENT), ("/comment/body",)),
    "issue_comment.edited": (
        github("edited", issue=ISSUE, comment=COMMENT, changes={"body": {"from": "x"}}),
        ("/comment/body",),
    ),
    "issue_comment.created by a bot": (
        github("created", issue=ISSUE, comment=COMMENT | {"user": {"login": "helper[bot]", "type": "Bot"}}),
        "bot",
    ),
    "pull_request_review.submitted": (
        github("submitted", pull_request=ISSUE, review={"id": 3, "body": ANSWER, "user": ANA}),
        ("/review/body",),
    ),
    "discussion.created": (github("created", discussion=ISSUE), ("/discussion/title", "/discussion/body")),
    "discussion_comment.created": (github("created", discussion=ISSUE, comment=COMMENT), ("/comment/body",)),
    "star.created": (github("created", starred_at="2026-11-20T11:15:00Z"), "no_words"),
    "push": (github(None, ref="refs/heads/main", commits=[{"message": "refund all of the orders"}]), "no_words"),
    "create": (github(None, ref="v1", description="A shop that refunds what you want"), "no_words"),
    "check_run.completed": (github("completed", check_run={"output": {"summary": ASKED}}), "no_words"),
}

AUTHOR = {"accountId": "5b1", "emailAddress": "ana@example.com", "displayName": "Ana", "accountType": "atlassian"}
FIELDS = {"summary": "Refund", "description": ASKED, "reporter": AUTHOR, "creator": AUTHOR}
JIRA_ISSUE = {"id": "33", "self": "https://example.atlassian.net/rest/api/3/issue/33", "fields": FIELDS}
SAID = {
    "id": "252",
    "self": "https://example.atlassian.net/rest/api/3/issue/33/comment/252",
    "body": ANSWER,
    "author": AUTHOR,
    "updateAuthor": AUTHOR,
    "created": "1",
    "updated": "1",
}
ISSUE_WORDS = ("/issue/fields/summary", "/issue/fields/description")


def jira(event: str | None, **members: Any) -> dict[str, Any]:
    """Return an event of a site."""
    return ({"webhookEvent": event} if event else {}) | {"timestamp": 1} | members


def changed(field: str, before: str = "a", after: str = "b") -> dict[str, Any]:
    """Return the changelog of one field."""
    return {"id": "31", "items": [{"field": field, "fromString": before, "toString": after}]}


JIRA: dict[str, tuple[Payload, tuple[str, ...] | str]] = {
    "issue_created": (jira("jira:issue_created", issue=JIRA_ISSUE), ISSUE_WORDS),
    "issue_updated, status": (
        jira("jira:issue_updated", issue=JIRA_ISSUE, user=AUTHOR, changelog=changed("status")),
        "no_words",
    ),
    "issue_updated, description": (
        jira("jira:issue_updated", issue=JIRA_ISSUE, user=AUTHOR, changelog=changed("description")),
        ("/issue/fields/description",),
    ),
    "comment_created": (jira("comment_created", issue=JIRA_ISSUE, comment=SAID), ("/comment/body",)),
    "comment_created without its issue": (jira("comment_created", comment=SAID), ("/comment/body",)),
    "comment inside issue_updated": (
        jira("jira:issue_updated", issue=JIRA_ISSUE, comment=SAID, changelog=changed("status")),
        ("/comment/body",),
    ),
    "comment_updated": (
        jira("comment_updated", issue=JIRA_ISSUE, comment=SAID | {"updated": "2"}),
        ("/comment/body",),
    ),
    "comment of an app": (
        jira("comment_created", comment=SAID | {"author": AUTHOR | {"accountType": "app"}}),
        "bot",
    ),
    "internal note": (jira("comment_created", comment=SAID | {"jsdPublic": False}), "private_note"),
    "workflow transition": (
        jira(None, transition={"to_status": "Resolved"}, comment="", user=AUTHOR, issue=JIRA_ISSUE),
        "no_words",
    ),
    "workflow transition with a comment": (
        jira(None, transition={"to_status": "Resolved"}, comment=ANSWER, user=AUTHOR, issue=JIRA_ISSUE),
        ("/comment",),
    ),
    "automation": (jira(None, issue=JIRA_ISSUE), ISSUE_WORDS),
    "sprint_started": (jira("sprint_started", sprint={"goal": "refund all of the orders"}), "no_words"),
}


def slack(**event: Any) -> dict[str, Any]:
    """Return a callback of the Events API."""
    told = {"type": "message", "channel": "C1", "user": "U1", "ts": "1.1"} | event
    return {"type": "event_callback", "team_id": "T1", "event": told}


BLOCKS = [
    {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [{"type": "text", "text": "Where is "}, {"type": "text", "text": "#1?"}],
            },
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": "refund #2"}]},
        ],
    }
]
SLACK: dict[str, tuple[Payload, tuple[str, ...] | str]] = {
    "message": (slack(text=ANSWER), ("/event/text",)),
    "app_mention": (slack(type="app_mention", text=ANSWER), ("/event/text",)),
    "only blocks": (slack(text="", blocks=BLOCKS), ("/event/blocks",)),
    "only attachments": (slack(text="", attachments=[{"text": ANSWER}]), ("/event/attachments",)),
    "a bot's": (slack(text=ANSWER, bot_id="B1"), "bot"),
    "Slackbot's reminder": (slack(text=ANSWER, user="USLACKBOT"), "bot"),
    "a workflow's form": (
        slack(subtype="bot_message", text=ANSWER, bot_id="B1", bot_profile={"is_workflow_bot": True}),
        ("/event/text",),
    ),
    "channel_join": (slack(subtype="channel_join", text="<@U1> has joined the channel"), "no_words"),
    "message_changed": (
        slack(
            subtype="message_changed",
            message={"text": ANSWER, "user": "U1", "ts": "1.1"},
            previous_message={"text": "before", "ts": "1.1"},
        ),
        ("/event/message/text",),
    ),
    "message_changed by unfurling": (
        slack(
            subtype="message_changed",
            message={"text": ANSWER, "user": "U1", "ts": "1.1", "attachments": []},
            previous_message={"text": ANSWER, "ts": "1.1"},
        ),
        "no_words",
    ),
    "reaction_added": (slack(type="reaction_added", text="", reaction="thumbsup"), "no_words"),
}

CHARGE = {"id": "ch_1", "object": "charge", "description": ASKED, "metadata": {"note": ANSWER}, "amount_refunded": 0}


def stripe(kind: str, before: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return an event about a charge."""
    data = {"object": CHARGE | more.pop("thing", {})} | ({"previous_attributes": before} if before is not None else {})
    return {"id": "evt_1", "object": "event", "type": kind, "livemode": True, "data": data} | more


STRIPE: dict[str, tuple[Payload, tuple[str, ...] | str]] = {
    "charge.updated, description": (stripe("charge.updated", {"description": "Order"}), ("/data/object/description",)),
    "charge.updated, one label": (
        stripe("charge.updated", {"metadata": {"note": None}}),
        ("/data/object/metadata/note",),
    ),
    "charge.updated, nothing named": (stripe("charge.updated", {"receipt_url": None}), "no_words"),
    "charge.refunded": (stripe("charge.refunded", {"amount_refunded": 0}), "no_words"),
    "charge.succeeded": (stripe("charge.succeeded"), "no_words"),
    "invoice.paid": (stripe("invoice.paid"), "no_words"),
    "customer.created": (stripe("customer.created"), ("/data/object/description", "/data/object/metadata/note")),
    "our own refund, by its mark": (
        stripe("refund.created", thing={"metadata": {"effect_key": "t1.refund_request.1"}}),
        "own_effect",
    ),
    "our own request, by its key": (
        stripe("charge.updated", {"description": "x"}, request={"idempotency_key": "t1.refund_request.1"}),
        "own_effect",
    ),
}

DETAIL = {"id": "5158", "subject": "Refund", "description": ASKED, "requester_id": "8", "submitter_id": "8"}


def zendesk(kind: str, event: dict[str, Any] | None = None, **detail: Any) -> dict[str, Any]:
    """Return an event of an account."""
    return {
        "type": f"zen:event-type:{kind}",
        "account_id": 22,
        "id": "01e",
        "detail": DETAIL | detail,
        "event": event or {},
    }


def wrote(**more: Any) -> dict[str, Any]:
    """Return the event's part of a comment."""
    return {"comment": {"id": "84", "body": ANSWER, "is_public": True, "author": {"id": "8", "is_staff": False}} | more}


BODY = ("/event/comment/body",)
ZENDESK: dict[str, tuple[Payload, tuple[str, ...] | str]] = {
    "ticket.created": (zendesk("ticket.created"), ("/detail/subject", "/detail/description")),
    "ticket.comment_added": (zendesk("ticket.comment_added", wrote()), BODY),
    "comment of staff": (zendesk("ticket.comment_added", wrote(author={"id": "9", "is_staff": True})), "staff"),
    "private note": (zendesk("ticket.comment_added", wrote(is_public=False)), "private_note"),
    "ticket.status_changed": (zendesk("ticket.status_changed", {"current": "SOLVED", "previous": "OPEN"}), "no_words"),
    "ticket.subject_changed": (
        zendesk("ticket.subject_changed", {"current": "Cancel #1", "previous": "Order"}),
        ("/event/current",),
    ),
    "message_added": (
        zendesk(
            "messaging_ticket.message_added",
            {"actor": {"type": "end_user", "id": "u1"}, "message": {"id": "m1", "body": ANSWER}},
        ),
        ("/event/message/body",),
    ),
    "message_added by an agent": (
        zendesk(
            "messaging_ticket.message_added",
            {"actor": {"type": "agent", "id": "u2"}, "message": {"id": "m1", "body": ANSWER}},
        ),
        "bot",
    ),
}

OTHERS: dict[str, tuple[Payload, tuple[str, ...] | str]] = {
    "a form": ({"id": "e1", "message": ANSWER, "customer": {"email": "ana@example.com"}}, ("/message",)),
    "an answer to a ticket": (
        {"id": "e1", "comment": {"body": "Any news?"}, "issue": {"description": ASKED}},
        ("/comment/body",),
    ),
    "nothing that is said": ({"id": "e1", "state": "closed", "at": "2026-11-20"}, "no_words"),
    "words in members nobody named": ({"id": "e1", "wish": ASKED}, ()),
}
ROWS = [
    pytest.param(source, payload, wanted, id=f"{source} {name}")
    for source, table in {
        "github": GITHUB,
        "jira": JIRA,
        "slack": SLACK,
        "stripe": STRIPE,
        "zendesk": ZENDESK,
        "crm": OTHERS,
    }.items()
    for name, (payload, wanted) in table.items()
]


@pytest.mark.parametrize(("source", "payload", "wanted"), ROWS)
def test_event_brings_exactly_the_words_that_are_new_in_it(
    source: str, payload: dict[str, Any], wanted: tuple[str, ...] | str
) -> None:
    taken = take(source, json.loads(json.dumps(payload)))
    if isinstance(wanted, str):
        assert isinstance(taken, Ignored)
        assert taken.reason == wanted
    else:
        assert not isinstance(taken, Ignored)
        assert tuple(view(source, payload).texts) == wanted


def test_words_of_blocks_are_read_in_their_order_without_quotes() -> None:
    assert view("slack", slack(text="", blocks=BLOCKS)).texts == {"/event/blocks": "Where is #1?"}


@pytest.mark.parametrize(
    ("source", "payload", "doubts"),
    [
        ("stripe", stripe("charge.updated", {"description": "x"}, livemode=False), ("test_mode",)),
        ("stripe", stripe("charge.updated", {"description": "x"}, account="acct_9"), ("connected_account",)),
        ("slack", slack(text=ANSWER, user_team="T2"), ("foreign_workspace",)),
        ("slack", slack(text=ANSWER, user_team="T1"), ()),
        ("stripe", stripe("charge.updated", {"description": "x"}), ()),
    ],
)
def test_another_world_is_a_doubt(source: str, payload: dict[str, Any], doubts: tuple[str, ...]) -> None:
    assert read(source, payload).doubts == doubts


def test_words_of_one_are_not_anothers_request() -> None:
    """Whoever creates an issue may name anybody as its reporter; an agent may open a ticket for anybody."""
    mallory = {"accountId": "666", "displayName": "Mallory"}
    issue = JIRA_ISSUE | {"fields": FIELDS | {"creator": mallory}}
    assert view("jira", jira("jira:issue_created", issue=issue)).fields["requester"] == {"id": "666", "name": "Mallory"}
    assert view("zendesk", zendesk("ticket.created", submitter_id="9")).fields["requester"] == {"id": "9"}
    edit = github("edited", issue=ISSUE, changes={"body": {"from": "x"}}) | {"sender": ANA | {"login": "mallory"}}
    assert view("github", edit).fields["requester"] == {"id": "mallory"}


def test_forms_answer_is_not_in_the_customers_name() -> None:
    payload = {"id": "e1", "comment": {"body": "Any news?"}, "customer": {"email": "ana@example.com"}}
    assert view("crm", payload).fields["requester"] == {}


ONE_FACT: dict[str, tuple[str, list[Payload]]] = {
    "jira comment": (
        "jira",
        [
            JIRA["comment_created"][0],
            JIRA["comment inside issue_updated"][0],
            JIRA["comment_created without its issue"][0],
            JIRA["comment_updated"][0],
        ],
    ),
    "jira automation": ("jira", [jira(None, issue=JIRA_ISSUE), jira(None, issue=JIRA_ISSUE | {"status": "Done"})]),
    "slack edit": ("slack", [SLACK["message"][0], SLACK["app_mention"][0], SLACK["message_changed"][0]]),
    "github edit": ("github", [GITHUB["issue_comment.created"][0], GITHUB["issue_comment.edited"][0]]),
    "zendesk first comment": (
        "zendesk",
        [ZENDESK["ticket.created"][0], zendesk("ticket.comment_added", wrote(body=ASKED))],
    ),
}


@pytest.mark.parametrize("name", ONE_FACT)
def test_one_fact_has_one_id_however_it_is_told(name: str) -> None:
    source, payloads = ONE_FACT[name]
    assert len({fact_id(source, read(source, payload), payload) for payload in payloads}) == 1


TWO_FACTS: dict[str, tuple[str, list[Payload]]] = {
    "issue and comment": ("jira", [JIRA["issue_created"][0], JIRA["comment_created"][0]]),
    "two sites": (
        "jira",
        [jira("jira:issue_created", issue=JIRA_ISSUE | {"self": f"https://{s}.example/1"}) for s in ("a", "b")],
    ),
    "two workspaces": ("slack", [slack(text=ANSWER), slack(text=ANSWER) | {"team_id": "T2"}]),
    "two repositories": (
        "github",
        [github("opened", issue=ISSUE), github("opened", issue=ISSUE) | {"repository": {"id": 6}}],
    ),
    "two accounts": ("stripe", [stripe("customer.created"), stripe("customer.created", account="acct_9")]),
    "two wishes in a ticket": (
        "zendesk",
        [
            {"ticket": {"id": "7", "description": ASKED, "updated_at": "May18"}},
            {"ticket": {"id": "7", "description": ANSWER, "updated_at": "May18"}},
        ],
    ),
    "prose that nobody can place": ("crm", [{"deep": {"er": [ASKED]}}, {"deep": {"er": [ANSWER]}}]),
    "a shortcut on a message and on what was made of it": (
        "slack",
        [
            {"type": "message_action", "channel": {"id": "C1"}, "message": {"ts": "1.2", "text": text} | edited}
            for text, edited in ((ASKED, {}), (ANSWER, {"edited": {"user": "U1", "ts": "3.4"}}))
        ],
    ),
    "one comment of an issue and of a pull request": (
        "github",
        [github("created", issue=ISSUE, comment=COMMENT), github("created", pull_request=ISSUE, comment=COMMENT)],
    ),
}


@pytest.mark.parametrize("name", TWO_FACTS)
def test_two_facts_have_two_ids(name: str) -> None:
    source, payloads = TWO_FACTS[name]
    assert len({fact_id(source, read(source, payload), payload) for payload in payloads}) == 2


def test_kind_that_is_no_name_is_not_repeated() -> None:
    taken = take("crm", {"type": "ana@example.com, lost"})
    assert isinstance(taken, Ignored)
    assert taken.kind == "other"
