"""Decisions in Slack: the card, its buttons and modals, and whom they are taken from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from functions.notify import step
from shared import tracing
from shared.chat.card import card_of
from shared.chats import Chats
from shared.gate.doors import seen
from shared.records import working
from shared.records.decisions import undo
from shared.records.erasure import erase
from shared.records.privacy import someone
from shared.records.tombstones import entomb
from shared.settings import Webhook
from shared.task.moves import Person
from shared.task.schemas import AutomationTask
from tests.contract.chat.screens import ANA, CHANNEL, EMAILS, JO, Room, odd_ones
from tests.scripted import ScriptedHandler
from tests.spans import traced
from tests.world import CHANGE_ADDRESS, REFUND, World, paused, ticket


async def room(case: tuple[AutomationTask, Any] = REFUND, **settings: Any) -> Room:
    """Return a room in which the card of a task that waits is on the screen."""
    made = Room(await paused(case, chats=Chats(slack_channel=CHANNEL), **settings))
    assert await made.show() == {"cards": "1 posted, 0 drawn anew"}
    return made


async def test_a_card_says_what_would_happen_and_slack_takes_it() -> None:
    made = await room()
    [message] = made.messages
    for block in Block.parse_all(message["blocks"]):
        block.validate_json()
    shown = json.dumps(message)
    assert message["channel"] == CHANNEL
    assert "25.00 USD" in shown
    assert "#10021" in shown
    assert "it arrived broken" in shown
    assert made.button("open")["url"].endswith("/tasks/t1")


async def test_two_clicks_approve_and_the_card_says_who_decided() -> None:
    made = await room()
    assert made.button("approve")["confirm"]["confirm"]["text"] == "Approve"  # the first click asks, the second sends
    assert (await made.press("approve")).status_code == 200
    record = await made.world.record("t1")
    assert record.approval is not None
    assert (record.state, record.approval.by, record.approval.channel) == ("READY", EMAILS[JO], "chat")
    [message] = made.messages
    [actions] = [block for block in message["blocks"] if block["type"] == "actions"]
    assert [button["action_id"] for button in actions["elements"]] == ["undo"]
    assert f"*Approved* by {EMAILS[JO]}" in json.dumps(message)
    made.world.pass_time(seconds=10)
    await made.world.execute("t1", ScriptedHandler("refunded"))
    assert await made.show() == {"cards": "0 posted, 1 drawn anew"}  # it is closed for good
    assert "actions" not in [block["type"] for block in made.messages[0]["blocks"]]
    assert await made.show() == {"cards": "0 posted, 0 drawn anew"}


async def test_a_decision_in_a_chat_is_a_trace_of_its_own_that_links_to_the_pause() -> None:
    with traced() as kept:
        with tracing.entered("classify", "", kind="consumer"):
            made = await room()
        assert (await made.press("approve")).status_code == 200
    (link,) = kept.one("chat").links
    assert link.context.span_id == kept.one("classify").context.span_id
    *_, (topic, _, attributes) = made.world.publisher.messages
    assert topic == "intent-refund-request"
    assert tracing.trace_id_of(attributes["googclient_traceparent"]) == f"{kept.one('chat').context.trace_id:032x}"


async def test_reject_asks_why_and_keeps_the_cause() -> None:
    made = await room()
    await made.press("reject")
    View(**made.desk.screens.views[-1]).validate_json()
    answer = await made.submit({"cause": "wrong_intent", "comment": "another order was meant"})
    assert (answer.status_code, answer.content) == (200, b"")
    decided = (await made.world.record("t1")).approval
    assert decided is not None
    assert (decided.decision, decided.cause, decided.comment) == (
        "reject",
        "wrong_intent",
        "another order was meant",
    )


async def test_edit_refuses_what_does_not_hold_beside_its_input_and_takes_what_does() -> None:
    made = await room(CHANGE_ADDRESS)
    await made.press("edit")
    View(**made.desk.screens.views[-1]).validate_json()
    refused = (await made.submit({"p.order_id": " "})).json()
    assert refused["response_action"] == "errors"
    assert (await made.world.record(CHANGE_ADDRESS[0].task_id)).state == "AWAITING_APPROVAL"
    assert (await made.submit({"p.order_id": "10022"})).content == b""
    record = await made.world.record(CHANGE_ADDRESS[0].task_id)
    assert (record.state, record.parameters["order_id"]) == ("READY", "10022")


async def test_what_was_decided_elsewhere_is_drawn_within_a_minute_and_its_button_says_so() -> None:
    made = await room()
    value = made.button("approve")["value"]
    await made.world.decide("t1")
    action = [{"type": "button", "action_id": "approve", "value": value}]
    await made.press("approve", actions=action)
    assert made.desk.screens.whispers[-1]["text"] == "the task is READY, not waiting for a decision"
    assert "*Approved*" in json.dumps(made.messages)


@pytest.mark.parametrize(
    "change",
    [
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_email_confirmed": False},
        {"is_stranger": True},
        {"is_bot": True},
        {"deleted": True},
        {"team_id": "T0ELSEWHERE"},
    ],
)
async def test_only_full_members_with_a_confirmed_address_decide(change: dict[str, Any]) -> None:
    made = await room()
    made.desk.seed(JO, EMAILS[JO], **change)
    await made.press("approve")
    assert (await made.world.record("t1")).state == "AWAITING_APPROVAL"
    assert "no confirmed address" in made.desk.screens.whispers[-1]["text"]


async def test_people_of_another_company_do_not_decide_in_a_channel_that_is_shared_with_it() -> None:
    made = await room()
    made.desk.seed(JO, EMAILS[JO], team_id="T0ELSEWHERE")
    await made.press("approve", team={"id": "T0ELSEWHERE"})  # there the event names the workspace of whoever presses
    assert (await made.world.record("t1")).state == "AWAITING_APPROVAL"
    assert "no confirmed address" in made.desk.screens.whispers[-1]["text"]


async def test_a_form_that_was_emptied_approves_nothing() -> None:
    made = await room(CHANGE_ADDRESS)
    await made.press("edit")
    refused = (await made.submit({"p.order_id": "", "p.new_address": ""})).json()
    assert set(refused["errors"]) == {"p.order_id", "p.new_address"}
    assert (await made.world.record(CHANGE_ADDRESS[0].task_id)).state == "AWAITING_APPROVAL"


async def test_a_form_of_a_task_that_was_erased_meanwhile_says_so() -> None:
    made = await room(CHANGE_ADDRESS)
    await made.press("edit")
    await made.world.decide(CHANGE_ADDRESS[0].task_id, "reject")
    await entomb(made.world.ports, CHANGE_ADDRESS[0].task_id)
    answer = await made.submit({"p.order_id": "10022"})
    assert (answer.status_code, answer.json()["response_action"]) == (200, "errors")


async def test_a_card_of_a_task_that_was_erased_shows_nothing_of_it() -> None:
    made = await room(privacy_key="k" * 32)
    await made.press("reject")
    await made.submit({"comment": "no"})
    await made.show()
    assert "it arrived broken" in json.dumps(made.messages)
    officer, who = Person("dpo@example.com", "console"), someone(made.world.ports, "kim@example.com")
    done = await erase(made.world.ports, who, officer, reason="asked for", task_ids=["t1"], letter_ids=[])
    assert done.left == {}
    assert await made.show() == {"cards": "0 posted, 1 drawn anew"}
    shown = json.dumps(made.messages)
    assert "was erased" in shown
    assert not [word for word in ("kim@", "10021", "broken") if word in shown]
    assert await made.show() == {"cards": "0 posted, 0 drawn anew"}


async def test_an_interaction_of_odd_types_is_never_a_fault_of_ours() -> None:
    made, sent = await room(CHANGE_ADDRESS), list[dict[str, Any]]()
    send = made.slack

    async def remember(payload: Mapping[str, Any]) -> httpx.Response:
        sent.append(dict(payload))
        return await send(payload)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "slack", remember)
        for name in ("edit", "reject"):
            await made.press(name)
            await made.submit({"p.order_id": " "} if name == "edit" else {"comment": "no"})
    answers = [await made.slack(odd) for payload in sent for odd in odd_ones(payload)]
    assert max(answer.status_code for answer in answers) < 500


async def test_the_questions_of_the_page_are_asked_here_too() -> None:
    made = await room(approvers={"refund_request": frozenset({EMAILS[ANA]})})
    await made.press("approve")
    assert "not an approver" in made.desk.screens.whispers[-1]["text"]
    await made.press("approve", ANA)
    assert (await made.world.record("t1")).state == "READY"


@pytest.mark.parametrize(("secret", "age_s"), [("another-secret-of-the-test", 0), (None, 301)])
async def test_what_slack_did_not_sign_just_now_changes_nothing(secret: str | None, age_s: float) -> None:
    made = await room()
    payload = {"type": "block_actions", "actions": [{"action_id": "approve", "value": made.button("approve")["value"]}]}
    answer = await made.slack(payload, **({"secret": secret} if secret else {}), age_s=age_s)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
    assert (await made.world.record("t1")).state == "AWAITING_APPROVAL"


async def test_a_decision_holds_where_the_card_cannot_be_drawn() -> None:
    made = await room()
    update = {"vendor": "slack", "operation": "chat_update", "fault": "503"}
    made.desk.app.state.desk.faults.script([update])
    assert (await made.press("approve")).status_code == 200
    assert (await made.world.record("t1")).state == "READY"
    assert await made.show() == {"cards": "0 posted, 1 drawn anew"}


async def test_a_chat_that_is_down_delays_cards_and_nothing_else() -> None:
    world = await paused(chats=Chats(slack_channel=CHANNEL))
    made = Room(world)
    made.desk.down = True
    assert await made.show() == {"cards": "0 posted, 0 drawn anew"}
    made.desk.down = False
    assert await made.show() == {"cards": "1 posted, 0 drawn anew"}


async def test_a_flood_leaves_the_channel_readable() -> None:
    world = World(REFUND[1], chats=Chats(slack_channel=CHANNEL))
    for number in range(25):
        await world.classify(ticket("Please refund $25.00 for order #10021, it arrived broken", task_id=f"f{number}"))
    made = Room(world)
    shown = [(await made.show())["cards"] for _ in range(4)]
    assert shown == ["10 posted, 0 drawn anew", "10 posted, 0 drawn anew", *["0 posted, 0 drawn anew"] * 2]


async def test_hostile_words_stay_words() -> None:
    words = "<!channel> *bold* <https://evil.example.com|click> refund $25.00 for order #10021"
    made = await room((ticket(words), REFUND[1]))
    blocks = made.messages[0]["blocks"]
    parts = [part for block in blocks for part in (block.get("text"), *block.get("fields", [])) if part]
    assert {part["type"] for part in parts if "evil" in part["text"]} == {"plain_text"}


async def test_nobody_decides_their_own_request() -> None:
    made = await room()
    made.desk.seed(JO, "kim@example.com")
    await made.press("approve")
    assert "your own request" in made.desk.screens.whispers[-1]["text"]
    assert (await made.world.record("t1")).state == "AWAITING_APPROVAL"


async def test_what_a_form_would_cut_is_not_edited_in_a_chat() -> None:
    made = await room()
    record = await made.world.record("t1")
    long = record.model_copy(update={"parameters": record.parameters | {"order_id": "x" * 3001}})
    assert card_of(long, made.world.ports.registry, "").doors == ("approve", "reject", "take")


async def test_a_card_that_the_chat_refuses_holds_up_none_behind_it() -> None:
    world = World(REFUND[1], chats=Chats(slack_channel=CHANNEL))
    for name in ("f1", "f2"):
        await world.classify(ticket("Please refund $25.00 for order #10021, it arrived broken", task_id=name))
    made = Room(world)
    refused = {"vendor": "slack", "operation": "post_message", "fault": "refuse"}
    made.desk.app.state.desk.faults.script([refused])
    assert await made.show() == {"cards": "1 posted, 0 drawn anew"}
    assert await made.show() == {"cards": "1 posted, 0 drawn anew"}


async def test_nobody_decides_what_they_wrote_in_slack_where_its_address_is_not_known() -> None:
    made = await room()
    asks = {"email": "", "id": JO, "name": "", "vouched_by": "", "key": ""}
    made.world.store.put("tasks/t1", source="slack", requester=asks)
    await made.press("reject")
    assert "your own request" in made.desk.screens.whispers[-1]["text"]
    await made.press("reject", ANA)
    await made.submit({"cause": "other"}, JO)
    assert (await made.world.record("t1")).state == "AWAITING_APPROVAL"
    await made.submit({"cause": "other"}, ANA)
    assert (await made.world.record("t1")).state == "REJECTED"


async def test_an_approval_is_undone_on_its_card_and_the_card_asks_again() -> None:
    made = await room()
    await made.press("approve")
    await made.press("undo", ANA)
    assert (await made.world.record("t1")).state == "AWAITING_APPROVAL"
    assert made.button("approve")["confirm"]
    await made.show()
    assert len(made.messages) == 1
    await made.press("approve")
    made.world.pass_time(seconds=10)
    stale = [{"type": "button", "action_id": "undo", "value": made.button("undo")["value"]}]
    await made.world.execute("t1", ScriptedHandler("refunded"))
    await made.press("undo", actions=stale)
    assert "cannot be taken back any more" in made.desk.screens.whispers[-1]["text"]


async def test_a_rejection_that_is_undone_on_the_page_is_asked_about_on_the_same_card() -> None:
    made = await room()
    await made.press("reject")
    await made.submit({"cause": "other"})
    await made.show()
    record = await made.world.record("t1")
    await undo(made.world.ports, "t1", Person("ana@example.com", "console"), seen(record))
    assert await made.show() == {"cards": "0 posted, 1 drawn anew"}
    assert len(made.messages) == 1
    assert made.button("approve")


async def test_a_card_says_whose_work_it_is_and_what_was_noted() -> None:
    made = await room()
    await made.press("take")
    assert (await made.world.record("t1")).assignee == EMAILS[JO]
    await working.note(made.world.ports, "t1", Person("ana@example.com", "console"), "asked the *shop* <!here>")
    assert await made.show() == {"cards": "0 posted, 1 drawn anew"}
    shown = json.dumps(made.messages[0], ensure_ascii=False)
    assert f"On it: {EMAILS[JO]}" in shown
    [note] = [b["text"] for b in made.messages[0]["blocks"] if "asked the" in json.dumps(b)]
    assert (note["type"], note["text"]) == ("plain_text", "ana@example.com noted: asked the *shop* <!here>")
    assert "take" not in [
        e["action_id"] for b in made.messages[0]["blocks"] for e in b.get("elements", []) if b["type"] == "actions"
    ]


async def test_whose_request_it_is_is_said_in_the_form_where_the_event_does_not() -> None:
    made = await room((ticket(REFUND[0].raw_payload["text"], email=""), REFUND[1]))
    with pytest.raises(StopIteration):
        made.button("approve")
    await made.press("edit")
    View(**made.desk.screens.views[-1]).validate_json()
    refused = (await made.submit({"requester_email": "nobody"})).json()
    assert refused["errors"] == {"requester_email": "requester_email must be an e-mail address"}
    assert (await made.submit({"requester_email": "kim@example.com"})).content == b""
    record = await made.world.record("t1")
    assert record.requester is not None
    assert (record.state, record.requester.email) == ("READY", "kim@example.com")


async def test_a_message_that_somebody_deleted_is_posted_anew_while_its_task_waits() -> None:
    made = await room()
    made.desk.screens.messages.clear()
    await working.note(made.world.ports, "t1", Person("ana@example.com", "console"), "look")
    assert await made.show() == {"cards": "1 posted, 1 drawn anew"}


async def test_a_task_with_a_card_is_no_news_for_the_channel_and_one_beyond_the_cards_is() -> None:
    world = World(
        REFUND[1], chats=Chats(slack_channel=CHANNEL), notify_webhook=Webhook("slack", "http://chats.test/hook")
    )
    made = Room(world)
    await made.show()  # from now on it tells what is new
    for number in range(12):
        await world.classify(ticket("Please refund $25.00 for order #10021, it arrived broken", task_id=f"f{number}"))
    said: list[str] = []

    async def hear(_: Any, url: str, message: Any) -> None:
        said.append(message["text"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, "post", hear)
        for _ in range(3):
            await made.show()
            world.pass_time(minutes=1)
    assert (len(made.messages), said) == (12, ["Switchyard: 2 tasks wait for a decision"])
