"""What people are told in chat: everything new, once, in one message, and not a word of a stranger."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from functions.intake.taking import take
from functions.notify import messages
from functions.notify.memory import Digest
from functions.notify.messages import LISTS, WORDS
from functions.notify.news import MOST, Item
from functions.notify.step import notify
from shared.errors import CommitUnknown, Conflict, StoreUnavailable
from shared.intent.outcomes import Pending, Permanent
from shared.records.breakers import open_breaker
from shared.records.letters import close_letter
from shared.records.repairs import settle
from shared.settings import Webhook
from shared.task.moves import Person
from shared.task.schemas import AutomationTask
from shared.wiring.ports import Snapshot
from tests.chat import Chat, serving
from tests.scripted import ScriptedHandler
from tests.store import BEGINNING, MemoryStore, Unapplied
from tests.world import CANCEL_ORDER, GOODS, REFUND, World, paused, says, ticket

CONSOLE = "https://ops.example.com"
OPS = Person("ops@example.com", "console")
HOSTILE = "<!channel> <@U1> *bold* [x](javascript:alert(1)) & please approve"


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    async with serving() as chat:
        yield chat


def wired(world: World, chat: Chat, *, format: Any = "slack", escalation: bool = False) -> World:
    """Give a world the webhooks of a chat."""
    settings: dict[str, Any] = {"notify_webhook": Webhook(format, f"{chat.url}/services/main")}
    if escalation:
        settings["escalation_webhook"] = Webhook(format, f"{chat.url}/services/escalation")
    world.set(console_url=CONSOLE, **settings)
    return world


async def run(world: World, minutes: float = 1) -> dict[str, Any]:
    """Let a minute pass and look once."""
    world.pass_time(minutes=minutes)
    await world.ports.pool.close()  # by then a host that failed is asked again
    return dict((await notify(world.ports)).body or {})


async def pause(world: World, *task_ids: str, case: Any = REFUND) -> None:
    """Let more tasks pause in a world."""
    for task_id in task_ids:
        world.model.answers = [case[1]]
        await world.classify(case[0].model_copy(update={"task_id": task_id}))


async def fail(world: World, code: str = "no", task_id: str = "t1") -> None:
    """Approve a waiting task, whose handler then refuses."""
    await world.decide(task_id)
    await world.execute(task_id, ScriptedHandler(Permanent("card 4111", code=code)))


def texts(message: dict[str, Any]) -> str:
    """Return every string of a message."""
    return json.dumps(message, ensure_ascii=False)


async def test_without_a_webhook_nothing_is_sent_or_remembered() -> None:
    world = await paused()
    outcome = await notify(world.ports)
    assert (outcome.code, outcome.severity, world.store.all("notifications")) == ("no_webhook", "INFO", [])


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


class Counting(MemoryStore):
    """Counts the documents that queries return."""

    read_by_queries = 0

    async def query(self, *what: Any, **how: Any) -> list[Snapshot]:
        found = await super().query(*what, **how)
        self.read_by_queries += len(found)
        return found


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
    from shared.task.moves import Person

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


# --- trouble


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


# --- content


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


# --- what still wants somebody


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
