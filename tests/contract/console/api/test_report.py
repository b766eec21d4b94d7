"""The report through API, page and table: the same numbers, honest where they are cut, no text that does anything."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

import httpx
import pytest

from functions.console import report
from tests.contract.console.api.calls import code, serve
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, World, says, ticket

HOSTILE = "=1+1<b>\u202e"


async def week(count: int = 1) -> World:
    """Return a world in which one task ran by itself, and so many refunds were decided ten minutes after they came."""
    world = serve(World(ORDER_STATUS[1]))
    world.now = datetime.now(UTC) - timedelta(hours=2)
    await world.run(ticket("Where is my order #47384?", task_id="s1"), ScriptedHandler())
    for n in range(count):
        world.model.answers = [says("refund_request", order_id=f"#1002{n}", amount_minor=2500, currency="USD")]
        text = REFUND[0].raw_payload["text"].replace("10021", f"1002{n}")
        await world.classify(ticket(text, task_id=f"t{n}"))
        world.pass_time(minutes=10)
        await world.decide(f"t{n}", "reject", by=HOSTILE, cause="not_wanted")
    return world


async def test_report_tells_what_became_of_tickets_and_who_decided(http: httpx.AsyncClient) -> None:
    await week()
    found = (await http.get("/api/report?days=1")).json()
    counts = [found["total"][name] for name in ("tickets", "alone", "approved", "rejected", "waiting", "tokens")]
    assert counts == [2, 1, 0, 1, 0, 240]
    assert [(t["name"], t["tickets"]) for t in found["intents"]] == [("order_status", 1), ("refund_request", 1)]
    (person,) = found["people"]
    assert (person["by"], person["decisions"]) == (HOSTILE, 1)
    assert person["median_s"] == pytest.approx(600, abs=1)
    (verdicts,) = found["verdicts"]
    assert (verdicts["intent"], verdicts["not_wanted"]) == ("refund_request", 1)
    assert (found["by_day"], found["notes"]) == ([2], [])


async def test_page_and_table_show_hostile_names_as_text(http: httpx.AsyncClient) -> None:
    await week()
    page = (await http.get("/report?days=1")).text
    assert '<th scope="row">=1+1&lt;b&gt;<span class="trick" title="hidden character">U+202E</span></th>' in page
    assert 'href="/api/report?days=1&amp;format=csv"' in page
    answer = await http.get("/api/report?days=1&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    assert ["person", f"'{HOSTILE}", "decisions", "1"] in list(csv.reader(StringIO(answer.text)))


async def test_report_that_is_cut_says_so_and_reads_no_more() -> None:
    world = await week(2)
    world.set(retention_days=30)
    one = (await world.store.read("tasks/t1"))[0].data or {}
    for n in range(report.ROWS_AT_ONCE):
        world.store.put(f"tasks/more{n}", **one)
    world.store.put("tasks/newest", created_at=world.now)
    found = await report.look(world.ports, 90, most=report.ROWS_AT_ONCE + 2)
    begin = f"from {one['created_at']:%Y-%m-%d %H:%M} UTC on"
    assert found.notes == [
        f"The newest 502 of 504 tickets, {begin}: all numbers of tickets are of these",
        "Documents that lack what every one has are in no number: 1",
        "Tasks that ended over 30 days ago are removed, and in no number",
    ]
    assert (found.total.tickets, found.total.rejected, found.decisions.decisions) == (501, 501, 2)


@pytest.mark.parametrize("query", ["days=0", "days=91", "days=1e1", "days=", "days=-7", "format=xml", "day=7"])
async def test_report_refuses_what_it_does_not_know(http: httpx.AsyncClient, query: str) -> None:
    serve(World())
    answer = await http.get(f"/api/report?{query}")
    assert (answer.status_code, code(answer)) == (400, "bad_query")
    assert answer.json()["error"]["field"] == query.partition("=")[0]
