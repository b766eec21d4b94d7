"""The console's pages through the app that is deployed: what people see, and what their forms do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest

import functions.console.main as console
from functions.console import guard, identity, present
from functions.console.health import LOOK_S, latest
from functions.console.search import COUNT_UP_TO
from shared.errors import StoreUnavailable
from shared.event.tally import Kind
from shared.intent.outcomes import Ambiguous, Permanent
from shared.intent.registry import Registry
from shared.records.ignored import add, told
from shared.records.news import tell
from shared.records.tombstones import entomb
from shared.task.schemas import AutomationTask
from shared.task.waiting import planned
from shared.wiring import composition
from shared.wiring.ports import Filter
from tests.scripted import ScriptedHandler
from tests.store import MemoryStore
from tests.world import ORDER_STATUS, REFUND, REGISTRY, SUMMARY, World, deployed, paused, says, started, ticket

APP = deployed(console, "console")
EDIT = {"p.order_id": "#10021", "p.amount_minor": "1200", "p.currency": "USD"}
SAME = EDIT | {"p.amount_minor": "2500"}
HOSTILE = "<script>alert(1)</script> javascript:alert(2) \u202egnp.exe \x1b[31mred \u200b"


class Browser:
    """A person's browser: keeps cookies, and sends forms with the token that the page gave."""

    def __init__(self, http: httpx.AsyncClient, world: World) -> None:
        self.http = http
        self.world = world

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def post(self, path: str, form: Any, **headers: str) -> httpx.Response:
        page = (await self.http.get("/")).text
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        pairs = list(form.items()) if isinstance(form, dict) else form
        pairs.append(("csrf", token[1] if token else self.http.cookies["switchyard"]))
        return await self.http.post(path, data=_data(pairs), headers=headers)

    async def decide(self, decision: str = "approve", **form: str) -> httpx.Response:
        record = await self.world.record("t1")
        fields = {"decision": decision, "intent": record.intent} | await shown(self.world)
        return await self.post("/tasks/t1/decide", fields | form)

    async def repair(self, action: str, **form: str) -> httpx.Response:
        return await self.post(f"/tasks/t1/{action}", {"reason": "looked"} | await shown(self.world) | form)

    async def confirmed(self, page: str, reason: str = "seen to") -> httpx.Response:
        """Send the form of the page that asks whether many shall be decided."""
        hidden = re.findall(r'<input type="hidden" name="(action|confirmed|pick)" value="([^"]+)">', page)
        return await self.post("/bulk", [*hidden, ("reason", reason)])


async def shown(world: World, task_id: str = "t1") -> dict[str, str]:
    """The hidden fields of a page that shows the task as it is."""
    record = await world.record(task_id)
    return {"generation": str(record.generation), "params_hash": record.params_hash}


async def pick(world: World, task_id: str = "t1") -> tuple[str, str]:
    """The checkbox of a task in a list."""
    record = await world.record(task_id)
    return "pick", f"{task_id}|{record.generation}|{record.params_hash}"


