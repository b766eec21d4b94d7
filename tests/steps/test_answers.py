"""Whoever typed a command or pressed a shortcut in Slack hears what became of it: once for each end, and only there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from slack_sdk.models.blocks import PlainTextObject
from slack_sdk.webhook import WebhookClient

from functions.intake.taking import take
from functions.notify.answers import SLACK
from functions.notify.step import notify
from shared.errors import CommitUnknown, Conflict, StoreUnavailable
from shared.intent.outcomes import Ambiguous, Permanent
from shared.records.answers import LIFE, MAX_USES
from shared.task.schemas import AutomationTask
from tests.chat import HANGS, Chat, serving
from tests.scripted import ScriptedHandler
from tests.world import SUMMARY, World, says

PATH = "/commands/T1/77/secret"
ASK = {
    "team_id": "T1",
    "user_id": "U1",
    "command": "/ask",
    "text": "Summarize this",
    "trigger_id": "1.2.3",
    "response_url": f"https://hooks.slack.com{PATH}",
}


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Chat]:
    async with serving() as chat:
        monkeypatch.setenv(SLACK.variable("API_URL"), chat.url)
        yield chat


def asked(**fields: Any) -> AutomationTask:
    taken = take("slack", ASK | fields)
    assert isinstance(taken, AutomationTask)
    return taken


async def minute(world: World) -> None:
    world.pass_time(minutes=1)
    await world.ports.pool.close()
    assert (await notify(world.ports)).code == "no_webhook"


async def waiting(**fields: Any) -> tuple[World, str]:
    """Return a world in which a command waits for a person, and its task's id."""
    world, task = World(says("ticket_summary", 0.5, summary="x")), asked(**fields)
    await world.classify(task)
    return world, task.task_id


def said(slack: Chat) -> list[str]:
    assert {post.body["response_type"] for post in slack.posts} <= {"ephemeral"}
    assert {post.target for post in slack.posts} <= {PATH}
    return [post.body["text"] for post in slack.posts]


async def test_request_that_is_done_is_answered_with_what_was_done(slack: Chat) -> None:
    world, task = World(SUMMARY[1]), asked()
    await world.run(task, ScriptedHandler("Posted to #ops <now> & here"))
    for _ in range(5):
        await minute(world)
    assert said(slack) == [f"Task {task.task_id}: done: Posted to #ops &lt;now&gt; &amp; here"]


async def test_number_of_a_card_is_not_repeated_in_a_chat(slack: Chat) -> None:
    world, task = World(SUMMARY[1]), asked()
    await world.run(task, ScriptedHandler("Posted: card 4242 4242 4242 4242 is lost"))
    await minute(world)
    assert said(slack) == [f"Task {task.task_id}: done: Posted: card [card number] is lost"]


async def test_what_waits_is_told_and_then_what_became_of_it(slack: Chat) -> None:
    world, task_id = await waiting()
    for _ in range(3):
        await minute(world)
    await world.decide(task_id, "reject")
    for _ in range(3):
        await minute(world)
    assert said(slack) == [
        f"Task {task_id}: waits for a person to decide",
        f"Task {task_id}: was rejected by a person; nothing was done",
    ]
    assert "checked" not in json.dumps([post.body for post in slack.posts])


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Permanent("card 4111", code="not_owner"), "could not be done: not_owner"),
        (Ambiguous("lost"), "may have been done or not; a person looks into it"),
    ],
)
async def test_what_failed_is_told_by_its_code(slack: Chat, outcome: Exception, words: str) -> None:
    async def handle(params: Any, ctx: Any) -> Any:
        if isinstance(outcome, Ambiguous):
            await ctx.http.before_write()
        raise outcome

    world, task = World(SUMMARY[1]), asked()
    await world.run(task, ScriptedHandler(handle))
    await minute(world)
    assert said(slack) == [f"Task {task.task_id}: {words}"]


async def test_shortcut_on_one_message_answers_everybody_who_pressed_it(slack: Chat) -> None:
    message = {"user": "U2", "ts": "1.2", "text": "Summarize this"}
    pressed = {"type": "message_action", "team": {"id": "T1"}, "channel": {"id": "C1"}, "message": message}
    world, ids = World(SUMMARY[1]), set()
    for who in ("one", "two", "two"):
        taken = take("slack", pressed | {"response_url": f"https://hooks.slack.com/app/T1/1/{who}"})
        assert isinstance(taken, AutomationTask)
        await world.classify(taken)
        ids.add(taken.task_id)
    [task_id] = ids
    await world.execute(task_id, ScriptedHandler("done"))
    for _ in range(2):
        await minute(world)
    assert sorted(post.target for post in slack.posts) == ["/app/T1/1/one", "/app/T1/1/two"]


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com.evil.example/commands/T1/1/x",
        "http://hooks.slack.com/commands/T1/1/x",
        "https://hooks.slack.com:8443/commands/T1/1/x",
        "https://me@hooks.slack.com/commands/T1/1/x",
        "https://hooks.slack.com/commands/../services/T1/B1/x",
        "https://hooks.slack.com//evil.example/x",
        "https://hooks.slack.com/commands/T1/1/x?to=y",
        "https://169.254.169.254/computeMetadata/v1/x",
        "https://hooks.slack.com/commands/T1/%2e%2e/x",
        "https://hooks.slack.com/commands/T1/1/x\n",
        "",
        7,
        None,
        ["https://hooks.slack.com/commands/T1/1/x"],
    ],
)
async def test_only_slacks_own_host_is_ever_answered(slack: Chat, url: Any) -> None:
    world, _ = await waiting(response_url=url)
    await minute(world)
    assert (slack.posts, world.store.all("answers")) == ([], [])


