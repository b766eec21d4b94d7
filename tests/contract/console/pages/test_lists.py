"""The list somebody works through: what a row says, in which order, what it leaves out, and the way to the next one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from functions.console.finding import MOST_LOOKED_AT
from shared.intent.outcomes import Permanent
from shared.records.tombstones import entomb
from shared.task.schemas import AutomationTask
from tests.contract.console.pages.browser import HOSTILE, SAME, open_browser, shown
from tests.scripted import ScriptedHandler
from tests.world import REFUND, World, paused, says, ticket


def rows(page: str) -> list[str]:
    """The ids of a list's tasks, from top to bottom."""
    return re.findall(r'<tr id="t-([^"]+)"', page)


async def approval(world: World, task_id: str) -> dict[str, str]:
    """The form that approves a task as it is."""
    return {"decision": "approve", "intent": "refund_request"} | SAME | await shown(world, task_id)


async def waits(world: World, task_id: str, minor: int = 2500, currency: str = "USD", **more: Any) -> None:
    world.model.answers = [says("refund_request", order_id="#10021", amount_minor=minor, currency=currency)]
    text = f"Please refund {minor / 100:.2f} {currency} for order #10021"
    await world.classify(ticket(text, task_id=task_id, **more))
    world.pass_time(minutes=10)


@pytest.fixture
async def world() -> World:
    made = World()
    await waits(made, "a")
    await waits(made, "b", 12_000, priority=5)
    await waits(made, "c", 99_900, "EUR", email="olena.shevchenko@example.com")
    await waits(made, "d", priority=4)
    return made


async def test_urgent_tasks_come_first_and_then_those_that_expire_first(http: httpx.AsyncClient, world: World) -> None:
    browser = open_browser(http, world)
    for query, found in (("", "bdac"), ("?order=oldest", "abcd"), ("?order=newest", "dcba"), ("?order=amount", "cbda")):
        assert "".join(rows((await browser.get(f"/{query}")).text)) == found


