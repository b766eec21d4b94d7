"""What people are told in chat: everything new, once, in one message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from functions.intake.taking import take
from functions.notify.news import MOST
from functions.notify.step import notify
from shared.intent.outcomes import Permanent
from shared.records.breakers import open_breaker
from shared.task.moves import Person
from shared.task.schemas import AutomationTask
from tests.chat import Chat
from tests.scripted import ScriptedHandler
from tests.steps.telling import CONSOLE, Counting, fail, pause, run, texts, wired
from tests.world import CANCEL_ORDER, GOODS, REFUND, World, paused, says


async def test_without_a_webhook_nothing_is_sent_or_remembered() -> None:
    world = await paused()
    outcome = await notify(world.ports)
    assert (outcome.code, outcome.severity, world.store.all("notifications")) == ("no_webhook", "DEBUG", [])


async def test_paused_task_is_told_once_with_what_people_need_to_find_it(chat: Chat) -> None:
    world = wired(await paused(), chat)
    assert [await run(world) for _ in range(20)] == [{"main": "told"}, *[{"main": "nothing_new"}] * 19]
    [message] = chat.told()
    head, lines = message["blocks"]
    assert message["text"] == "Switchyard: 1 task waits for a decision"
    assert head["text"]["text"] == "*1 task waits for a decision*\nrefund_request 1"
    assert head["accessory"]["url"] == f"{CONSOLE}/tasks/t1"
    assert lines["text"]["text"] == f"refund_request · <{CONSOLE}/tasks/t1|t1> · policy · 2 d 23 h left"


async def test_nothing_new_sends_nothing(chat: Chat) -> None:
    world = wired(World(), chat)
    assert await run(world) == {"main": "nothing_new"}
    assert chat.posts == []


async def test_one_message_holds_every_kind_the_most_urgent_first(chat: Chat) -> None:
    world = wired(await paused(approval_ttl_s=3600), chat)
    await run(world)
    world.pass_time(minutes=50)
    await pause(world, "t2", "t3", "t4")
    await fail(world, task_id="t2")
    await world.decide("t3")
    world.store.put("tasks/t3", state="UNKNOWN", updated_at=world.store.now)
    await world.deadletter(b"junk", "tasks")
    await run(world)
    assert chat.said == (
        "Switchyard: 1 approval is about to expire, 1 task ended UNKNOWN: somebody has to look, 1 task ended FAILED, "
        "1 message was given up, 1 task waits for a decision"
    )
    urls = [b["accessory"]["url"] for b in chat.told()[-1]["blocks"] if "accessory" in b]
    pages = ("/tasks/t1", "/tasks/t3", "/tasks/t2", "/dead-letters", "/tasks/t4")
    assert urls == [CONSOLE + page for page in pages]


async def test_breaker_that_opened_is_told_once_and_leads_to_health(chat: Chat) -> None:
    world = wired(World(), chat)
    await run(world)
    await open_breaker(world.ports, "order_status", cause="error_budget", why="", bad=9, seen=10, function="sweep")
    assert [await run(world) for _ in range(2)] == [{"main": "told"}, {"main": "nothing_new"}]
    head, lines = chat.told()[-1]["blocks"]
    assert chat.said == "Switchyard: 1 intent was stopped: too much went wrong"
    assert head["accessory"]["url"] == f"{CONSOLE}/health"
    assert lines["text"]["text"] == "order_status · error_budget"


async def test_thousands_of_pauses_in_a_minute_are_one_message(chat: Chat) -> None:
    world = wired(World(REFUND[1]), chat)
    await run(world)
    await pause(world, "t0", "t1", "t2")
    document = await world.approval("t2")
    for n in range(3, 4500):
        intent = "refund_request" if n % 3 else "cancel_order"
        at = world.store.now + timedelta(milliseconds=n)
        world.store.put(f"approvals/t{n}", **document | {"task_id": f"t{n}", "intent": intent, "requested_at": at})
    ends = [await run(world) for _ in range(15)]
    assert (ends[0], ends[1:]) == ({"main": "told"}, [{"main": "nothing_new"}] * 14)
    [message] = chat.told()
    assert message["text"] == "Switchyard: 500+ tasks wait for a decision"
    assert message["blocks"][0]["accessory"]["url"] == f"{CONSOLE}/"
    lines = message["blocks"][1]["text"]["text"].splitlines()
    assert (len(lines), lines[-1]) == (6, "and 495+ more")
    assert len(str(world.store.all("notifications"))) < 2000
    await pause(world, "late")
    await run(world)
    assert chat.said == "Switchyard: 1 task waits for a decision"


async def test_minute_without_news_reads_a_few_documents_however_many_there_are(chat: Chat) -> None:
    world = wired(await paused(), chat)
    store = world.keep_in(Counting)
    document = await world.approval("t1")
    for n in range(300):
        store.put(f"approvals/old{n}", **document | {"task_id": f"old{n}", "outcome": "READY", "status": "approved"})
        store.put(f"dead_letters/{n}", created_at=store.now)
    await run(world, minutes=60)
    store.read_by_queries = 0
    await run(world)
    assert 0 < store.read_by_queries <= 20


@pytest.mark.parametrize("count", [2, MOST - 1, MOST])
async def test_counts_up_to_the_limit_are_exact(chat: Chat, count: int) -> None:
    world = wired(await paused(), chat)
    document = await world.approval("t1")
    for n in range(2, count + 1):
        world.store.put(f"approvals/t{n}", **document | {"task_id": f"t{n}"})
    await run(world)
    assert chat.said == f"Switchyard: {count}{'+' if count == MOST else ''} tasks wait for a decision"
    assert [await run(world) for _ in range(12)] == [{"main": "nothing_new"}] * 12


async def test_document_that_becomes_visible_late_is_told(chat: Chat) -> None:
    world = wired(await paused(), chat)
    document = await world.approval("t1")
    await run(world)
    await run(world)
    world.store.put("approvals/t2", **document | {"requested_at": world.store.now - timedelta(minutes=9)})
    await run(world)
    assert [m["text"] for m in chat.told()] == ["Switchyard: 1 task waits for a decision"] * 2
    assert "|t2>" in texts(chat.told()[1])
    assert "|t1>" not in texts(chat.told()[1])


async def test_task_that_fails_again_is_told_again(chat: Chat) -> None:
    world = wired(await paused(CANCEL_ORDER, confidence_threshold=1.0), chat)
    await fail(world, "gone")
    await run(world)
    await world_redriven(world)
    await run(world)
    assert [m["text"] for m in chat.told()] == ["Switchyard: 1 task ended FAILED"] * 2
    assert "gone" in texts(chat.told()[0])


def cancelling(does: str = "created", revision: str = "1") -> AutomationTask:
    """Return what intake makes of a comment on GitHub that asks for a cancellation, or of its end."""
    comment = {"id": 9, "body": f"Cancel order #10021 {revision}", "updated_at": revision, "user": {"login": "kim"}}
    event = {
        "action": does,
        "issue": {"id": 1},
        "comment": comment,
        "repository": {"id": 5},
        "changes": {"body": {"from": "x"}},
    }
    taken = take("github", event)
    assert isinstance(taken, AutomationTask)
    return taken


async def cancelled(chat: Chat, answer: Any = None, **settings: Any) -> World:
    """Return a world in which an order was cancelled because of a comment."""
    answer = answer or says("cancel_order", order_id="#10021")
    world = wired(World(answer, automatic=GOODS, **settings), chat)
    await run(world)
    task = cancelling()
    await world.classify(task)
    if (await world.record(task.task_id)).state == "AWAITING_APPROVAL":
        await world.decide(task.task_id, requester_email="kim@example.com")
    await world.execute(task.task_id, ScriptedHandler("done"), generation=(await world.record(task.task_id)).generation)
    assert (await world.record(task.task_id)).state == "SUCCEEDED"
    return world


@pytest.mark.parametrize("does", ["edited", "deleted"])
async def test_words_that_are_taken_back_after_an_effect_on_goods_are_told_once(chat: Chat, does: str) -> None:
    world = await cancelled(chat)
    for _ in range(2):
        await world.classify(cancelling(does, "2"))
    assert [await run(world) for _ in range(12)] == [{"main": "told"}, *[{"main": "nothing_new"}] * 11]
    [message] = chat.told()
    task_id = cancelling().task_id
    assert message["text"] == "Switchyard: 1 request was taken back after its effect"
    assert message["blocks"][0]["accessory"]["url"] == f"{CONSOLE}/tasks/{task_id}"
    assert message["blocks"][1]["text"]["text"] == f"cancel_order · <{CONSOLE}/tasks/{task_id}|{task_id}> · {does}"
    await world.classify(cancelling("edited", "3"))
    assert [await run(world) for _ in range(2)] == [{"main": "told"}, {"main": "nothing_new"}]


async def test_words_that_are_taken_back_before_the_effect_or_of_no_weight_are_not_told_so(chat: Chat) -> None:
    world = await cancelled(chat, says("ticket_summary", summary="Cancel order"))
    await world.classify(cancelling("edited", "2"))
    waiting = wired(World(says("cancel_order", order_id="#10021")), chat)
    await waiting.classify(cancelling())
    await waiting.classify(cancelling("edited", "2"))
    for told in (world, waiting):
        await run(told)
    assert [m["text"] for m in chat.told()] == ["Switchyard: 1 task waits for a decision"]


async def test_effect_that_the_provider_reverses_later_is_told_as_failed(chat: Chat) -> None:
    world = wired(await paused(), chat)
    await world.decide("t1")
    await world.execute("t1", ScriptedHandler("done"))
    await run(world)
    refund = {"id": "re_1", "object": "refund", "status": "failed", "metadata": {"effect_key": "t1.refund_request.1"}}
    taken = take("stripe", {"id": "evt_1", "type": "refund.failed", "data": {"object": refund}})
    assert isinstance(taken, AutomationTask)
    await world.classify(taken)
    assert (await world.record("t1")).state == "FAILED"
    assert [await run(world) for _ in range(2)] == [{"main": "told"}, {"main": "nothing_new"}]
    assert chat.said == "Switchyard: 1 task ended FAILED"
    error = (await world.record("t1")).error
    assert error is not None
    assert error.code in texts(chat.told()[-1])


async def world_redriven(world: World) -> None:
    from shared.records.repairs import redrive

    await redrive(world.ports, "t1", Person("ops@example.com", "console"), await world.look("t1"), reason="again")
    await world.execute("t1", ScriptedHandler(Permanent("no", code="gone")))


@pytest.mark.parametrize(
    ("ttl", "left", "main", "escalation"),
    [
        (72 * 3600, timedelta(hours=4, minutes=1), False, False),
        (72 * 3600, timedelta(hours=3, minutes=59), True, False),
        (72 * 3600, timedelta(hours=1, minutes=1), True, False),
        (72 * 3600, timedelta(minutes=59), True, True),
        (3600, timedelta(minutes=16), False, False),
        (3600, timedelta(minutes=14), True, False),
        (3600, timedelta(seconds=230), True, False),
        (3600, timedelta(seconds=220), True, True),
        (3600, timedelta(seconds=-1), False, False),
    ],
)
async def test_approval_about_to_expire_is_told_in_time(
    chat: Chat, ttl: float, left: timedelta, main: bool, escalation: bool
) -> None:
    world = wired(await paused(approval_ttl_s=ttl), chat, escalation=True)
    await run(world, minutes=0)
    before = len(chat.posts)
    world.now = (await world.approval("t1"))["expires_at"] - left
    await notify(world.ports)
    told = {p.target.rpartition("/")[2] for p in chat.posts[before:] if "about to expire" in p.body["text"]}
    assert told == ({"main"} if main else set()) | ({"escalation"} if escalation else set())
    after = len(chat.posts)
    await run(world, minutes=0)
    assert len(chat.posts) == after


async def test_escalation_hears_of_nothing_else(chat: Chat) -> None:
    world = wired(await paused(), chat, escalation=True)
    assert await run(world) == {"main": "told", "escalation": "nothing_new"}
    assert chat.told("escalation") == []


async def test_decided_approval_does_not_expire(chat: Chat) -> None:
    world = wired(await paused(), chat)
    await run(world)
    await world.edit("t1", status="approved")
    await run(world, minutes=71 * 60)
    await world.resume("t1")
    await run(world)
    assert len(chat.posts) == 1