async def test_nobody_else_is_answered(slack: Chat) -> None:
    world = World(SUMMARY[1])
    payload = {"text": "Summarize this", "response_url": ASK["response_url"]}
    await world.classify(AutomationTask(task_id="t1", source="crm", raw_payload=payload))
    await minute(world)
    assert slack.posts == []


async def test_after_half_an_hour_slack_is_left_alone(slack: Chat) -> None:
    world, task_id = await waiting()
    world.pass_time(minutes=LIFE.total_seconds() / 60)
    await minute(world)
    await world.decide(task_id)
    await minute(world)
    assert (slack.posts, [a["open"] for a in world.store.all("answers")]) == ([], [False])


async def test_no_address_is_used_more_often_than_slack_takes(slack: Chat) -> None:
    world, task_id = await waiting()
    for n in range(2 * MAX_USES):
        world.store.put(f"tasks/{task_id}", state=("AWAITING_APPROVAL", "UNKNOWN")[n % 2])
        await minute(world)
    assert len(slack.posts) == MAX_USES


@pytest.mark.parametrize("status", [500, 429, HANGS])
async def test_slack_that_is_down_is_told_a_minute_later(slack: Chat, status: int, monkeypatch: Any) -> None:
    monkeypatch.setattr("functions.notify.posting.SEND_WITHIN_S", 2.0)
    slack.statuses = [status, 200]
    world, _ = await waiting()
    await minute(world)
    assert [a["told"] for a in world.store.all("answers")] == [""]
    for _ in range(2):
        await minute(world)
    assert [(a["told"], a["uses"]) for a in world.store.all("answers")] == [("AWAITING_APPROVAL", 1)]
    assert len(slack.posts) >= 1


@pytest.mark.parametrize("status", [302, 403, 404, 410])
async def test_address_that_slack_no_longer_takes_is_given_up(
    slack: Chat, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    slack.statuses = [status]
    world, _ = await waiting()
    for _ in range(3):
        await minute(world)
    assert len(slack.posts) == 1
    assert PATH not in capsys.readouterr().out


@pytest.mark.parametrize("error", [Conflict("x"), CommitUnknown("x"), StoreUnavailable("x")], ids=repr)
async def test_crash_after_the_answer_says_it_twice_at_worst(slack: Chat, error: Any) -> None:
    world, _ = await waiting()
    world.network.fail_next = [error]
    for _ in range(3):
        await minute(world)
    assert 1 <= len(slack.posts) <= 2


async def test_task_is_there_before_anybody_waits_and_a_lost_write_comes_again(slack: Chat) -> None:
    world, task = World(SUMMARY[1]), asked()
    commit = world.store.commit

    async def breaks(*writes: Any) -> Any:
        if any(write.path.startswith("answers/") for write in writes):
            raise StoreUnavailable("down")
        return await commit(*writes)

    vars(world.store)["commit"] = breaks
    with pytest.raises(StoreUnavailable):
        await world.classify(task)
    assert (await world.record(task.task_id)).state == "READY"
    assert [m["task_id"] for m in world.publisher.on("intent-ticket-summary")] == [task.task_id]
    vars(world.store).pop("commit")
    await world.classify(task)
    assert (len(world.store.all("answers")), world.model.calls) == (1, 1)


async def test_document_that_somebody_broke_is_closed(slack: Chat) -> None:
    world, _ = await waiting()
    [path] = [path for path in world.store.documents if path.startswith("answers/")]
    world.store.put(path, uses="many")
    for _ in range(2):
        await minute(world)
    assert (slack.posts, [a["open"] for a in world.store.all("answers")]) == ([], [False])


async def test_answer_is_of_the_form_that_slacks_own_client_sends(slack: Chat) -> None:
    world, _ = await waiting()
    await minute(world)
    ours = slack.posts[0].body
    PlainTextObject(text=ours["text"]).validate_json()
    client = WebhookClient(slack.url + PATH)
    await asyncio.to_thread(client.send, text=ours["text"], response_type="ephemeral", replace_original=False)
    assert slack.posts[1].body == ours
    assert slack.posts[1].target == slack.posts[0].target
    assert timedelta(minutes=25) < LIFE < timedelta(minutes=30)
