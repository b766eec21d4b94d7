"""Decisions in Google Chat: the card, its dialogs, and whose events are taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
from google.auth.exceptions import RefreshError

from functions.chat import google_chat
from shared.chat.card import Press
from shared.chat.google_chat import PRESS
from shared.chats import GOOGLE_CHAT_CALLER, Chats
from shared.gate.doors import seen as look_of
from shared.intent.outcomes import NotApplied
from shared.serving.google_tokens import email_of_google_token
from shared.task.schemas import AutomationTask
from shared.wiring.chats import soon
from tests.contract.chat.screens import SPACE, Room, odd_ones
from tests.contract.google import FakeGoogle
from tests.world import CHANGE_ADDRESS, REFUND, paused

AUDIENCE = "https://chat.example.com/google-chat"
CHATS = Chats(google_chat_space=SPACE, google_chat_audience=AUDIENCE)
JO = {"name": "users/1", "type": "HUMAN", "email": "jo@example.com"}


@pytest.fixture(scope="module")
def google() -> FakeGoogle:
    return FakeGoogle()


@pytest.fixture(autouse=True)
def _keys(google: FakeGoogle, monkeypatch: pytest.MonkeyPatch) -> None:
    check = partial(email_of_google_token, certificates=google.certificates)
    monkeypatch.setattr(google_chat, "email_of_google_token", check)


async def room(case: tuple[AutomationTask, Any] = REFUND) -> Room:
    """Return a room in which the card of a task that waits is on the screen."""
    made = Room(await paused(case, chats=CHATS))
    assert await made.show() == {"cards": "1 posted, 0 drawn anew"}
    return made


def widgets(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = message["cardsV2"][0]["card"]["sections"][0]["widgets"]
    return found


def dialog(answer: httpx.Response) -> list[dict[str, Any]]:
    action = answer.json()["actionResponse"]["dialogAction"]
    found: list[dict[str, Any]] = action["dialog"]["body"]["sections"][0]["widgets"]
    return found


def said(answer: httpx.Response) -> dict[str, str]:
    status: dict[str, str] = answer.json()["actionResponse"]["dialogAction"]["actionStatus"]
    return status


async def click(
    made: Room, google: FakeGoogle, name: str, typed: Mapping[str, str] | None = None, **changes: Any
) -> httpx.Response:
    """Press a button, or, with what was `typed`, the button of its dialog."""
    [(place, message)] = made.desk.screens.messages.items()
    buttons = next(w["buttonList"]["buttons"] for w in widgets(message) if "buttonList" in w)
    found = next(b for b in buttons if b["onClick"].get("action", {}).get("function") == name)
    event = {
        "type": "CARD_CLICKED",
        "user": JO,
        "message": {"name": place},
        "action": {"actionMethodName": name, "parameters": found["onClick"]["action"]["parameters"]},
        "isDialogEvent": True,
        "dialogEventType": "REQUEST_DIALOG" if typed is None else "SUBMIT_DIALOG",
        "common": {"formInputs": {n: {"stringInputs": {"value": [v]}} for n, v in (typed or {}).items()}},
    }
    token = google.token(**{"aud": AUDIENCE, "email": GOOGLE_CHAT_CALLER} | changes.pop("claims", {}))
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    return await made.post("/google-chat", json.dumps(event | changes), headers)


async def test_two_clicks_approve_and_the_card_says_who_decided(google: FakeGoogle) -> None:
    made = await room()
    assert "25.00 USD" in made.messages[0]["text"]
    asked = dialog(await click(made, google, "approve"))
    assert [b["text"] for b in asked[-1]["buttonList"]["buttons"]] == ["Approve"]
    assert said(await click(made, google, "approve", {})) == {"statusCode": "OK", "userFacingMessage": "Approved"}
    record = await made.world.record("t1")
    assert record.approval is not None
    assert (record.state, record.approval.by, record.approval.channel) == ("READY", "jo@example.com", "chat")
    assert "<b>Approved</b> by jo@example.com" in json.dumps(made.messages[0])


async def test_reject_keeps_cause_and_comment(google: FakeGoogle) -> None:
    made = await room()
    await click(made, google, "reject")
    await click(made, google, "reject", {"cause": "duplicate", "comment": "asked twice"})
    decided = (await made.world.record("t1")).approval
    assert decided is not None
    assert (decided.decision, decided.cause, decided.comment) == ("reject", "duplicate", "asked twice")


async def test_edit_gives_back_what_was_typed_with_the_reason_and_takes_what_holds(google: FakeGoogle) -> None:
    made = await room(CHANGE_ADDRESS)
    typed = {w["textInput"]["name"]: w["textInput"]["value"] for w in dialog(await click(made, google, "edit"))[:-2]}
    again = dialog(await click(made, google, "edit", typed | {"p.order_id": "no order"}))
    assert "order_id" in again[0]["textParagraph"]["text"]
    assert "no order" in [w["textInput"]["value"] for w in again if "textInput" in w and "value" in w["textInput"]]
    await click(made, google, "edit", typed | {"p.order_id": "10022"})
    assert (await made.world.record(CHANGE_ADDRESS[0].task_id)).parameters["order_id"] == "10022"


async def test_a_card_is_shown_once_where_what_was_shown_is_forgotten(google: FakeGoogle) -> None:
    made = await room()
    made.world.store.put("cards/google_chat.t1", open=False)
    assert await made.show() == {"cards": "1 posted, 0 drawn anew"}
    assert len(made.messages) == 1


async def test_hostile_words_stay_words(google: FakeGoogle) -> None:
    task = REFUND[0].model_copy(
        update={"raw_payload": {"text": '<a href="https://evil.example.com">refund</a> $25.00 #10021'}}
    )
    made = await room((task, REFUND[1]))
    assert "<a href" not in json.dumps(made.messages)


@pytest.mark.parametrize(
    "changes",
    [
        {"claims": {"aud": "https://elsewhere.example.com"}},
        {"claims": {"email": "somebody@project.iam.gserviceaccount.com"}},
        {"claims": {"email_verified": False}},
    ],
)
async def test_only_google_chats_own_token_for_this_address_is_taken(google: FakeGoogle, changes: Any) -> None:
    made = await room()
    answer = await click(made, google, "approve", {}, **changes)
    assert (answer.status_code, (await made.world.record("t1")).state) == (401, "AWAITING_APPROVAL")


async def test_programs_do_not_decide(google: FakeGoogle) -> None:
    made = await room()
    answer = await click(made, google, "approve", {}, user=JO | {"type": "BOT"})
    assert said(answer)["statusCode"] == "INVALID_ARGUMENT"
    assert (await made.world.record("t1")).state == "AWAITING_APPROVAL"


async def test_a_button_of_ours_alone_is_read(google: FakeGoogle) -> None:
    made = await room()
    action = {"actionMethodName": "approve", "parameters": [{"key": PRESS, "value": '{"task_id": "t1"}'}]}
    answer = await click(made, google, "approve", {}, action=action)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_button")


async def test_a_form_that_was_emptied_approves_nothing(google: FakeGoogle) -> None:
    made = await room(CHANGE_ADDRESS)
    answer = await click(made, google, "edit", {"comment": "both emptied"})
    assert dialog(answer)[-1]["buttonList"]
    assert (await made.world.record(CHANGE_ADDRESS[0].task_id)).state == "AWAITING_APPROVAL"


async def test_a_decision_holds_where_nobody_says_which_message_it_was(google: FakeGoogle) -> None:
    made = await room()
    assert said(await click(made, google, "approve", {}, message={}))["statusCode"] == "OK"
    assert (await made.world.record("t1")).state == "READY"


async def test_an_event_of_odd_types_is_never_a_fault_of_ours(google: FakeGoogle) -> None:
    made = await room(CHANGE_ADDRESS)
    event: dict[str, Any] = {
        "type": "CARD_CLICKED",
        "user": JO,
        "message": {"name": next(iter(made.desk.screens.messages))},
        "action": {"actionMethodName": "edit", "parameters": [{"key": PRESS, "value": "[]"}]},
        "dialogEventType": "SUBMIT_DIALOG",
        "common": {"formInputs": {"p.order_id": {"stringInputs": {"value": [" "]}}}},
    }
    value = Press(CHANGE_ADDRESS[0].task_id, look_of(await made.world.record(CHANGE_ADDRESS[0].task_id))).text()
    event["action"]["parameters"][0]["value"] = value
    answers = [await click(made, google, "edit", **odd) for odd in odd_ones(event)]
    assert max(answer.status_code for answer in answers) < 500


async def test_no_token_of_google_is_no_fault_of_ours() -> None:
    def token() -> str:
        raise RefreshError("the metadata server is away")

    with pytest.raises(NotApplied, match="no token"):
        await soon(token)


async def test_in_the_cloud_nobody_decides_in_a_space_until_approvers_are_named(google: FakeGoogle) -> None:
    made = await room()
    made.world.ports.settings = replace(made.world.ports.settings, backend="gcp")
    answer = await click(made, google, "approve", {})
    assert said(answer)["userFacingMessage"].startswith("APPROVERS names nobody")
    assert (await made.world.record("t1")).state == "AWAITING_APPROVAL"


async def test_a_task_is_taken_and_an_approval_undone_with_one_click(google: FakeGoogle) -> None:
    made = await room()
    assert said(await click(made, google, "take")) == {"statusCode": "OK", "userFacingMessage": "It is yours"}
    assert (await made.world.record("t1")).assignee == JO["email"]
    await click(made, google, "approve", {})
    assert said(await click(made, google, "undo"))["userFacingMessage"] == "It waits for a decision again"
    assert (await made.world.record("t1")).state == "AWAITING_APPROVAL"