async def test_largest_amounts_come_first_page_by_page_and_follow_an_edit(
    http: httpx.AsyncClient, world: World
) -> None:
    browser = open_browser(http, world)
    world.model.answers = [says("out_of_scope")]
    await world.classify(ticket("What is this about?", task_id="e"))
    edit = SAME | {"decision": "edit", "p.amount_minor": "1200.00"}
    await browser.post("/tasks/d/decide", await approval(world, "d") | edit)
    asked: dict[str, str] | None = {"state": "AWAITING_APPROVAL", "order": "amount", "limit": "2"}
    pages = []
    while asked:
        page = (await http.get("/api/tasks", params=asked)).json()
        pages.append("".join(task["task_id"] for task in page["tasks"]))
        asked = asked | {"page_token": page["next_page_token"]} if page["next_page_token"] else None
    assert pages == ["dc", "ba", "e"]
    for query, found in (("q=shevch", "c"), ("min=100&max=1000", "cb"), ("requester=kim&max=130", "ba")):
        assert "".join(rows((await browser.get(f"/?order=amount&{query}")).text)) == found
    assert (await browser.get("/next?after=c&list=%2F%3Forder%3Damount")).headers["location"].startswith("/tasks/b?")
    assert (await http.get("/api/tasks?order=amount")).json()["error"]["field"] == "order"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=SHEVCH", "c"),
        ("q=%2310021+refund", "bdac"),
        ("q=10021+olena", "c"),
        ("requester=Kim", "bda"),
        ("min=120", "bc"),
        ("min=120&max=500.00", "b"),
        ("max=25", "da"),
        ("intent=refund_request&requester=olena&min=1", "c"),
        ("intent=cancel_order", ""),
        ("assignee=lead", ""),
        ("older=1d", "bdac"),
        ("decided_by=me", ""),
        ("q=nobody", ""),
    ],
)
async def test_filters_combine(http: httpx.AsyncClient, world: World, query: str, found: str) -> None:
    assert "".join(rows((await open_browser(http, world).get(f"/?{query}")).text)) == found


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("older=yesterday", "older must be an age such as 30min, 2h or 3d"),
        ("min=much", "min must be an amount such as 25 or 25.00"),
        ("max=1e5", "max must be an amount"),
        ("order=cheapest", "order must be one of newest, oldest, urgent, amount"),
        (f"requester={'x' * 255}", "requester must be an address or a part of one"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_by_name(http: httpx.AsyncClient, query: str, why: str) -> None:
    answer = await open_browser(http, await paused()).get(f"/?{query}")
    assert (answer.status_code, why in answer.text) == (400, True)


async def test_row_says_effect_person_ticket_and_reason(http: httpx.AsyncClient) -> None:
    world = World(REFUND[1])
    sent = {
        "ticket": {"id": "4200", "title": "Broken lamp", "description": REFUND[0].raw_payload["text"]},
        "requester": {"email": "kim@example.com", "name": "Kim Larsen"},
    }
    sent["ticket"]["link"] = "https://acme.zendesk.com/agent/tickets/4200"
    await world.classify(AutomationTask(task_id="t1", source="zendesk", raw_payload=sent, priority=5))
    page = (await open_browser(http, world).get("/")).text
    for said in (
        "Refund 25.00 USD of order 10021",
        "Broken lamp",
        "it arrived broken",
        "Kim Larsen",
        "kim@example.com",
        'href="https://acme.zendesk.com/agent/tickets/4200" rel="noreferrer"',
        "zendesk 4200",
        "money intents need a person",
        'title="priority 5">urgent',
    ):
        assert said in page, said


async def test_ticket_whose_event_names_no_host_leads_back_to_our_own_help_desk(http: httpx.AsyncClient) -> None:
    event = {"detail": {"id": "4200", "subject": "Refund", "description": REFUND[0].raw_payload["text"]}}
    for url, found in (("https://acme.zendesk.com", True), ("", False)):
        world = World(REFUND[1], zendesk_url=url)
        await world.classify(AutomationTask(task_id="t1", source="zendesk", raw_payload=event))
        page = (await open_browser(http, world).get("/")).text
        assert ('href="https://acme.zendesk.com/agent/tickets/4200"' in page) is found


async def test_hostile_words_in_a_row_are_words_and_private_ones_are_masked(http: httpx.AsyncClient) -> None:
    world = World(says("out_of_scope"))
    sent = {"id": HOSTILE[:30], "subject": HOSTILE, "text": "card 4111 1111 1111 1111", "link": "javascript:alert(1)"}
    await world.classify(AutomationTask(task_id="t1", source="helpdesk", raw_payload=sent))
    browser = open_browser(http, world)
    for path in ("/", "/tasks", "/tasks/t1"):
        page = (await browser.get(path)).text
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert 'href="javascript' not in page
        assert "4111" not in page


async def test_task_of_a_list_leads_to_the_next_one_of_that_list(http: httpx.AsyncClient, world: World) -> None:
    browser = open_browser(http, world)
    listing, way = "/?requester=kim", []
    page, path = (await browser.get(listing)).text, ""
    for _ in range(3):
        path = path or re.findall(r'class="open" href="([^"]+)"', page)[0]
        way.append(path.partition("?")[0])
        page = (await browser.get(path.replace("&amp;", "&"))).text
        after = re.findall(r'href="(/next[^"]+)"', page)[0].replace("&amp;", "&")
        path = (await browser.get(after)).headers["location"]
    assert (way, path) == (["/tasks/b", "/tasks/d", "/tasks/a"], listing)


async def test_decision_leads_to_the_next_task_and_says_what_was_done(http: httpx.AsyncClient, world: World) -> None:
    browser = open_browser(http, world)
    form = await approval(world, "d") | {"list": "/?requester=kim"}
    assert 'name="list" value="/?requester=kim"' in (await browser.get("/tasks/d?list=%2F%3Frequester%3Dkim")).text
    # A form that was refused comes back, and leads from there to the same list.
    refused = await browser.post("/tasks/d/decide", form | {"p.amount_minor": "much"})
    assert (refused.status_code, 'name="list" value="/?requester=kim"' in refused.text) == (422, True)
    decided = await browser.post("/tasks/d/decide", form)
    answer = await browser.get(decided.headers["location"])
    assert answer.headers["location"] == "/tasks/a?list=%2F%3Frequester%3Dkim&told=d"
    page = (await browser.get(answer.headers["location"])).text
    assert "<strong>Approved:</strong>" in page
    assert "Refund 25.00 USD of order 10021" in page
    await browser.post("/tasks/a/decide", await approval(world, "a"))
    back = await browser.get("/next?after=a&done=yes&list=%2F%3Frequester%3Dkim")
    assert back.headers["location"] == "/tasks/b?list=%2F%3Frequester%3Dkim&told=a"


async def test_what_is_mine_and_what_i_decided_is_found_however_much_came_since(
    http: httpx.AsyncClient, world: World
) -> None:
    browser = open_browser(http, world)
    await browser.post("/tasks/a/assign", {"take": "yes"})
    await world.decide("b", "reject", by="xdeveloper@localhost")
    await browser.post("/tasks/c/decide", await approval(world, "c") | {"decision": "reject"})
    record = (await world.record("d")).model_dump()
    for n in range(MOST_LOOKED_AT + 1):
        world.store.put(f"tasks/later{n}", **record | {"task_id": f"later{n}", "created_at": world.now})
    assert rows((await browser.get("/tasks?assignee=me")).text) == ["a"]
    assert rows((await browser.get("/tasks?decided_by=me")).text) == ["c"]
    assert rows((await browser.get("/tasks?assignee=me&state=AWAITING_APPROVAL&order=urgent")).text) == ["a"]
    assert rows((await browser.get("/tasks?decided_by=developer&state=REJECTED")).text) == ["c", "b"]


async def test_failed_tasks_that_somebody_closed_are_no_work_any_more(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1")
    await world.execute("t1", ScriptedHandler(Permanent("the shop knows no such order")))
    browser = open_browser(http, world)
    work = re.findall(r'href="(/tasks[?]state=FAILED[^"]*)"', (await browser.get("/")).text)[0].replace("&amp;", "&")
    assert rows((await browser.get(work)).text) == ["t1"]
    await browser.repair("close")
    assert rows((await browser.get(work)).text) == []
    assert rows((await browser.get("/tasks?state=FAILED")).text) == ["t1"]
    assert rows((await browser.get("/tasks?closed=yes")).text) == ["t1"]


@pytest.mark.parametrize("listing", ["//evil.example/", "https://evil.example/", "/policy", "/?state=1", "x"])
async def test_way_to_the_next_task_stays_on_this_site(http: httpx.AsyncClient, listing: str) -> None:
    answer = await open_browser(http, await paused()).get(f"/next?after=t1&list={quote(listing)}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_what_is_left_of_an_erased_task_is_found_by_its_id_alone(http: httpx.AsyncClient, world: World) -> None:
    browser = open_browser(http, world)
    await world.decide("c", "reject")
    assert rows((await browser.get("/tasks?q=shevchenko")).text) == ["c"]
    await entomb(world.ports, "c")
    for words in ("shevchenko", "olena.shevchenko@example.com", "999.00"):
        assert rows((await browser.get(f"/tasks?q={words}")).text) == []
    assert (await browser.get("/tasks?q=c")).headers["location"] == "/tasks/c"


async def test_task_of_before_there_were_keys_is_found_by_its_id_or_how_that_begins(http: httpx.AsyncClient) -> None:
    world = await paused()
    old = world.store.look("tasks/t1").data or {}
    world.store.write("tasks/abcdefgh1234", {**old, "task_id": "abcdefgh1234", "ticket": None, "keys": []})
    browser = open_browser(http, world)
    assert (await browser.get("/tasks?q=abcdefgh1234")).status_code == 303
    for typed in ("abcdef", "ABCDEFGH12", "ABCDEFGH1234"):
        assert rows((await browser.get(f"/tasks?q={typed}")).text) == ["abcdefgh1234"]
    assert rows((await browser.get("/tasks?q=abcdef&state=FAILED")).text) == []


async def test_page_looks_at_no_more_than_its_rows_however_many_tasks_there_are(http: httpx.AsyncClient) -> None:
    world = await paused()
    old = world.store.look("tasks/t1").data or {}
    for n in range(2 * MOST_LOOKED_AT):
        world.store.write(f"tasks/n{n}", {**old, "task_id": f"n{n}", "keys": ["refund"]})
    seen = world.store.query_rows
    read = 0

    async def counted(*args: Any, **how: Any) -> Any:
        nonlocal read
        found = await seen(*args, **how)
        read += len(found)
        return found

    world.store.query_rows = counted  # type: ignore[method-assign]
    browser = open_browser(http, world)
    page = (await browser.get("/tasks?q=refund+nobody")).text
    assert (read, f"{MOST_LOOKED_AT} were looked at; there are more" in page) == (MOST_LOOKED_AT, True)
    more = re.findall(r'rel="next" href="([^"]+)"', page)[0].replace("&amp;", "&")
    assert (await browser.get(f"/tasks{more}")).status_code == 200
    assert read == 2 * MOST_LOOKED_AT


async def test_search_for_a_part_of_one_word_goes_on_beyond_what_one_page_looks_at(http: httpx.AsyncClient) -> None:
    world = await paused()
    old = world.store.look("tasks/t1").data or {}
    late = world.now + timedelta(days=1)
    for n in range(MOST_LOOKED_AT):
        world.store.write(f"tasks/n{n}", {**old, "task_id": f"n{n}", "created_at": late, "ticket": None, "keys": []})
    world.store.write("tasks/t1", {**old, "keys": ["unzipped"]})
    browser = open_browser(http, world)
    page = (await browser.get("/tasks?q=zippe")).text
    assert rows(page) == []
    more = re.findall(r'rel="next" href="([^"]+)"', page)[0].replace("&amp;", "&")
    assert rows((await browser.get(f"/tasks{more}")).text) == ["t1"]


@pytest.mark.parametrize("typed", ["...", "\U0001f600", "\x00", "- !", "\u202e", "https://"])
async def test_search_for_signs_alone_is_refused_instead_of_showing_everything(
    http: httpx.AsyncClient, typed: str
) -> None:
    browser = open_browser(http, await paused())
    page = await browser.get(f"/tasks?q={quote(typed)}")
    assert (page.status_code, rows(page.text)) == (400, [])
    assert "q must have a letter or a digit" in page.text
    assert rows((await browser.get("/tasks?q=%20")).text) == ["t1"]


async def test_page_that_is_not_there_has_a_way_to_find_a_task(http: httpx.AsyncClient) -> None:
    page = (await open_browser(http, await paused()).get("/tasks/nobody")).text
    assert 'action="/tasks"' in page
    assert 'href="/"' in page
