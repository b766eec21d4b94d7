"""Every form that there is, sent with hostile texts and with nothing: what is refused comes back as it was typed, with
the reason; whatever was written stays text.
"""

from __future__ import annotations

import re

import httpx
import pytest

from functions.console.identity import DEVELOPER
from shared.records import routers
from shared.task.moves import Person
from tests.contract.console.pages.browser import HOSTILE, Browser, open_browser
from tests.contract.console.pages.forms import TYPED, Form, forms
from tests.steps.test_breakers import trip
from tests.world import World, says, ticket

STATES = ("t1", "unclassified", "FAILED", "UNKNOWN", "REJECTED", "READY")
PAGES = (
    "/",
    "/tasks?state=FAILED",
    "/tasks?state=UNKNOWN",
    *(f"/tasks/{name}" for name in STATES),
    "/tasks/t1?intent=cancel_order",
    "/dead-letters",
    "/health",
    "/switches",
    "/audits",
    "/policy",
    "/router",
)
ASKED = ("approve", "reject", "redrive", "close", "settle")
EMPTY = " "


async def furnished() -> World:
    """Return a world in which every form is shown."""
    world = World(promoters=frozenset({DEVELOPER}), classifier="genai")
    for name in STATES:
        fits = says("refund_request", order_id="#10021", amount_minor=2500, currency="USD")
        world.model.answers = [says("out_of_scope") if name == "unclassified" else fits]
        await world.classify(ticket("Please refund $25.00 for order #10021, it arrived broken", task_id=name))
    for name in ("FAILED", "UNKNOWN", "REJECTED"):
        world.store.put(f"tasks/{name}", state=name)
    await world.decide("READY")
    world.bury("t1", "t1")
    await trip(world, "order_status")
    developer = Person(DEVELOPER, "console")
    for rules in ("Answer as a clerk.", "Be brief."):
        version = await routers.upload(world.ports, developer, "prompt", rules)
    await routers.promote(world.ports, developer, version, "it is better")
    return world


async def shown(browser: Browser, path: str) -> str:
    """Return a page by its path, or by `?action`, that of the form that asks whether many shall be decided."""
    if not path.startswith("?"):
        return (await browser.get(path)).text
    action = path[1:]
    of = {"settle": "UNKNOWN", "close": "FAILED", "redrive": "FAILED"}.get(action, "t1")
    page = (
        await browser.get("/tasks?state=FAILED" if of == "FAILED" else f"/tasks?state={of}" if of != "t1" else "/")
    ).text
    picked = re.findall(rf'name="pick" value="({of}[|][^"]+)"', page)
    return (await browser.post("/bulk", [("pick", picked[0]), ("action", action)])).text


async def send(browser: Browser, form: Form, pairs: list[tuple[str, str]]) -> httpx.Response:
    if form.method == "get":
        answer = await browser.http.get(form.action, params=dict(pairs))
    else:
        data: dict[str, list[str]] = {}
        for name, value in pairs:
            data.setdefault(name, []).append(value)
        answer = await browser.http.post(form.action, data=data)
    return await browser.get(answer.headers["location"]) if answer.is_redirect else answer


@pytest.mark.parametrize("typed", [HOSTILE, EMPTY], ids=["hostile", "empty"])
@pytest.mark.parametrize("path", [*PAGES, *(f"?{action}" for action in ASKED)])
async def test_what_is_refused_comes_back_as_typed_and_what_was_written_stays_text(
    http: httpx.AsyncClient, path: str, typed: str
) -> None:
    browser = open_browser(http, await furnished())
    found = [(n, b) for n, form in enumerate(forms(await shown(browser, path))) for b in form.buttons]
    assert found, "a page without forms is none of these"
    for number, button in found:
        browser = open_browser(http, await furnished())
        form = forms(await shown(browser, path))[number]
        pairs = form.sent(typed, button)
        answer = await send(browser, form, pairs)
        what = f"{path} {form.action} {button}: {answer.status_code}"
        assert answer.status_code < 500, what
        assert "<script>alert" not in answer.text, what
        assert "\u202e" not in re.sub(r'value="[^"]*"|<textarea[^>]*>[^<]*', "", answer.text), what
        if answer.status_code < 400:
            continue
        alert = re.findall(r'role="alert"[^>]*>\s*([^<]{10,})', answer.text)
        assert alert, what
        again = [f for f in forms(answer.text) if f.action.partition("?")[0] == form.action.partition("?")[0]]
        fields = {f.name: f for f in again[min(len(again) - 1, _place(form, again))].fields} if again else {}
        wrote = [f.name for f in form.fields if f.kind in TYPED]
        if typed.strip():
            kept = {name: fields[name].value if name in fields else None for name in wrote}
            assert kept == dict.fromkeys(wrote, typed), f"{what} {alert}"
        if answer.status_code in (400, 422):
            assert [f for f in fields.values() if f.is_invalid], f"{what} {alert}: which field?"


def _place(form: Form, again: list[Form]) -> int:
    """Return which of several forms to one address is this one: that with the same fields."""
    names = [f.name for f in form.fields]
    return next((n for n, other in enumerate(again) if [f.name for f in other.fields] == names), 0)
