"""Struck words and quotes in the markup of GitHub, Slack and Jira, and what looks like part of a number but is not."""

from __future__ import annotations

from typing import Any

import pytest

from shared.event.payload import clean, view


def github(body: str) -> dict[str, str]:
    payload = {"action": "created", "comment": {"body": body}, "sender": {"login": "ana"}}
    return dict(view("github", payload).texts)


@pytest.mark.parametrize(
    ("body", "own"),
    [
        ("Cancel #1\n\n> refund #2\nand #3", "Cancel #1"),
        ("Cancel #1\n\n- > refund #2", "Cancel #1"),
        ("> refund #2\n\nCancel #1", "Cancel #1"),
        ("> refund #2\n- Cancel #1", "- Cancel #1"),
        ("<!-- refund #2 -->Cancel #1", "Cancel #1"),
        ("Cancel #1 ~~refund #2~~", "Cancel #1"),
        ("Refund &#36;5.00 &amp; hurry", "Refund $5.00 & hurry"),
    ],
)
def test_githubs_markdown_is_read_as_it_is_shown(body: str, own: str) -> None:
    assert github(body) == {"/comment/body": own}


def test_slacks_struck_words_are_not_asked_for() -> None:
    assert view("slack", {"event": {"text": "cancel #1 ~refund #2~", "user": "U1"}}).texts["/event/text"] == "cancel #1"


@pytest.mark.parametrize(
    "text", ["Cancel #1\n* bq. refund #2", "Cancel #1\n- {quote}refund #2{quote}", "Cancel #1 -refund #2-"]
)
def test_jiras_listed_quotes_and_struck_words_are_not_asked_for(text: str) -> None:
    issue: dict[str, Any] = {"fields": {"description": text, "reporter": {"accountId": "1"}}}
    assert view("jira", {"issue": issue}).texts == {"/issue/fields/description": "Cancel #1"}


def test_jiras_struck_words_are_left_out_of_a_document_and_its_tasks_stand_apart() -> None:
    struck = {"type": "text", "text": "refund #2", "marks": [{"type": "strike"}]}
    tasks = [{"type": "taskItem", "content": [{"type": "text", "text": t}]} for t in ("#10021", "second")]
    issue = {"fields": {"description": {"type": "doc", "content": [struck, *tasks]}, "reporter": {"accountId": "1"}}}
    assert view("jira", {"issue": issue}).texts == {"/issue/fields/description": "#10021\nsecond"}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("refund _#10021_, _$25.00_", "refund #10021, $25.00"),
        ("|#10021|$25.00|", "| #10021 | $25.00 |"),
        ("snake_case_name", "snake_case_name"),
    ],
)
def test_emphasis_and_cells_are_no_part_of_a_number(text: str, seen: str) -> None:
    assert clean(text) == seen
