"""What people do at the console, done in Chromium: by mouse, by keyboard, by phone, without JavaScript."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from shared.intent.outcomes import Ambiguous, Permanent
from tests.browser.serving import at_present, chromium, served
from tests.contract.console.api.test_traces import decided
from tests.scripted import ScriptedHandler
from tests.spans import traced
from tests.steps.test_audits import audited, label
from tests.steps.test_breakers import trip
from tests.world import REFUND, SUMMARY, World, says, ticket

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> [x](javascript:alert(3)) \u202egnp.exe \x1b[31mred "
    "<a href='javascript:alert(4)'>click</a> " + "long " * 40_000
)
PHONE, DESKTOP = {"width": 390, "height": 800}, {"width": 1280, "height": 900}
expect.set_options(timeout=30_000)  # a page looks for news every four seconds


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest.fixture
async def world() -> World:
    made = at_present(World(REFUND[1]), minutes=5)
    for n in range(3):
        await made.classify(ticket(REFUND[0].raw_payload["text"], task_id=f"r{n}"))
        made.pass_time(seconds=30)
    return made


async def opened(browser: Browser, url: str, path: str = "/", **options: Any) -> Page:
    """Return a page of a person of their own; what the browser complains of is kept in `page.complaints`."""
    page = await (await browser.new_context(**options)).new_page()
    page.set_default_timeout(30_000)
    await page.goto(url + path)
    return page


async def state(world: World, task_id: str) -> str:
    return str((await world.record(task_id)).state)


async def test_refund_is_approved_with_two_clicks(browser: Browser, world: World) -> None:
    async with served(world) as url:
        page = await opened(browser, url)
        await page.get_by_role("link", name="Refund 25.00 USD of order 10021").first.click()
        await expect(page.get_by_text("25.00 USD", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("#told")).to_contain_text("Approved: Refund 25.00 USD of order 10021")
        await expect(page).to_have_url(f"{url}/tasks/r1")
        assert await state(world, "r0") == "READY"


async def test_parameters_are_changed_and_approved(browser: Browser, world: World) -> None:
    async with served(world) as url:
        page = await opened(browser, url, "/tasks/r0")
        await page.get_by_text("Change the parameters").click()
        await page.get_by_label("amount", exact=True).fill("a lot")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.get_by_role("alert")).to_contain_text("amount must be written as 25.00")
        await expect(page.get_by_label("amount", exact=True)).to_have_value("a lot")
        await page.get_by_label("amount", exact=True).fill("12.00")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("#told")).to_contain_text("Approved: Refund 12.00 USD of order 10021")
        assert (await world.record("r0")).parameters["amount_minor"] == 1200


async def test_decision_of_somebody_else_shows_up_and_cannot_be_made_twice(browser: Browser, world: World) -> None:
    async with served(world) as url:
        first, second = await opened(browser, url, "/tasks/r0"), await opened(browser, url, "/tasks/r0")
        without_script = await opened(browser, url, "/tasks/r0", java_script_enabled=False)
        await first.get_by_role("button", name="Reject").click()
        await expect(first.locator("#told")).to_contain_text("Rejected:")
        await expect(second.get_by_role("button", name="Ask again")).to_be_visible()
        await expect(second.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
        await expect(second.locator("#head .state")).to_have_text("rejected")
        await without_script.get_by_role("button", name="Approve").click()
        await expect(without_script.get_by_role("alert")).to_contain_text("REJECTED")
        assert await state(world, "r0") == "REJECTED"


async def test_page_offers_no_door_that_was_shut_and_keeps_what_is_being_typed(browser: Browser, world: World) -> None:
    async with served(world) as url:
        idle, typing = await opened(browser, url, "/tasks/r0"), await opened(browser, url, "/tasks/r0")
        await typing.get_by_label("Comment").fill("wait, I know this one")
        await world.decide("r0")
        await world.execute("r0", ScriptedHandler(Permanent("no such order")))
        await expect(idle.get_by_role("button", name="Run it again now")).to_be_visible()
        await expect(idle.get_by_role("button", name="Cancel")).to_have_count(0)
        await expect(typing.get_by_role("button", name="Approve")).to_be_disabled()
        await expect(typing.get_by_label("Comment")).to_have_value("wait, I know this one")
        await typing.get_by_role("button", name="Show what can be done now").click()
        await expect(typing.get_by_role("button", name="Run it again now")).to_be_visible()


async def test_expired_approval_says_so(browser: Browser, world: World) -> None:
    async with served(world) as url:
        page = await opened(browser, url, "/tasks/r0")
        world.pass_time(hours=73)
        await page.get_by_role("button", name="Approve").click()
        await expect(page.get_by_role("alert")).to_contain_text("expired")
        assert await state(world, "r0") == "AWAITING_APPROVAL"


async def test_hostile_event_runs_nothing_and_asks_nobody(browser: Browser) -> None:
    world = at_present(World(says("change_address", order_id="#20017", new_address=HOSTILE[:280])))
    await world.classify(ticket(HOSTILE, email="<img src=x onerror=alert(5)>@example.com"))
    async with served(world) as url:
        page = await opened(browser, url, "/health")
        events: list[str] = []
        page.on("dialog", lambda dialog: events.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: events.append(request.url) if not request.url.startswith(url) else None)
        page.on("pageerror", lambda error: events.append(f"error {error}"))
        page.on("console", lambda line: events.append(line.text) if line.type == "error" else None)
        for path in ("/", "/tasks", "/tasks/t1"):
            await page.goto(url + path)
            assert await page.locator("main img, main script, main a[href^=javascript]").count() == 0
        await page.goto(f"{url}/tasks/t1/payload")
        assert events == []


async def test_keyboard_alone_is_enough(browser: Browser, world: World) -> None:
    async with served(world) as url:
        page = await opened(browser, url)
        for key in ("j", "j", "Enter"):
            await page.keyboard.press(key)
        await page.wait_for_url("**/tasks/r1")
        await page.keyboard.press("c")
        await page.keyboard.type("by hand: ar")
        await page.keyboard.press("Escape")
        await page.keyboard.press("a")
        assert await state(world, "r1") == "AWAITING_APPROVAL"
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/tasks/r2")
        record = await world.record("r1")
        assert record.approval is not None
        assert record.approval.comment == "by hand: ar"
        await page.keyboard.press("n")
        await page.wait_for_url(f"{url}/")


async def test_one_key_answers_an_audit(browser: Browser) -> None:
    world = at_present(await audited(2))
    async with served(world) as url:
        page = await opened(browser, url, "/audits")
        for key, answered in (("y", "t1: right"), ("p", "t2: wrong parameters")):
            await page.keyboard.press(key)
            await expect(page.locator("[role=status]").filter(has_text=answered)).to_be_visible()
            await page.wait_for_load_state()  # before that no key is heard
    assert [label(world, task)["verdict"] for task in ("t1", "t2")] == ["right", "corrected"]


async def test_phone_shows_everything_without_sideways_scrolling(browser: Browser, world: World) -> None:
    async with served(world) as url:
        page = await opened(browser, url, viewport=PHONE, has_touch=True, is_mobile=True)
        for path in ("/", "/tasks", "/health", "/report", "/dead-letters", "/audits", "/policy", "/tasks/r0"):
            await page.goto(url + path)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        await page.get_by_role("button", name="Approve").tap()
        await expect(page.locator("#told")).to_contain_text("Approved:")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_where_the_time_went_is_seen_whole(browser: Browser, tmp_path: Path, size: Any) -> None:
    with traced() as kept:
        world = await decided(kept, tmp_path)
    async with served(world) as url:
        page = await opened(browser, url, "/tasks/t1", viewport=size)
        await page.get_by_role("heading", name="Where the time went").click()
        pictures = page.locator("#time .scroll")
        await expect(pictures).to_have_count(2)
        assert await pictures.evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth)")
        await expect(page.get_by_role("img", name="ms in,").last).to_be_visible()
        await must_have_no_barrier(page)


async def test_everything_is_decided_without_javascript(browser: Browser, world: World) -> None:
    async with served(world) as url:
        page = await opened(browser, url, java_script_enabled=False)
        for box in ("r0", "r2"):
            await page.get_by_label(f"Select {box}").check()
        await page.get_by_role("button", name="Approve selected").click()
        await page.get_by_role("button", name="Approve 2").click()
        await expect(page.get_by_role("heading", name="2 done, 0 refused")).to_be_visible()
        await page.goto(f"{url}/tasks/r1")
        await page.get_by_label("It is another intent").select_option("cancel_order")
        await page.get_by_role("button", name="Fill in").click()
        await page.get_by_role("button", name="Approve as cancel_order").click()
        await expect(page.locator("#told")).to_contain_text("Approved: Cancel order 10021")
        assert [await state(world, f"r{n}") for n in range(3)] == ["READY"] * 3


async def test_new_and_decided_tasks_show_up_without_reload_and_nothing_moves(browser: Browser, world: World) -> None:
    async with served(world) as url:
        page = await opened(browser, url)
        await page.evaluate("window.kept = true")
        before = await page.locator("#t-r2").bounding_box()
        await world.decide("r0", "reject")
        await world.classify(ticket(REFUND[0].raw_payload["text"], task_id="r9"))
        await expect(page.locator("#t-r9")).to_be_visible()
        await expect(page.locator("#t-r0")).to_have_class("gone")
        await expect(page.get_by_label("Select r0")).to_be_disabled()
        assert await page.locator("#t-r2").bounding_box() == before
        assert await page.evaluate("window.kept")


async def must_have_no_barrier(page: Page) -> None:
    found = await Axe().run(page)
    assert [(v["id"], v["nodes"][0]["target"]) for v in found.response["violations"]] == [], page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_has_a_barrier_that_axe_finds(browser: Browser, world: World, scheme: Any) -> None:
    world.model.answers = [SUMMARY[1]]
    world.set(audit_share=1.0)
    await world.classify(ticket("Summarize this ticket", task_id="u1"))
    await world.execute("u1", ScriptedHandler(Ambiguous("no answer")))
    await world.decide("r1")
    await world.execute("r1", ScriptedHandler(Permanent("no such order")))
    await trip(world, "order_status")
    lists = ("/", "/tasks", "/tasks?state=FAILED", "/dead-letters", "/audits")
    async with served(world) as url:
        page = await opened(browser, url, color_scheme=scheme)
        for path in (*lists, "/tasks/r0", "/tasks/r1", "/tasks/u1", "/health", "/report", "/x"):
            await page.goto(url + path)
            await must_have_no_barrier(page)
        await page.goto(f"{url}/policy")
        await must_have_no_barrier(page)
        await page.get_by_label("refund_request: up to which amount").fill("50.00 USD")
        await page.get_by_role("button", name="Try").click()
        await expect(page.get_by_role("heading", name="What would be different")).to_be_visible()
        await must_have_no_barrier(page)


async def test_keys_are_shown_on_a_question_mark(browser: Browser, world: World) -> None:
    async with served(world) as url:
        page = await browser.new_page()
        await page.goto(url)
        keys = page.locator("#keys dl")
        assert not await keys.is_visible()
        await page.keyboard.press("?")
        assert await keys.is_visible()
        await page.keyboard.press("?")
        assert not await keys.is_visible()


async def test_browser_tells_of_what_waits_only_whoever_asked_for_it(browser: Browser, world: World) -> None:
    async with served(world) as url:
        context = await browser.new_context(permissions=["notifications"])
        page = await context.new_page()
        await page.add_init_script(
            "window.told = []; window.Notification = class { static permission = 'granted';"
            " static async requestPermission() { return 'granted'; }"
            " constructor(title, how) { window.told.push(how.body); } addEventListener() {} };"
            " Object.defineProperty(document, 'hidden', { get: () => window.away ?? false });"
        )
        await page.goto(url)
        look = "async () => { window.away = true; asked = 0; await poll(); }"  # as a minute later
        await world.classify(ticket("Please refund $25.00 for order #10021", task_id="later"))
        await page.evaluate(look)
        assert await page.evaluate("window.told") == []
        await page.evaluate("window.away = false")
        await page.locator("#notify").click()
        await page.evaluate("poll()")
        await world.classify(ticket("Please refund $25.00 for order #10021", task_id="still"))
        await page.evaluate(look)
        assert await page.evaluate("window.told") == ["1 more task waits; 5 in all"]
