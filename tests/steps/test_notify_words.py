"""What a message says: counts, codes and links, and not a word of a stranger."""

from __future__ import annotations

from typing import Any

import pytest

from functions.notify import messages
from functions.notify.memory import Digest
from functions.notify.messages import LISTS, WORDS
from functions.notify.news import Item
from tests.chat import Chat
from tests.steps.telling import CONSOLE, HOSTILE, fail, pause, run, texts, wired
from tests.store import BEGINNING
from tests.world import REFUND, World, paused, says, ticket


async def test_no_text_of_payload_parameters_model_or_handler_is_told(chat: Chat) -> None:
    secret = "sesame"
    task = ticket(f"{secret} please", email=f"{secret}@example.com", metadata={"note": secret})
    world = wired(World(says("ticket_summary", 0.5, summary=f"{secret} summary")), chat)
    await world.classify(task)
    world.store.put("approvals/t1", comment=secret, plan=secret, error=secret)
    await world.deadletter(f'{{"task_id": "{secret}!"}}', "tasks")
    await run(world)
    await fail(world)
    await run(world)
    assert len(chat.posts) == 2
    assert secret not in texts(chat.posts[0].body) + texts(chat.posts[1].body)


@pytest.mark.parametrize("format", ["slack", "google_chat"])
@pytest.mark.parametrize(
    "edit",
    [
        {"intent": HOSTILE},
        {"reasons": [HOSTILE]},
        {"reasons": [f"{HOSTILE}: x"]},
        {"reasons": HOSTILE},
        {"reasons": [7, None, {}]},
        {"intent": None},
        {"expires_at": HOSTILE},
        {"task_id": HOSTILE},
    ],
)
async def test_what_somebody_wrote_into_an_approval_is_not_told(chat: Chat, format: Any, edit: dict[str, Any]) -> None:
    world = wired(await paused(), chat, format=format)
    await world.store.commit()
    world.store.put("approvals/t1", **edit)
    assert await run(world) == {"main": "told"}
    for trace in ("channel", "U1", "bold", "javascript", "please approve"):
        assert trace not in texts(chat.posts[0].body)


async def test_approval_of_a_name_that_is_none_is_not_told(chat: Chat) -> None:
    world = wired(await paused(), chat)
    document = await world.approval("t1")
    world.store.put("approvals/<!channel>", **document)
    await run(world)
    assert chat.said == "Switchyard: 1 task waits for a decision"


async def test_google_chat_gets_a_card(chat: Chat) -> None:
    world = wired(await paused(), chat, format="google_chat")
    await pause(world, "t2")
    await run(world)
    [message] = chat.told()
    assert message["text"] == "Switchyard: 2 tasks wait for a decision"
    [section] = message["cardsV2"][0]["card"]["sections"]
    text, buttons = section["widgets"]
    assert section["header"] == "2 tasks wait for a decision"
    assert text["textParagraph"]["text"].split("<br>")[:2] == [
        "refund_request 2",
        f'refund_request · <a href="{CONSOLE}/tasks/t1">t1</a> · policy, repeated · 2 d 23 h left',
    ]
    [button] = buttons["buttonList"]["buttons"]
    assert (button["text"], button["onClick"]["openLink"]["url"]) == ("Open the list", f"{CONSOLE}/")


async def test_console_of_this_machine_is_linked_and_without_a_console_there_is_no_link(chat: Chat) -> None:
    world = wired(await paused(), chat)
    world.set(console_url="", console_port=9999)
    await run(world)
    assert "http://127.0.0.1:9999/tasks/t1" in texts(chat.posts[0].body)


@pytest.mark.parametrize("console_url", ["", CONSOLE])
def test_ids_are_escaped_for_the_format(console_url: str) -> None:
    item = Item("paused", "d", '<!channel>&"|x', "order_status", BEGINNING)
    digests = [Digest("paused", [item, item])]
    slack, card = (make(digests, console_url, BEGINNING) for make in (messages.slack, messages.google_chat))
    assert "&lt;!channel&gt;&amp;" in slack["blocks"][1]["text"]["text"]
    assert (
        "&lt;!channel&gt;&amp;&quot;"
        in card["cardsV2"][0]["card"]["sections"][0]["widgets"][0]["textParagraph"]["text"]
    )
    assert "<!channel>" not in texts(slack) + texts(card)


def test_every_kind_has_words_and_a_list() -> None:
    assert WORDS.keys() == LISTS.keys()


async def test_message_stays_within_what_slack_takes(chat: Chat) -> None:
    world = wired(World(REFUND[1]), chat)
    await pause(world, *(f"{'x' * 120}{n}" for n in range(9)))
    for n in range(9):
        reasons = [f"{'r' * 39}{i}: x" for i in range(9)]
        world.store.put(f"approvals/{'x' * 120}{n}", reasons=reasons, intent=f"{'i' * 39}{n}")
    await run(world)
    [message] = chat.told()
    assert all(len(b["text"]["text"]) <= 3000 for b in message["blocks"])
    assert len(message["blocks"]) <= 50


async def test_clock_that_was_a_year_ahead_keeps_nothing_new_back_and_repeats_nothing(chat: Chat) -> None:
    world = wired(await paused(), chat)
    world.pass_time(days=365)
    await pause(world, "t2")
    assert await run(world) == {"main": "told"}
    world.pass_time(days=-365)
    assert [await run(world) for _ in range(15)] == [{"main": "told"}, *[{"main": "nothing_new"}] * 14]  # t1
    await pause(world, "t3")
    assert await run(world) == {"main": "told"}
    assert chat.said == "Switchyard: 1 task waits for a decision"
