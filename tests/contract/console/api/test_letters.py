"""Dead letters: listed, shown, sent again and closed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from functions.console import identity
from shared.intent.outcomes import Ambiguous
from tests.contract.console.api.calls import CHEAPER, code, serve, shown
from tests.scripted import ScriptedHandler
from tests.world import REFUND, SUMMARY, World, paused, started


async def letter(world: World, name: str, **fields: Any) -> str:
    """Park a dead letter of the topic of tasks, and return its id."""
    letter_id = world.bury(name, **({"outcome": "undecodable"} | fields))
    world.pass_time(seconds=1)
    return letter_id


async def test_dead_letters_are_listed_without_bytes_shown_with_them_and_seen_to(http: httpx.AsyncClient) -> None:
    world = serve(World())
    first, second = await letter(world, "first"), await letter(world, "second")
    listed = (await http.get("/api/dead-letters", params={"open": "true"})).json()["dead_letters"]
    assert [x["letter_id"] for x in listed] == [second, first]
    assert all("data" not in x for x in listed)
    assert (await http.get(f"/api/dead-letters/{first}")).json()["data"] == "e30="
    assert (await http.get("/api/counts")).json()["dead_letters"] == 2
    path = f"/api/dead-letters/{first}/redrive"
    assert (await http.post(path, json={"reason": "mended"})).json() == {"letter_id": first, "state": "sent"}
    assert code(await http.post(path, json={"reason": "mended"})) == "already_redriven"
    assert (await http.post(f"/api/dead-letters/{second}/close", json={"reason": "a test"})).json()["state"] == "closed"
    assert world.publisher.on("tasks") == [{}]
    assert (await http.get("/api/dead-letters", params={"open": "true"})).json()["dead_letters"] == []
    assert (await http.get(f"/api/dead-letters/{'0' * 64}")).status_code == 404
    assert (await http.post(f"/api/dead-letters/{first}/close", json={})).status_code == 422


async def test_verdict_about_a_letter_is_of_the_run_that_was_looked_at(http: httpx.AsyncClient) -> None:
    world = serve(await started(SUMMARY))
    await world.execute("t1", ScriptedHandler(Ambiguous()))
    path = f"/api/dead-letters/{await letter(world, 'unsure', task_id='t1')}/redrive"
    world.pass_time(minutes=1)
    body, task = {"reason": "looked", "verdict": "not_applied"}, await shown(world)
    blind = await http.post(path, json=body)
    assert (blind.status_code, blind.json()["error"]["field"]) == (422, "/generation")
    assert code(await http.post(path, json={"reason": "unsure", "task": task})) == "verdict_needed"
    assert code(await http.post(path, json=body | {"task": task | {"generation": 2}})) == "generation_changed"
    assert code(await http.post(path, json=body | {"task": task | {"params_hash": "0" * 64}})) == "params_changed"
    assert (await world.record("t1")).state == "UNKNOWN"
    assert (await http.post(path, json=body | {"task": task})).json()["state"] == "READY"


async def test_letter_of_no_task_is_of_none_whatever_tasks_are_called(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "DEVELOPER", "kim@example.com")
    task, answer = REFUND
    world = serve(World(answer))
    await world.classify(task.model_copy(update={"task_id": "none"}))
    path = f"/api/dead-letters/{await letter(world, 'lost')}/close"
    assert (await http.post(path, json={"reason": "a test"})).json()["state"] == "closed"


async def test_letter_is_closed_by_whoever_saw_its_task_as_it_is(http: httpx.AsyncClient) -> None:
    world = serve(await paused())
    path, before = f"/api/dead-letters/{await letter(world, 'old', task_id='t1')}/close", await shown(world)
    await world.decide("t1", parameters=CHEAPER)
    assert code(await http.post(path, json={"reason": "seen to", "task": before})) == "params_changed"
    assert world.store.all("dead_letters")[0]["redriven_at"] is None
    seen = await http.post(path, json={"reason": "seen to", "task": await shown(world)})
    assert seen.json()["state"] == "closed"


async def test_letters_are_seen_to_by_approvers_only(http: httpx.AsyncClient) -> None:
    world = serve(await paused(approvers={"*": frozenset({"lead@example.com"})}))
    for name, task_id in (("lost", None), ("known", "t1")):
        path = f"/api/dead-letters/{await letter(world, name, task_id=task_id)}"
        for action in ("redrive", "close") if task_id is None else ("close",):
            assert code(await http.post(f"{path}/{action}", json={"reason": "x"})) == "not_an_approver"
    assert {d["redriven_at"] for d in world.store.all("dead_letters")} == {None}
