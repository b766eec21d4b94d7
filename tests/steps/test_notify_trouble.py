"""A chat, or the store, that is in trouble: nothing is lost, and what is told twice is told twice at most."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from functions.notify.step import notify
from shared.errors import CommitUnknown, Conflict, StoreUnavailable
from shared.settings import Webhook
from tests.chat import Chat
from tests.steps.telling import pause, run, wired
from tests.store import Unapplied
from tests.world import REFUND, World, paused


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_channel_that_is_down_gets_everything_a_minute_later(chat: Chat, status: int) -> None:
    world = wired(await paused(), chat)
    chat.statuses = [status, status, 200]
    assert await run(world) == {"main": "not_told"}
    await pause(world, "t2")
    assert [await run(world) for _ in range(3)] == [{"main": "not_told"}, {"main": "told"}, {"main": "nothing_new"}]
    assert chat.said == "Switchyard: 2 tasks wait for a decision"


async def test_backlog_of_a_long_outage_is_one_message(chat: Chat) -> None:
    world = wired(await paused(), chat)
    chat.statuses = [500]
    assert await run(world) == {"main": "not_told"}
    for n in range(12):
        await pause(world, f"n{n}")
        assert await run(world, minutes=60) == {"main": "not_told"}
    chat.statuses = [200]
    await run(world)
    assert chat.said == "Switchyard: 13 tasks wait for a decision"
    assert await run(world) == {"main": "nothing_new"}


async def test_server_that_names_a_time_is_not_asked_before(chat: Chat) -> None:
    world = wired(await paused(), chat)
    chat.statuses, chat.headers = [429, 200], "retry-after: 150\r\n"
    ends = [await run(world) for _ in range(5)]
    assert [e["main"] for e in ends] == ["not_told", "waits", "waits", "told", "nothing_new"]
    assert len(chat.posts) == 2


@pytest.mark.parametrize("status", [400, 403, 404, 410, 302])
async def test_webhook_that_refuses_is_an_error_for_operators_and_stays_new(
    chat: Chat, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    world = wired(await paused(), chat)
    chat.statuses = [status, 200]
    capsys.readouterr()
    assert await run(world) == {"main": "webhook_refused"}
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["severity"], line["function"], line["operation"]) == ("ERROR", "notify", "main")
    assert "/services" not in json.dumps(line)
    assert await run(world) == {"main": "told"}


async def test_dead_channel_does_not_stop_the_other(chat: Chat) -> None:
    world = wired(await paused(), chat, escalation=True)
    world.set(notify_webhook=Webhook("slack", "http://127.0.0.1:1/services/main"))
    await run(world)
    world.now = (await world.approval("t1"))["expires_at"] - timedelta(minutes=30)
    assert await run(world) == {"main": "not_told", "escalation": "told"}
    assert len(chat.told("escalation")) == 1


@pytest.mark.parametrize("error", [Conflict("x"), StoreUnavailable("x"), CommitUnknown("x"), Unapplied("x")], ids=repr)
async def test_crash_before_the_commit_repeats_a_message_and_loses_none(chat: Chat, error: Any) -> None:
    world = wired(World(REFUND[1]), chat)
    await run(world)
    await pause(world, "t1")
    world.network.fail_next = [error]
    assert await run(world) == {"main": "told"}
    await run(world)
    applied = type(error) is CommitUnknown
    assert len(chat.posts) == (1 if applied else 2)
    assert await run(world) == {"main": "nothing_new"}


async def test_store_that_is_down_tells_it_a_minute_later(chat: Chat) -> None:
    world = wired(await paused(), chat)
    world.network.fail_next = [StoreUnavailable("down")]
    with pytest.raises(StoreUnavailable):
        await run(world)
    assert await run(world) == {"main": "told"}


async def test_trouble_of_one_channel_with_the_store_does_not_stop_the_other(chat: Chat) -> None:
    world = wired(await paused(), chat, escalation=True)
    await run(world)
    world.now = (await world.approval("t1"))["expires_at"] - timedelta(minutes=58)
    world.store.delete("notifications/main")
    world.network.fail_next = [StoreUnavailable("down")]
    with pytest.raises(StoreUnavailable):
        await notify(world.ports)
    assert len(chat.told("escalation")) == 1


async def test_document_that_somebody_broke_begins_anew(chat: Chat) -> None:
    world = wired(await paused(), chat)
    world.store.put("notifications/main", last_run="yesterday", told=7)
    assert await run(world) == {"main": "told"}
    assert await run(world) == {"main": "nothing_new"}
