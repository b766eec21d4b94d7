"""`make screenshots`: the main views in Chromium, as the README shows them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, ViewportSize

from shared.intent.outcomes import Ambiguous, Permanent
from shared.task.schemas import AutomationTask
from shared.task.waiting import planned
from tests.browser.serving import at_present, chromium, served
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, SUMMARY, World, says, ticket

INTO = Path(__file__).parent / "screenshots"
AMOUNTS = (2500, 4990, 12_000, 3_150)
PEOPLE = ("Kim Larsen", "Olena Shevchenko", "Jonas Weber", "Priya Natarajan")
DESK = "https://acme.zendesk.com"
DESKTOP: ViewportSize = {"width": 1200, "height": 760}
PHONE: ViewportSize = {"width": 390, "height": 760}


def zendesk(number: int, title: str, text: str, name: str) -> AutomationTask:
    """Return the task of a trigger of Zendesk, as the README has it set up."""
    told = {"id": str(number), "title": title, "description": text, "link": f"{DESK}/agent/tickets/{number}"}
    email = f"{name.lower().replace(' ', '.')}@example.com"
    payload = {"ticket": told, "requester": {"name": name, "email": email}}
    return AutomationTask(
        task_id=f"zendesk-{number}", source="zendesk", raw_payload=payload, priority=5 if number == 4202 else 1
    )


async def furnish(world: World) -> None:
    """Bring tasks into every state that the views show."""
    for n in range(40):
        at_present(world, minutes=1400 - 35 * n)
        world.model.answers = [ORDER_STATUS[1]]
        handler = ScriptedHandler(
            Permanent("the shop knows no such order") if n % 11 == 3 else "shipped, here on Friday"
        )
        await world.classify(ticket("Where is my order #47384?", task_id=f"zendesk-{4100 + n}"))
        world.pass_time(seconds=2 + n % 5)
        await world.execute(f"zendesk-{4100 + n}", handler)
    for n, minor in enumerate(AMOUNTS):
        at_present(world, minutes=50 - n)
        text = f"Please refund ${minor / 100:.2f} for order #1002{n}, it arrived broken"
        world.model.answers = [says("refund_request", order_id=f"#1002{n}", amount_minor=minor, currency="USD")]
        await world.classify(zendesk(4200 + n, "Broken on arrival", text, PEOPLE[n]))
    plan = "Refund 25.00 USD of order 10020 through Stripe"
    looked_up = planned(await world.record("zendesk-4200"), plan, world.store.now)
    world.store.put("tasks/zendesk-4200", review=looked_up.review.model_dump())
    world.model.answers = [says("cancel_order", 0.62, order_id="#31177")]
    await world.classify(ticket("about order #31177, perhaps leave it", task_id="jira-77"))
    world.model.answers = [SUMMARY[1]]
    await world.classify(ticket("Summarize this ticket for the team", task_id="slack-12"))
    await world.execute("slack-12", ScriptedHandler(Ambiguous("no answer")))


async def shoot(browser: Browser, url: str) -> None:
    """Write the pictures."""
    views: dict[str, tuple[str, ViewportSize, Literal["light", "dark"]]] = {
        "waiting": ("/", DESKTOP, "light"),
        "task": ("/tasks/zendesk-4200", DESKTOP, "light"),
        "health": ("/health", DESKTOP, "light"),
        "unknown": ("/tasks/slack-12", DESKTOP, "dark"),
        "phone": ("/tasks/zendesk-4200", PHONE, "light"),
    }
    for name, (path, size, scheme) in views.items():
        page = await browser.new_page(viewport=size, color_scheme=scheme)
        await page.goto(url + path)
        await page.screenshot(path=INTO / f"{name}.png")
        print(f"wrote {name}.png")
        await page.close()


async def main() -> None:
    """Serve a world in memory and photograph it."""
    world = World()
    await furnish(world)
    async with served(world) as url, chromium() as browser:
        await shoot(browser, url)


if __name__ == "__main__":
    asyncio.run(main())