def _data(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(APP)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
    composition.install(None)


def open_browser(http: httpx.AsyncClient, world: World) -> Browser:
    composition.install(world.ports)
    return Browser(http, world)


def on_letter(letter_id: str, action: str) -> list[tuple[str, str]]:
    return [("pick", letter_id), ("action", action), ("confirmed", "yes"), ("reason", "seen to")]


# --- look


async def test_waiting_task_is_shown_with_its_raw_parameters_and_reasons(http: httpx.AsyncClient) -> None:
    browser = open_browser(http, await paused())
    page = (await browser.get("/")).text
    assert "t1" in page
    assert "#10021" in page
    assert "2500" in page
    assert "policy" in page
    dossier = (await browser.get("/tasks/t1")).text
    assert dossier.index("2500") < dossier.index("Why it paused") < dossier.index("arrived broken")
    assert "25.00 USD" in dossier
    assert "kim@example.com" in dossier


async def test_plan_of_the_effect_is_shown_once_it_was_looked_up(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert "looked up" not in (await browser.get("/tasks/t1")).text
    looked_up = planned(await world.record("t1"), "Refund 25.00 USD of order 10021", world.store.now)
    world.store.put("tasks/t1", review=looked_up.review.model_dump())
    assert "Refund 25.00 USD of order 10021" in (await browser.get("/tasks/t1")).text
    await world.edit("t1", plan="Refund nothing at all")
    page = (await browser.get("/tasks/t1")).text
    assert "Refund nothing" not in page
    assert "Refund 25.00 USD of order 10021" in page
    await browser.decide("edit", **EDIT)  # what was looked up is not what would run now
    assert "Refund 25.00 USD of order 10021" not in (await browser.get("/tasks/t1")).text


async def test_tasks_that_ask_the_like_lead_to_each_other(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.classify(ticket(REFUND[0].raw_payload["text"], task_id="t2"))
    browser = open_browser(http, world)
    for one, other in (("t1", "t2"), ("t2", "t1")):
        page = (await browser.get(f"/tasks/{one}")).text
        assert "Others ask the like" in page
        assert f'<a href="/tasks/{other}">look at it</a>' in page


async def test_what_was_told_since_stands_beside_what_was_read(http: httpx.AsyncClient) -> None:
    world = await paused()
    await tell(world.ports, "t1", kind="edited", revision="2", text=f"Cancel it {HOSTILE}")
    page = (await open_browser(http, world).get("/tasks/t1")).text
    assert "changed_since" in page
    assert "Cancel it &lt;script&gt;" in page


@pytest.mark.parametrize("path", ["/", "/tasks", "/tasks?state=FAILED", "/tasks/t1", "/dead-letters", "/health"])
async def test_every_page_forbids_foreign_script_and_framing(http: httpx.AsyncClient, path: str) -> None:
    answer = await open_browser(http, await paused()).get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?! src=)|\sstyle=|\son[a-z]+=", answer.text)


async def test_hostile_text_is_shown_and_does_nothing(http: httpx.AsyncClient) -> None:
    world = World(says("change_address", order_id="#20017", new_address=f"12 Street {HOSTILE}"))
    browser = open_browser(http, world)
    await world.classify(ticket(f"Send order #20017 to {HOSTILE}", email="<b>@example.com"))
    for path in ("/", "/tasks", "/tasks/t1"):
        page = (await browser.get(path)).text
        assert "<script>alert" not in page
        assert "<b>@" not in page
        assert not re.search("[\u202a-\u202e\u200b\x1b]", page)
        assert not re.search(r'(href|src|action)="\s*javascript:', page)
    assert "another order" in (await browser.get("/tasks/t1")).text
    assert (
        present.visible("a\u202eb\x1b<") == 'a<span class="trick" title="hidden character">U+202E</span>b'
        '<span class="trick" title="hidden character">U+001B</span>&lt;'
    )


async def test_event_is_shown_as_plain_text(http: httpx.AsyncClient) -> None:
    world = World(ORDER_STATUS[1])
    browser = open_browser(http, world)
    await world.classify(ticket("<script>alert(1)</script>" + "x" * 200_000))
    answer = await browser.get("/tasks/t1/payload")
    assert answer.headers["content-type"].startswith("text/plain")
    assert len((await browser.get("/tasks/t1")).text) < 40_000


async def test_page_masks_what_the_event_as_it_came_still_holds(http: httpx.AsyncClient) -> None:
    words = "Refund $25.00 for order #10021, card 4111 1111 1111 1111, my password is hunter2!"
    browser = open_browser(http, await paused((ticket(words), REFUND[1])))
    page = (await browser.get("/tasks/t1")).text
    assert "card [card number], my password is [secret]" in page
    assert "4111" not in page
    assert "4111 1111 1111 1111, my password is hunter2!" in (await browser.get("/tasks/t1/payload")).text


async def test_unchanged_page_is_not_sent_again(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    for path in ("/", "/tasks/t1"):
        await browser.get(path)
        etag = (await browser.get(path)).headers["etag"]
        assert (await http.get(path, headers={"if-none-match": etag})).status_code == 304
    await world.decide("t1")
    assert (await http.get("/tasks/t1", headers={"if-none-match": etag})).status_code == 200


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=AWAITING_APPROVAL", True),
        ("state=FAILED", False),
        ("intent=refund_request", True),
        ("source=helpdesk&since=2026-01-05T08:00", True),
        ("since=2026-01-06", False),
        ("until=2026-01-05T08:59", False),
    ],
)
async def test_tasks_are_searched_by_state_source_intent_and_time(
    http: httpx.AsyncClient, query: str, found: bool
) -> None:
    browser = open_browser(http, await paused())
    assert ('href="/tasks/t1"' in (await browser.get(f"/tasks?{query}")).text) is found


async def test_id_leads_to_its_task_and_an_unknown_one_says_so(http: httpx.AsyncClient) -> None:
    browser = open_browser(http, await paused())
    answer = await browser.get("/tasks?id=t1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/tasks/t1")
    for path in ("/tasks?id=nobody", "/tasks/nobody", "/nowhere", "/static/../main.py", "/static/x/none.js"):
        assert (await browser.get(path)).status_code == 404


async def test_page_of_a_removed_task_says_how_it_ended(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    await world.decide("t1", "reject")
    form, look = on_letter((await pick(world))[1], "redrive"), await shown(world)
    await entomb(world.ports, "t1")
    assert (await browser.get("/tasks?id=t1")).headers["location"] == "/tasks/t1"
    for path in ("/tasks/t1", "/tasks/t1/payload"):
        answer = await browser.get(path)
        assert answer.status_code == 410
        assert "the task ended REJECTED on 2026-01-05" in answer.text
    assert (await browser.post("/tasks/t1/redrive", look | {"reason": "again"})).status_code == 410
    assert (await browser.post("/bulk", form)).status_code == 200
    assert "ended REJECTED" in (await browser.post("/bulk", [*form, ("confirmed", "yes"), ("reason", "why")])).text


async def test_static_files_are_kept_for_ever(http: httpx.AsyncClient) -> None:
    browser = open_browser(http, World())
    for url in re.findall(r'(?:href|src)="(/static/[^"]+)"', (await browser.get("/")).text):
        answer = await browser.get(url)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


async def test_health_counts_the_last_day(http: httpx.AsyncClient) -> None:
    world = World(ORDER_STATUS[1])
    world.now = datetime.now(UTC) - timedelta(hours=2)
    for n in range(3):
        await world.run(ticket("Where is my order #47384?", task_id=f"s{n}"), ScriptedHandler())
    page = (await open_browser(http, world).get("/health")).text
    hours = re.search(r"the last 24 hours: ([0-9, ]+)", page)
    assert hours is not None
    assert sorted(hours[1].split(", "))[-2:] == ["0", "3"]
    assert "half of the newest 3" in page
    assert "none in the last seven days" in page


async def test_health_shows_what_each_switch_does(http: httpx.AsyncClient) -> None:
    world = World()
    assert "Switches" not in (await open_browser(http, world).get("/health")).text
    world.store.put("switches/cancel_order", enabled=False)
    world.store.put("switches/order-status<b>", enabled=False)
    page = (await open_browser(http, world).get("/health")).text
    rows = re.findall(r"<code>switches/(.*?)</code></th><td[^>]*>(.*?)</td>", page)
    assert rows == [
        ("cancel_order", "off"),
        (
            "order-status&lt;b&gt;",
            "<strong>nothing: there is no intent of this name; did you mean &#39;order_status&#39;?</strong>",
        ),
    ]


async def test_health_shows_what_is_ignored_most_frequent_first(http: httpx.AsyncClient) -> None:
    world, now = World(), datetime.now(UTC)
    for n, (kind, days_ago, count) in enumerate([("star", 0, 2), ("star", 1, 3), ("issues.labeled", 6, 1200)]):
        day = (now - timedelta(days=days_ago)).date().isoformat()
        await add(world.store, told({Kind(day, "github", kind, "no_words"): count}), f"m{n}")
    page = (await open_browser(http, world).get("/health")).text
    table = page[page.index('id="ignored"') :]
    cells = [re.findall(r"<t[hd][^>]*>(?:<span[^>]*>)?([^<]*)", row) for row in table.split("<tr>")[2:]]
    assert [row[:6] for row in cells] == [
        ["github", "issues.labeled", "no_words", "0", "0", "1,200"],
        ["github", "star", "no_words", "2", "3", "5"],
    ]


# --- decide


async def test_approval_by_form_runs_what_was_shown_in_the_persons_name(http: httpx.AsyncClient) -> None:
    world = await paused()
    answer = await open_browser(http, world).decide(**SAME, comment="checked")
    assert (answer.status_code, answer.headers["location"]) == (303, "/tasks/t1")
    record = await world.record("t1")
    assert (record.state, record.generation, record.parameters["amount_minor"]) == ("READY", 1, 2500)
    assert record.approval is not None
    assert (record.approval.by, record.approval.channel, record.approval.comment) == (
        "developer@localhost",
        "console",
        "checked",
    )


async def test_edited_parameters_run_as_a_new_generation(http: httpx.AsyncClient) -> None:
    world = await paused()
    assert (await open_browser(http, world).decide(**EDIT)).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation, record.parameters["amount_minor"]) == ("READY", 2, 1200)


async def test_saved_change_is_asked_anew_and_runs_once_somebody_approves_it(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert "Save the change, ask again" in (await browser.get("/tasks/t1")).text
    stale = await shown(world)
    assert (await browser.decide("edit", **EDIT)).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation, record.parameters["amount_minor"]) == ("AWAITING_APPROVAL", 2, 1200)
    assert record.approval is None
    page = (await browser.get("/tasks/t1")).text
    assert "The parameters were set by <strong>developer@localhost</strong>" in page
    assert 'name="p.amount_minor" value="1200"' in page
    assert 'name="generation" value="2"' in page
    late = await browser.decide(**SAME, **stale)
    assert (late.status_code, "not the ones that were shown" in late.text) == (409, True)
    assert (await browser.decide(**EDIT)).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation, record.parameters["amount_minor"]) == ("READY", 2, 1200)


