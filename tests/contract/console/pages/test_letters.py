"""Dead letters: sent again with their task or without one, or closed."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from shared.intent.outcomes import Permanent
from tests.contract.console.pages.browser import on_letter, open_browser
from tests.scripted import ScriptedHandler
from tests.world import REFUND, World, paused


async def test_letter_whose_task_failed_runs_it_again_and_is_closed(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1", "reject")
    letter = world.bury("t1", "t1")
    browser = open_browser(http, world)
    assert letter[:8] in (await browser.get("/dead-letters")).text
    asked = (await browser.post("/bulk", [("pick", letter), ("action", "redrive_letter")])).text
    assert "Redrive 1 dead letter?" in asked
    assert "<strong>Refund 25.00 USD of order 10021</strong>" in asked
    assert "25.00 USD" in asked
    assert "1 done, 0 refused" in (await browser.confirmed(asked, "fixed")).text
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"  # nobody has looked at it alone
    [stored] = world.store.all("dead_letters")
    assert (stored["redriven_by"], stored["redriven_why"]) == ("developer@localhost", "fixed")
    assert "already" in (await browser.confirmed(asked, "fixed")).text


async def test_letter_whose_task_was_approved_runs_it_again_at_once(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1")
    await world.execute("t1", ScriptedHandler(Permanent("the shop is closed")))
    letter = world.bury("t1", "t1")
    browser = open_browser(http, world)
    asked = (await browser.post("/bulk", [("pick", letter), ("action", "redrive_letter")])).text
    assert "1 done, 0 refused" in (await browser.confirmed(asked)).text
    record = await world.record("t1")
    assert (record.state, record.approval and record.approval.by) == ("READY", "ops@example.com")


@pytest.mark.parametrize("action", ["redrive_letter", "close_letter"])
async def test_letter_whose_task_moved_on_since_it_was_shown_is_refused_and_stays_open(
    http: httpx.AsyncClient, action: str
) -> None:
    world = await paused()
    await world.decide("t1", "reject")
    letter = world.bury("t1", "t1")
    browser = open_browser(http, world)
    asked = (await browser.post("/bulk", [("pick", letter), ("action", action)])).text
    assert '<code class="id">t1</code>' in asked
    await browser.repair("redrive")
    before = await world.record("t1")
    done = (await browser.confirmed(asked)).text
    assert ("0 done, 1 refused" in done, "has moved on" in done) == (True, True)
    assert await world.record("t1") == before
    assert world.store.all("dead_letters")[0]["redriven_at"] is None


async def test_letter_of_a_task_that_nobody_was_shown_is_not_redriven(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1", "reject")
    letter = world.bury("t1", "t1")
    done = (await open_browser(http, world).post("/bulk", on_letter(letter, "redrive_letter"))).text
    assert ("0 done, 1 refused" in done, "this letter is of a task" in done) == (True, True)
    assert (await world.record("t1")).state == "REJECTED"


async def test_letter_of_no_task_shows_none(http: httpx.AsyncClient) -> None:
    task, answer = REFUND
    world = await paused((task.model_copy(update={"task_id": "none"}), answer))
    letter = world.bury("nobody")
    browser = open_browser(http, world)
    asked = (await browser.post("/bulk", [("pick", letter), ("action", "redrive_letter")])).text
    assert 'class="picks"' not in asked
    assert f'name="pick" value="{letter}"' in asked
    assert "1 done, 0 refused" in (await browser.confirmed(asked)).text


async def test_letter_that_never_became_a_task_is_sent_again(http: httpx.AsyncClient) -> None:
    world = World()
    letter = world.bury("nobody")
    browser = open_browser(http, world)
    assert "1 done, 0 refused" in (await browser.post("/bulk", on_letter(letter, "redrive_letter"))).text
    assert world.publisher.on("tasks") == [{}]


@pytest.mark.parametrize("fields", [{"truncated": True}, {"subscription": "gone"}])
async def test_letter_that_cannot_be_sent_again_says_why_and_stays_open(
    http: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    world = World()
    letter = world.bury("nobody", **fields)
    answer = await open_browser(http, world).post("/bulk", on_letter(letter, "redrive_letter"))
    assert "0 done, 1 refused" in answer.text
    assert world.publisher.messages == []
    assert world.store.all("dead_letters")[0]["redriven_at"] is None


async def test_letter_is_closed_without_doing_anything(http: httpx.AsyncClient) -> None:
    world = World()
    letter = world.bury("nobody")
    browser = open_browser(http, world)
    assert "1 done, 0 refused" in (await browser.post("/bulk", on_letter(letter, "close_letter"))).text
    assert world.publisher.messages == []
    assert "already" in (await browser.post("/bulk", on_letter(letter, "redrive_letter"))).text


@pytest.mark.parametrize(
    ("data", "shown", "hidden"),
    [
        (
            b'{"id": bad, "text": "<script>alert(1)</script>", "card": "4111 1111 1111 1111"}',
            "&lt;script&gt;",
            "4111 1111",
        ),
        (b"\x80\xff\x00", "80 ff 00", "\x00"),
    ],
)
async def test_letter_shows_its_message_and_never_as_markup(
    http: httpx.AsyncClient, data: bytes, shown: str, hidden: str
) -> None:
    world = await paused()
    letter = world.bury("t1", "gone")
    world.store.put(f"dead_letters/{letter}", data=base64.b64encode(data).decode())
    browser = open_browser(http, world)
    assert f'href="/dead-letters/{letter}"' in (await browser.get("/dead-letters")).text
    page = (await browser.get(f"/dead-letters/{letter}")).text
    assert (shown in page, hidden in page, "<script>alert" in page) == (True, False, False)
    assert "which is not here" in page
    assert 'href="/tasks/gone"' not in page
    assert (await browser.get(f"/dead-letters/{'0' * 64}")).status_code == 404
    asked = (await browser.post("/bulk", [("pick", letter), ("action", "close_letter")])).text
    assert "1 done, 0 refused" in (await browser.confirmed(asked, "answered")).text


async def test_letter_is_named_by_what_lists_show_of_its_id(http: httpx.AsyncClient) -> None:
    world = await paused()
    letter = world.bury("t1", "t1")
    open_browser(http, world)
    assert (await http.get(f"/api/dead-letters/{letter[:8]}")).json()["letter_id"] == letter
    assert (await http.get(f"/api/dead-letters/{'0' * 8}")).status_code == 404
    other = letter[:9] + ("0" if letter[9] != "0" else "1") + letter[10:]
    world.store.put(f"dead_letters/{other}", **dict(world.store.all("dead_letters")[0]))
    refused = await http.get(f"/api/dead-letters/{letter[:8]}")
    assert refused.json()["error"]["code"] == "ambiguous"
