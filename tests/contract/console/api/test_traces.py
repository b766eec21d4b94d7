"""Where a task's time went: the spans of this machine as the console tells them, or where the cloud shows them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.console.bulk import Pick, Wish, run
from functions.console.waterfall import waterfalls
from shared import tracing
from shared.gate.doors import Look
from shared.settings import Settings, Tracing
from shared.span_file import SpanFile
from shared.task.moves import Person
from shared.wiring import composition
from tests.contract.console.pages.browser import HOSTILE
from tests.spans import Kept, traced
from tests.world import CHANGE_ADDRESS, REFUND, World, paused


@pytest.fixture
async def kept() -> AsyncIterator[Kept]:
    with traced() as kept:
        yield kept
    composition.install(None)


def spans_of(kept: Kept) -> list[dict[str, Any]]:
    return [json.loads(span.to_json()) for span in kept.get_finished_spans()]


def installed(world: World, data_dir: Path, exporter: Any = "local") -> None:
    world.set(tracing=Tracing(exporter), data_dir=str(data_dir))
    composition.install(world.ports)


async def decided(kept: Kept, data_dir: Path) -> World:
    """Return a world in which a task was paused and approved, with its spans in the file of this machine."""
    world = World(REFUND[1])
    with tracing.entered("classify", "", kind="consumer", task_id="t1"):
        await world.classify(REFUND[0])
    with tracing.entered("console", "", kind="server"):
        await world.decide("t1")
    with tracing.entered("classify", "", kind="consumer", task_id="t2"):
        pass
    out = SpanFile(data_dir)
    out.write("".join(json.dumps(span) + "\n" for span in spans_of(kept)))
    out.flush()
    installed(world, data_dir)
    return world


async def test_a_decided_task_has_two_traces_and_the_wait_between_them(
    http: httpx.AsyncClient, kept: Kept, tmp_path: Path
) -> None:
    await decided(kept, tmp_path)
    found = (await http.get("/api/tasks/t1/trace")).json()
    first, second = found["traces"]
    assert (found["task_id"], found["cloud_traces"]) == ("t1", [])
    assert [(span["name"], span["depth"]) for span in first["spans"]] == [
        ("classify", 0),
        ("commit", 1),
        ("publish intent-refund-request", 1),
    ]
    assert [span["name"] for span in second["spans"]][:2] == ["console", "commit"]
    assert second["spans"][0]["links"] == [first["trace_id"]]
    assert first["waited_ms"] is None
    assert second["waited_ms"] >= 0


async def test_the_page_of_a_task_shows_the_same(http: httpx.AsyncClient, kept: Kept, tmp_path: Path) -> None:
    await decided(kept, tmp_path)
    page = (await http.get("/tasks/t1")).text
    assert "Where the time went" in page
    assert page.count('<table class="waterfall">') == 2
    assert "publish intent-refund-request" in page


async def test_hostile_words_in_the_file_stay_words(http: httpx.AsyncClient, kept: Kept, tmp_path: Path) -> None:
    with tracing.entered("classify", "", kind="consumer", task_id="t1"):
        pass
    (span,) = spans_of(kept)
    span |= {"name": HOSTILE, "attributes": span["attributes"] | {"switchyard.outcome": HOSTILE}}
    out = SpanFile(tmp_path)
    out.write(json.dumps(span) + "\n")
    out.flush()
    installed(await paused(), tmp_path)
    page = (await http.get("/tasks/t1")).text
    assert page.count("&lt;script&gt;alert(1)") == 2
    assert "<script>alert" not in page
    assert "\u202e" not in page


def links(*traces: str) -> list[str]:
    place = "https://console.cloud.google.com/traces/explorer;traceId={}?project=acme-prod"
    return [place.format(trace) for trace in traces]


@pytest.mark.parametrize(("ratio", "kept"), [(1.0, True), (0.0, False)])
async def test_in_the_cloud_the_page_leads_to_the_first_and_to_the_last_trace(
    http: httpx.AsyncClient, tmp_path: Path, ratio: float, kept: bool
) -> None:
    with traced(ratio):
        with tracing.entered("intake", f"00-{'ab' * 16}-{'cd' * 8}-01", kind="server"):
            first, world = tracing.trace_id(), World(REFUND[1])
            world.set(project="acme-prod")
            await world.classify(REFUND[0], attributes={"trace_id": first})
        installed(world, tmp_path, "cloud")
        assert (await http.get("/api/tasks/t1/trace")).json()["cloud_traces"] == links(first)
        with tracing.entered("console", "", kind="server"):
            await world.decide("t1")
            last = tracing.trace_id()
    found = links(first, last) if kept else links(first)
    told = (await http.get("/api/tasks/t1/trace")).json()
    assert told == {"task_id": "t1", "traces": [], "cloud_traces": found}
    page = (await http.get("/tasks/t1")).text
    assert [link in page for link in links(first, last)] == [True, kept]


async def test_in_the_cloud_nothing_leads_to_a_trace_that_nobody_made(http: httpx.AsyncClient, tmp_path: Path) -> None:
    installed(await paused(project="acme-prod"), tmp_path, "cloud")
    assert (await http.get("/api/tasks/t1/trace")).json()["cloud_traces"] == []
    assert "Cloud Trace" not in (await http.get("/tasks/t1")).text


async def test_of_a_task_that_is_not_there_nothing_is_told(http: httpx.AsyncClient, tmp_path: Path) -> None:
    installed(World(REFUND[1]), tmp_path)
    assert (await http.get("/api/tasks/t1/trace")).status_code == 404
    assert (await http.post("/api/tasks/t1/trace")).status_code == 405


def test_where_nothing_is_traced_nothing_is_shown() -> None:
    assert waterfalls([], "t1") == []
    assert Settings().tracing.exporter == "off"


def test_a_call_that_was_shared_is_shown_with_each_task_and_no_other_task_is(kept: Kept) -> None:
    with tracing.entered("classify", "", kind="consumer", task_id="t2"):
        second = tracing.traceparent()
    with (
        tracing.entered("classify", "", kind="consumer", task_id="t1"),
        tracing.span("ask together", links=[second], asked=2),
        tracing.span("generate_content model"),
    ):
        pass
    for task_id in ("t1", "t2"):
        (trace,) = waterfalls(spans_of(kept), task_id)
        assert [(span.name, span.depth) for span in trace.spans] == [
            ("classify", 0),
            ("ask together", 1),
            ("generate_content model", 2),
        ]
        assert trace.spans[0].attributes["switchyard.task.id"] == task_id


async def test_of_many_that_are_decided_at_once_each_goes_on_from_its_own_pause(kept: Kept) -> None:
    world, picks = World(), list[Pick]()
    for task_id, (task, answer) in (("t1", REFUND), ("t2", CHANGE_ADDRESS)):
        world.model.answers = [answer]
        with tracing.entered("classify", "", kind="consumer"):
            await world.classify(task.model_copy(update={"task_id": task_id}))
        record = await world.record(task_id)
        picks.append(Pick(task_id, Look(record.generation, record.params_hash, alone=False)))
    with tracing.entered("console", "", kind="server"):
        done = await run(world.ports, Person("dev@localhost", "console"), "approve", picks, Wish(""))
    assert [one.state for one in done] == ["READY", "READY"]
    for pick in picks:
        paused, decided = waterfalls(spans_of(kept), pick.id)
        assert [(row.name, row.depth) for row in decided.spans][:3] == [("console", 0), ("approve", 1), ("commit", 2)]
        assert [row.links for row in decided.spans[:2]] == [[], [paused.trace_id]]


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"context": 3},
        {"parent_id": "0x" + "z" * 3},
        {"start_time": "yesterday"},
        {"links": [{}]},
        {"attributes": None},
    ],
)
def test_what_is_no_span_hides_no_other(kept: Kept, damaged: Any) -> None:
    with tracing.entered("classify", "", kind="consumer", task_id="t1"):
        pass
    (span,) = spans_of(kept)
    (trace,) = waterfalls([span | damaged if damaged else {}, span], "t1")
    assert [row.name for row in trace.spans] == ["classify"]


def test_spans_that_are_part_of_each_other_end_all_the_same(kept: Kept) -> None:
    with tracing.entered("classify", "", kind="consumer", task_id="t1"):
        pass
    (span,) = spans_of(kept)
    assert waterfalls([span | {"parent_id": span["context"]["span_id"]}], "t1")