async def test_saved_change_that_does_not_hold_is_a_draft_that_fills_the_form(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert (await browser.decide("edit", **EDIT | {"p.order_id": "no spaces please"})).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.parameters, record.review.draft["order_id"]) == (
        "AWAITING_APPROVAL",
        {},
        "no spaces please",
    )
    page = (await browser.get("/tasks/t1")).text
    assert 'value="no spaces please"' in page
    assert (await browser.decide(intent="refund_request")).status_code == 422
    assert (await browser.decide(**EDIT | {"intent": "refund_request"})).status_code == 303
    assert (await world.record("t1")).state == "READY"


@pytest.mark.parametrize(
    "form",
    [
        {"generation": ""},
        {"generation": "-1"},
        {"generation": "1e3"},
        {"generation": "\u0661"},
        {"generation": "9" * 10},
    ],
)
@pytest.mark.parametrize("action", ["decide", "redrive", "settle", "cancel"])
async def test_form_that_says_not_what_it_shows_changes_nothing(
    http: httpx.AsyncClient, action: str, form: dict[str, str]
) -> None:
    world = await paused()
    browser = open_browser(http, world)
    sent = {"decision": "approve", "reason": "x", "verdict": "applied"} | SAME | form
    assert (await browser.post(f"/tasks/t1/{action}", await shown(world) | sent)).status_code == 422
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_own_request_is_refused_in_words_on_the_page(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "DEVELOPER", "kim+work@example.com")
    world = await paused()
    browser = open_browser(http, world)
    words = "this is your own request; somebody else has to decide"
    assert f"The buttons would be refused: {words}" in (await browser.get("/tasks/t1")).text
    for decision in ("approve", "reject", "edit"):
        refused = await browser.decide(decision, **EDIT)
        assert (refused.status_code, f'id="error" tabindex="-1">{words}' in refused.text) == (403, True)
    refused = await browser.repair("cancel")
    assert (refused.status_code, words in refused.text) == (403, True)
    picked = [await pick(world), ("action", "approve"), ("confirmed", "yes")]
    done = (await browser.post("/bulk", picked)).text
    assert ("0 done, 1 refused" in done, words in done) == (True, True)
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_page_says_who_has_approved_and_who_is_missing(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = frozenset({"developer@localhost", "lead@example.com", "kim@example.com"})
    world = await paused(approvers={"*": people})
    refund = REGISTRY["refund_request"]
    two = replace(refund, policy=replace(refund.policy, approvals=2, approvals_above=2000))
    world.ports.__dict__["registry"] = Registry(REGISTRY | {"refund_request": two})
    browser = open_browser(http, world)
    assert "2 more people have to approve: developer@localhost or lead@example.com." in await missing(browser)
    assert (await browser.decide(**SAME, comment="checked")).status_code == 303
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"
    said = await missing(browser)
    assert said.startswith("Approved by developer@localhost ")
    assert said.endswith(". 1 more person has to approve: lead@example.com.")
    assert "approved by developer@localhost" in (await browser.get("/")).text
    page = (await browser.get("/tasks/t1")).text
    assert "The buttons would be refused: you have approved it already" in page
    again = await browser.decide(**SAME)
    assert (again.status_code, "another person has to as well" in again.text) == (409, True)
    monkeypatch.setattr(identity, "DEVELOPER", "lead@example.com")
    assert (await browser.decide(**SAME)).status_code == 303
    record = await world.record("t1")
    assert (record.state, [a.by for a in record.review.approvals]) == (
        "READY",
        ["developer@localhost", "lead@example.com"],
    )


async def missing(browser: Browser) -> str:
    """The sentence on who has approved and who still has to, as it is read."""
    found = re.search(r'<p id="missing">(.*?)</p>', (await browser.get("/tasks/t1")).text, re.DOTALL)
    assert found is not None
    return unescape(re.sub(r"<[^>]+>", "", found[1]))


async def test_small_amount_takes_one_person_and_says_nothing_of_more(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert 'id="missing"' not in (await browser.get("/tasks/t1")).text
    await browser.decide(**SAME)
    assert (await world.record("t1")).state == "READY"


async def test_another_intent_is_filled_in_and_approved(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    page = (await browser.get("/tasks/t1?intent=cancel_order")).text
    assert "Approve as cancel_order" in page
    assert "p.amount_minor" not in page
    assert (await browser.decide(intent="cancel_order", **{"p.order_id": "#10021"})).status_code == 303
    assert (await world.record("t1")).intent == "cancel_order"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"p.amount_minor": "12.5"}, "whole number"),
        ({"p.amount_minor": "-3"}, "amount_minor"),
        ({"p.order_id": "no spaces please"}, "order_id"),
        ({"p.currency": "XXX"}, "currency"),
    ],
)
async def test_form_that_does_not_hold_comes_back_as_it_was_with_the_reason(
    http: httpx.AsyncClient, form: dict[str, str], said: str
) -> None:
    world = await paused()
    answer = await open_browser(http, world).decide(**(EDIT | form), comment="my words")
    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert "my words" in answer.text
    assert all(f'value="{v}"' in answer.text for n, v in form.items() if n != "p.currency")
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_what_a_refused_form_held_comes_back_escaped(http: httpx.AsyncClient) -> None:
    marked = '"><script>alert(1)</script>'
    browser = open_browser(http, await paused())
    page = (await browser.decide(**(EDIT | {"p.amount_minor": marked}), comment=marked)).text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 2


