"""What nobody has seen to is told again, once a day."""

from __future__ import annotations

from functions.notify.news import MOST
from shared.intent.outcomes import Pending
from shared.records.letters import close_letter
from shared.records.repairs import settle
from tests.chat import Chat
from tests.scripted import ScriptedHandler
from tests.steps.telling import CONSOLE, OPS, Counting, run, wired
from tests.world import World, paused


async def left_unknown(world: World, task_id: str = "t1") -> None:
    """Approve a waiting task, whose effect then is in doubt."""
    await world.decide(task_id)
    await world.execute(task_id, ScriptedHandler(Pending("the bank has it", code="pending")))
    assert (await world.record(task_id)).state == "UNKNOWN"


async def test_what_nobody_has_looked_at_is_reminded_of_daily_and_once_a_day(chat: Chat) -> None:
    world = wired(await paused(), chat)
    await left_unknown(world)
    await world.deadletter(b"junk", "tasks")
    assert await run(world) == {"main": "told"}
    assert [await run(world, minutes=60) for _ in range(23)] == [{"main": "nothing_new"}] * 23
    assert await run(world, minutes=60) == {"main": "told"}
    assert chat.said == (
        "Switchyard: 1 task is still UNKNOWN: nobody has looked, 1 message that was given up is still open"
    )
    head, lines, letters, _ = chat.told()[-1]["blocks"]
    assert head["accessory"]["url"] == f"{CONSOLE}/tasks/t1"
    assert lines["text"]["text"] == f"refund_request · <{CONSOLE}/tasks/t1|t1> · pending · since 2026-01-05 09:00 UTC"
    assert letters["accessory"]["url"] == f"{CONSOLE}/dead-letters"
    days = [[await run(world, minutes=60) for _ in range(24)] for _ in range(3)]
    assert [day.count({"main": "told"}) for day in days] == [1, 1, 1]
    [(path, _)] = world.store.items("dead_letters")
    await close_letter(world.ports, path.partition("/")[2], OPS, reason="seen")
    await settle(world.ports, "t1", OPS, await world.look("t1"), verdict="applied", reason="seen")
    assert [await run(world, minutes=60) for _ in range(48)] == [{"main": "nothing_new"}] * 48


async def test_reminder_that_was_not_taken_comes_again(chat: Chat) -> None:
    world = wired(await paused(), chat)
    await left_unknown(world)
    await run(world)
    chat.statuses = [500, 200]
    await run(world, minutes=24 * 60)
    assert [await run(world) for _ in range(3)] == [{"main": end} for end in ("not_told", "told", "nothing_new")]
    assert chat.said == "Switchyard: 1 task is still UNKNOWN: nobody has looked"


async def test_thousands_of_open_letters_are_one_reminder_of_bounded_cost(chat: Chat) -> None:
    world = wired(World(), chat)
    await run(world)
    for n in range(MOST + 20):
        world.bury(f"m{n}", redriven_at=None)
    await run(world, minutes=2 * 24 * 60)
    assert chat.said == f"Switchyard: {MOST}+ messages were given up"
    store = world.keep_in(Counting)
    await run(world)
    assert chat.said == f"Switchyard: {MOST}+ messages that were given up are still open"
    assert store.read_by_queries <= 2 * MOST
    assert len(str(world.store.all("notifications"))) < 2000


async def test_last_moment_chat_hears_of_no_reminder(chat: Chat) -> None:
    world = wired(await paused(), chat, escalation=True)
    await left_unknown(world)
    await run(world)
    await run(world, minutes=2 * 24 * 60)
    assert await run(world) == {"main": "told", "escalation": "nothing_new"}
