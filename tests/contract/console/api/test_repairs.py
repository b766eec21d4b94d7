"""Repairs: redrive, settle, cancel."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.intent.outcomes import Ambiguous, Permanent
from tests.contract.console.api.calls import CHEAPER, code, repair, serve
from tests.scripted import ScriptedHandler
from tests.world import SUMMARY, paused, started


async def test_failed_task_is_redriven_with_a_reason(http: httpx.AsyncClient) -> None:
    world = serve(await started(SUMMARY))
    await world.execute("t1", ScriptedHandler(Permanent("no", code="no")))
    for body in ({"reason": None}, {"reason": ""}, {"reason": "x" * 301}, {"generation": None}, {"params_hash": None}):
        assert (await repair(http, world, "redrive", **body)).status_code == 422
    for other, expected in (({"generation": 2}, "generation_changed"), ({"params_hash": "0" * 64}, "params_changed")):
        refused = await repair(http, world, "redrive", **other)
        assert (refused.status_code, code(refused)) == (409, expected)
    answer = await repair(http, world, "redrive", reason="token renewed")
    record = await world.record("t1")
    assert (answer.status_code, record.state, record.generation) == (200, "READY", 2)
    assert (record.history[-1].by, record.history[-1].why) == ("developer@localhost", "token renewed")


async def test_unknown_effect_needs_the_verdict(http: httpx.AsyncClient) -> None:
    world = serve(await started(SUMMARY))
    await world.execute("t1", ScriptedHandler(Ambiguous()))
    blind = await repair(http, world, "redrive")
    assert (blind.status_code, code(blind)) == (409, "verdict_needed")
    cancelled = await repair(http, world, "cancel")
    assert (cancelled.status_code, code(cancelled)) == (409, "possibly_applied")
    nothing_said = await repair(http, world, "settle")
    assert (nothing_said.status_code, nothing_said.json()["error"]["field"]) == (422, "/verdict")
    early = await repair(http, world, "settle", verdict="not_applied")
    assert (early.status_code, code(early)) == (409, "too_early")
    world.pass_time(minutes=1)
    other = await repair(http, world, "settle", verdict="not_applied", generation=2)
    assert (other.status_code, code(other)) == (409, "generation_changed")
    for looked_at in (1, "yesterday", "2026-01-05T09:00:00"):
        answer = await repair(http, world, "settle", verdict="not_applied", looked_at=looked_at)
        assert (code(answer), answer.json()["error"]["field"]) == ("invalid_body", "/looked_at")
    was_unknown_at = (await world.record("t1")).updated_at.isoformat()
    late = await repair(http, world, "settle", verdict="not_applied", looked_at=was_unknown_at)
    assert (late.status_code, code(late)) == (409, "too_early")
    settled = await repair(http, world, "settle", verdict="not_applied")
    assert (settled.status_code, settled.json()["state"]) == (200, "FAILED")


async def test_waiting_task_is_cancelled(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    moved_on = await repair(http, world, "cancel", generation=2)
    assert (moved_on.status_code, code(moved_on)) == (409, "generation_changed")
    assert (await repair(http, world, "cancel")).json()["state"] == "CANCELLED"
    again = await repair(http, world, "cancel")
    assert (again.status_code, code(again)) == (409, "already_done")
    assert (await world.approval("t1"))["outcome"] == "CANCELLED"


async def test_rejected_task_runs_for_whoever_looks_at_it_alone_and_is_asked_again_out_of_a_list(
    http: httpx.AsyncClient,
) -> None:
    for alone, state in ((False, "AWAITING_APPROVAL"), (True, "READY")):
        world = serve(await paused())
        await world.decide("t1", "reject")
        redriven = (await repair(http, world, "redrive", alone=alone)).json()
        assert (redriven["state"], redriven["generation"], bool(redriven["approval"])) == (state, 2, alone)
        assert (await world.approval("t1"))["status"] == ("approved" if alone else "pending")


async def test_redrive_tells_what_it_would_do_and_waits_where_it_shall(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    await world.decide("t1", "reject")
    would = (await repair(http, world, "redrive", dry_run=True)).json()
    assert (would["state"], would["approval"]["by"]) == ("READY", "developer@localhost")
    assert (await world.record("t1")).state == "REJECTED"
    cheaper = {"then": "wait", "parameters": CHEAPER}
    waits = (await repair(http, world, "redrive", **cheaper)).json()
    assert (waits["state"], waits["approval"], waits["parameters"]) == ("AWAITING_APPROVAL", None, CHEAPER)


async def test_failed_task_is_closed_once_and_counted_no_more(http: httpx.AsyncClient) -> None:
    world = serve(await started(SUMMARY))
    await world.execute("t1", ScriptedHandler(Permanent("no")))
    assert (await http.get("/api/counts")).json()["FAILED"] == 1
    closed = (await repair(http, world, "close")).json()
    assert (closed["state"], closed["history"][-1]["why"]) == ("FAILED", "closed: looked")
    assert (await http.get("/api/counts")).json()["FAILED"] == 0
    again = await repair(http, world, "close")
    assert (again.status_code, code(again)) == (409, "already_closed")


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("cancel", {"dry_run": True}, "/dry_run"),
        ("close", {"then": "run"}, "/then"),
        ("redrive", {"then": "run", "alone": False}, "/then"),
        ("redrive", {"then": "later"}, "/then"),
    ],
)
async def test_what_an_action_does_not_take_is_refused_by_name(
    http: httpx.AsyncClient, action: str, body: dict[str, Any], field: str
) -> None:
    world = serve(await paused())
    before = await world.record("t1")
    refused = await repair(http, world, action, **body)
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, field)
    assert await world.record("t1") == before