async def test_second_decision_and_stale_page_are_refused_and_say_so(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert (await browser.decide(params_hash="0" * 64, **SAME)).status_code == 409
    assert (await browser.decide("reject")).status_code == 303
    answer = await browser.decide(**SAME)
    assert answer.status_code == 409
    assert "REJECTED" in answer.text


async def test_expired_approval_is_refused(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    world.pass_time(hours=73)
    answer = await browser.decide(**SAME)
    assert answer.status_code == 409
    assert "expired" in answer.text


async def test_person_who_is_no_approver_is_told_and_refused(http: httpx.AsyncClient) -> None:
    world = await paused(approvers={"refund_request": frozenset({"lead@example.com"})})
    browser = open_browser(http, world)
    assert "not an approver" in (await browser.get("/tasks/t1")).text
    assert (await browser.decide(**SAME)).status_code == 403
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


# --- other sites


async def test_form_without_the_pages_token_changes_nothing(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    await browser.get("/")
    form = {"decision": "approve", "intent": "refund_request", **await shown(world), **SAME}
    for token in ({}, {"csrf": ""}, {"csrf": "x" * 32}):
        assert (await http.post("/tasks/t1/decide", data=form | token)).status_code == 403
    http.cookies.clear()
    assert (await http.post("/tasks/t1/decide", data=form | {"csrf": ""})).status_code == 403
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "null"},
    ],
)
async def test_form_from_another_site_is_refused_even_with_the_token(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    world = await paused()
    browser = open_browser(http, world)
    form = {"decision": "reject", "intent": "refund_request", **await shown(world)}
    assert (await browser.post("/tasks/t1/decide", form, **headers)).status_code == 403
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_cookie_is_out_of_reach_for_scripts_and_other_sites(http: httpx.AsyncClient) -> None:
    cookie = (await open_browser(http, World()).get("/")).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


async def test_cookie_of_the_cloud_is_bound_to_host_and_https() -> None:
    from starlette.requests import Request
    from starlette.responses import Response

    request = Request({"type": "http", "headers": []})
    protected = guard.protect(Response(), guard.token_of(request, local=False), local=False)
    assert protected.headers["set-cookie"].startswith("__Host-switchyard=")
    assert "Secure" in protected.headers["set-cookie"]


@pytest.mark.parametrize("path", ["/tasks/t1/decide", "/tasks/t1/redrive", "/bulk"])
async def test_looking_never_decides(http: httpx.AsyncClient, path: str) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert (await browser.get(path)).status_code in (404, 405)
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_local_console_answers_no_other_host_name(http: httpx.AsyncClient) -> None:
    open_browser(http, await paused())
    assert (await http.get("/", headers={"host": "evil.example"})).status_code == 403


# --- many at once


async def many(world: World, count: int) -> None:
    for n in range(count):
        world.model.answers = [says("refund_request", order_id=f"1002{n}", amount_minor=2500, currency="USD")]
        await world.classify(ticket(f"Please refund $25.00 for order #1002{n}", task_id=f"r{n}"))


async def test_like_cases_are_decided_together_as_decisions_of_their_own(http: httpx.AsyncClient) -> None:
    world = World(REFUND[1])
    browser = open_browser(http, world)
    await many(world, 5)
    page = (await browser.get("/")).text
    assert page.count('<section class="group"') == 1
    picks = [("pick", value) for value in re.findall(r'name="pick" value="([^"]+)"', page)]
    asked = await browser.post("/bulk", [*picks[:4], ("action", "approve")])
    assert asked.status_code == 200
    assert "Approve 4 tasks?" in asked.text
    assert {(await world.record(f"r{n}")).state for n in range(5)} == {"AWAITING_APPROVAL"}
    await world.decide("r1", "reject")
    done = await browser.post("/bulk", [*picks[:4], ("action", "approve"), ("confirmed", "yes"), ("comment", "alike")])
    assert "3 done, 1 refused" in done.text
    records = [await world.record(f"r{n}") for n in range(5)]
    assert [r.state for r in records] == ["READY", "REJECTED", "READY", "READY", "AWAITING_APPROVAL"]
    assert {r.approval.comment for r in records if r.approval and r.state == "READY"} == {"alike"}


@pytest.mark.parametrize(
    ("picked", "why"),
    [
        ("t1|1|" + "0" * 64, "not the ones that were shown"),
        ("t1|2|{hash}", "has moved on"),
        ("t1|{hash}", "reload the page"),
        ("t1", "reload the page"),
        ("t1|1", "not the ones that were shown"),
        ("t9|1|{hash}", "no such task"),
    ],
)
@pytest.mark.parametrize("action", ["approve", "reject", "redrive"])
async def test_pick_of_something_else_than_was_shown_is_refused(
    http: httpx.AsyncClient, action: str, picked: str, why: str
) -> None:
    world = await paused()
    if action == "redrive":
        await world.decide("t1", "reject")
    before = await world.record("t1")
    value = picked.format(hash=before.params_hash)
    form = [("pick", value), ("action", action), ("confirmed", "yes"), ("reason", "x")]
    done = (await open_browser(http, world).post("/bulk", form)).text
    assert ("0 done, 1 refused" in done, why in done) == (True, True)
    assert await world.record("t1") == before


@pytest.mark.parametrize(
    "form",
    [
        [("action", "approve")],
        [("action", "explode"), ("pick", "r0|x")],
        [("action", "approve"), ("pick", "r0/x|1|x")],
        [("action", "close_letter"), ("pick", "../tasks/r0")],
        [],
    ],
)
async def test_bulk_without_a_choice_is_refused(http: httpx.AsyncClient, form: list[tuple[str, str]]) -> None:
    assert (await open_browser(http, World(REFUND[1])).post("/bulk", form)).status_code in (400, 422)


async def test_way_back_stays_on_this_site(http: httpx.AsyncClient) -> None:
    world = await paused()
    form = [await pick(world), ("action", "approve"), ("back", "//evil.example/")]
    assert 'href="//evil' not in (await open_browser(http, world).post("/bulk", form)).text


# --- repair


def read_at(page: str) -> str:
    return str(re.findall(r'name="looked_at" value="([^"]+)"', page)[0])


async def test_unknown_task_is_settled_redriven_and_says_what_to_look_for(http: httpx.AsyncClient) -> None:
    world = await started(SUMMARY)
    browser = open_browser(http, world)
    await world.execute("t1", ScriptedHandler(Ambiguous("no answer")))
    page = (await browser.get("/tasks/t1")).text
    assert "Settle" in page
    assert (await world.record("t1")).effect_key in page
    world.pass_time(minutes=2)
    other = await browser.repair("settle", verdict="not_applied", generation="7")
    assert (other.status_code, "has moved on" in other.text) == (409, True)
    assert (await browser.repair("settle", verdict="applied", reason=" ")).status_code == 422
    early = await browser.repair("settle", verdict="not_applied", looked_at=read_at(page))  # the page was read before
    assert (early.status_code, "look again now" in early.text) == (409, True)
    assert read_at(early.text) > read_at(page)  # from now on a verdict counts
    settled = await browser.repair("settle", verdict="applied")
    assert settled.status_code == 303
    assert (await world.record("t1")).state == "SUCCEEDED"


async def test_waiting_task_is_cancelled(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    assert (await browser.repair("cancel", reason="a mistake")).status_code == 303
    assert (await world.record("t1")).state == "CANCELLED"


async def test_cancelled_task_is_redriven_by_whoever_looks_at_it_alone(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    await browser.repair("cancel", reason="a mistake")
    assert 'action="/tasks/t1/redrive"' in (await browser.get("/tasks/t1")).text
    assert (await browser.repair("redrive", reason="the cancel was the mistake")).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation) == ("READY", 2)
    assert record.approval is not None
    assert (record.approval.by, record.approval.comment) == ("developer@localhost", "the cancel was the mistake")
    handler = ScriptedHandler()
    assert (await world.execute("t1", handler)).code == "succeeded"
    assert len(handler.calls) == 1


async def test_rejected_tasks_that_are_redriven_together_wait_for_a_decision_again(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1", "reject")
    browser = open_browser(http, world)
    page = (await browser.get("/tasks?state=REJECTED")).text
    [picked] = re.findall(r'name="pick" value="([^"]+)"', page)
    asked = await browser.post("/bulk", [("pick", picked), ("action", "redrive")])
    assert "Redrive 1 task?" in asked.text
    done = (await browser.confirmed(asked.text, "it was right")).text
    assert ("1 done, 0 refused" in done, "awaiting approval" in done) == (True, True)
    record = await world.record("t1")
    assert (record.state, record.generation, record.approval) == ("AWAITING_APPROVAL", 2, None)
    assert 'href="/tasks/t1"' in (await browser.get("/")).text
    assert (await browser.decide(**SAME)).status_code == 303
    assert (await world.record("t1")).state == "READY"


async def test_rejected_task_runs_once_its_own_page_redrives_it(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1", "reject")
    browser = open_browser(http, world)
    assert (await browser.repair("redrive", reason="it was right", params_hash="0" * 64)).status_code == 409
    assert (await browser.repair("redrive", reason="it was right")).status_code == 303
    record = await world.record("t1")
    assert (record.state, record.generation, record.approval and record.approval.by) == (
        "READY",
        2,
        "developer@localhost",
    )


async def test_effect_is_looked_up_on_demand(http: httpx.AsyncClient) -> None:
    world = await paused()
    browser = open_browser(http, world)
    asked = len(world.publisher.on("intent-refund-request"))
    assert (await browser.post("/tasks/t1/preview", {})).status_code == 303
    assert len(world.publisher.on("intent-refund-request")) == asked + 1
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


# --- dead letters


async def test_letter_whose_task_failed_runs_it_again_and_is_closed(http: httpx.AsyncClient) -> None:
    world = await paused()
    await world.decide("t1", "reject")
    letter = world.bury("t1", "t1")
    browser = open_browser(http, world)
    assert letter[:8] in (await browser.get("/dead-letters")).text
    asked = (await browser.post("/bulk", [("pick", letter), ("action", "redrive_letter")])).text
    assert "Redrive 1 dead letter?" in asked
    assert "<strong>t1</strong> refund_request" in asked
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
    assert "<strong>t1</strong>" in asked
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


async def test_suggestion_with_a_wrong_type_fills_the_form_and_can_be_approved_there(http: httpx.AsyncClient) -> None:
    task, answer = REFUND
    world = await paused((task, answer | {"parameters": answer["parameters"] | {"amount_minor": "2500"}}))
    browser = open_browser(http, world)
    page = unescape((await browser.get("/tasks/t1")).text)
    assert "amount_minor: int_type" in page
    assert 'name="intent" value="refund_request"' in page
    assert re.search(r'name="p.amount_minor" value="2500"', page)
    await browser.decide(intent="refund_request", edited="yes", **SAME)
    record = await world.record("t1")
    assert (record.state, record.intent, record.parameters) == ("READY", "refund_request", answer["parameters"])


async def test_answer_that_could_not_be_read_is_shown_escaped(http: httpx.AsyncClient) -> None:
    world = await paused((REFUND[0], f"I would refund <b>$25.00</b>. {HOSTILE}"))
    page = (await open_browser(http, world).get("/tasks/t1")).text
    assert "I would refund &lt;b&gt;$25.00&lt;/b&gt;." in page
    assert "<script>alert" not in page
    assert "\x1b" not in page


async def test_page_asks_whose_request_it_is_where_the_event_does_not_say(http: httpx.AsyncClient) -> None:
    nobody = AutomationTask(task_id="t1", source="slack", raw_payload={"event": {"text": "Where is my order #47384?"}})
    world = await paused((nobody, ORDER_STATUS[1]))
    browser = open_browser(http, world)
    assert 'name="requester_email"' in (await browser.get("/tasks/t1")).text
    form = {"edited": "yes", "p.order_id": "#47384"}
    refused = await browser.decide(**form)
    assert (refused.status_code, "does not say whose request this is" in refused.text) == (422, True)
    again = await browser.decide(**form, requester_email="<b>@example.com ")
    assert (again.status_code, 'value="&lt;b&gt;@example.com ' in again.text) == (303, False)
    record = await world.record("t1")
    assert (record.state, record.requester and record.requester.email) == ("READY", "<b>@example.com")
    page = (await browser.get("/tasks/t1")).text
    assert "Requester, as developer@localhost says" in page
    assert "<b>@" not in page
    assert "approved, requester set" in page


async def test_page_of_a_known_requester_asks_nobody_for_one(http: httpx.AsyncClient) -> None:
    browser = open_browser(http, await paused(REFUND))
    page = (await browser.get("/tasks/t1")).text
    assert 'name="requester_email"' not in page
    assert "Requester, as helpdesk says" in page


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/", "intent, page_token"),
        ("/tasks", "state, intent, source, since, until, id, page_token"),
        ("/dead-letters", "page_token"),
        ("/health", ""),
        ("/tasks/t1", "intent"),
        ("/tasks/t1/payload", ""),
        ("/static/0/console.css", ""),
    ],
)
async def test_a_name_that_a_page_does_not_know_is_refused(http: httpx.AsyncClient, path: str, known: str) -> None:
    browser = open_browser(http, await paused())
    for query in ("requester=kim@example.com", "foo=", "intnet=refund_request"):
        answer = await browser.get(f"{path}?{query}")
        assert answer.status_code == 400
        said = f"{query.partition('=')[0]} is unknown; " + (f"known here: {known}" if known else "nothing can be asked")
        assert said in answer.text
    for name in known.split(", ") if known else ():
        assert "given twice" in (await browser.get(f"{path}?{name}=&{name}=")).text


async def test_counts_that_stopped_and_what_they_stand_for_are_shown_as_such(http: httpx.AsyncClient) -> None:
    world = await paused()
    record = (await world.record("t1")).model_dump()
    for n in range(COUNT_UP_TO):
        world.store.put(f"tasks/f{n}", **record | {"state": "FAILED"})
    browser = open_browser(http, world)
    assert '<span class="count bad">1,000+</span>' in (await browser.get("/")).text
    assert "1,000+ failed" in (await browser.get("/health")).text


class Counting(MemoryStore):
    """Counts how often somebody counts tasks for the page of health; `down`: it cannot."""

    counted = 0
    down = False

    async def count(self, collection: str, *, where: Sequence[Filter] = (), up_to: int) -> int:
        if self.down:
            raise StoreUnavailable("the store is down")
        self.counted += len(where) > 1
        return await super().count(collection, where=where, up_to=up_to)


async def test_one_look_at_health_serves_everybody_for_some_seconds(http: httpx.AsyncClient) -> None:
    world = World(ORDER_STATUS[1])
    store, registry = world.keep_in(Counting), world.ports.registry
    browser = open_browser(http, world)
    pages = await asyncio.gather(*(browser.get("/health") for _ in range(5)))
    assert {page.status_code for page in pages} == {200}
    once = 24 + 3 * len(registry)
    assert store.counted == once
    found = await latest(store, registry, datetime.now(UTC))
    assert await latest(store, registry, found.at + timedelta(seconds=LOOK_S - 0.1)) is found
    assert await latest(store, registry, found.at - timedelta(days=1)) is not found  # the clock was put back
    assert store.counted == 2 * once


async def test_look_that_failed_is_not_kept(http: httpx.AsyncClient) -> None:
    world = World(ORDER_STATUS[1])
    store = world.keep_in(Counting)
    browser = open_browser(http, world)
    for store.down, status in ((True, 503), (False, 200)):
        assert (await browser.get("/health")).status_code == status
