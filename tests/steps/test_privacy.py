"""A person asks what is kept of them, and that it be erased: found, handed out, erased; tombstones and others stay."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from shared.errors import Conflict, Forbidden, Misconfigured, StoreUnavailable, Unprocessable
from shared.records.documents import tombstone_in
from shared.records.erasure import Erased, erase
from shared.records.privacy import (
    coverage,
    give_keys,
    letters_looked_at,
    must_be_officer,
    someone,
    tasks_of,
    theirs,
)
from shared.task.moves import Person
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, World, says, ticket

SECRET = "s" * 32
OFFICER = Person("dpo@example.com", "cli")
KIM, ANA = "kim@example.com", "ana@example.com"


async def done(world: World, task_id: str, email: str = KIM) -> None:
    """Let a task of somebody succeed."""
    world.model.answers = [ORDER_STATUS[1]]
    await world.run(ticket("Where is my order #47384?", task_id=task_id, email=email), ScriptedHandler("On its way"))
    world.pass_time(seconds=1)


async def open_world() -> World:
    """Return a world in which Kim asked for three things, of which one waits, and Ana for one."""
    world = World(privacy_key=SECRET)
    await done(world, "k1")
    await done(world, "a1", ANA)
    await done(world, "k2", "Kim+shop@Example.com")
    world.model.answers = [REFUND[1]]
    await world.classify(REFUND[0].model_copy(update={"task_id": "k3"}))
    return world


async def found(world: World, named: str = KIM) -> list[str]:
    return [s.id for s in await tasks_of(world.ports, someone(world.ports, named), 10, None)]


async def erased(world: World, *task_ids: str, letters: tuple[str, ...] = (), reason: str = "request 117") -> Erased:
    who = someone(world.ports, KIM)
    return await erase(world.ports, who, OFFICER, reason=reason, task_ids=task_ids, letter_ids=letters)


async def test_tasks_of_a_person_are_found_newest_first_however_the_address_is_written() -> None:
    world = await open_world()
    assert await found(world) == await found(world, "<KIM+x@example.com>") == ["k3", "k2", "k1"]
    assert await found(world, ANA) == ["a1"]
    assert await coverage(world.ports) == (4, 4)


async def test_person_whom_a_source_names_by_id_only_is_found_by_it() -> None:
    world = World(ORDER_STATUS[1], privacy_key=SECRET)
    task = ticket("Where is my order #47384?")
    await world.classify(task.model_copy(update={"raw_payload": {**task.raw_payload, "requester": {"id": "u7"}}}))
    assert await found(world, "helpdesk:u7") == ["t1"]


async def test_records_of_before_and_of_another_secret_get_their_key_page_by_page() -> None:
    world = await open_world()
    world.store.put("tasks/k1", requester=None)  # as earlier versions stored it
    world.set(privacy_key="t" * 32)
    assert await coverage(world.ports) == (4, 0)
    assert await found(world) == []
    rows, _ = await give_keys(world.ports, 2, None)
    assert ([r.id for r in rows], await coverage(world.ports)) == (["k3", "k2"], (4, 2))
    world.network.fail_next = [Conflict("")] * 16
    with pytest.raises(StoreUnavailable):
        await give_keys(world.ports, 2, rows[-1])
    world.network.fail_next = []
    await give_keys(world.ports, 2, rows[-1])
    assert await coverage(world.ports) == (4, 4)
    assert await found(world) == ["k3", "k2", "k1"]


async def test_document_that_cannot_be_read_is_named_and_stands_in_nobodys_way() -> None:
    world = await open_world()
    world.store.put("tasks/a1", requester=None, state="LIMBO")
    world.store.put("tasks/k1", requester=None)
    rows, unreadable = await give_keys(world.ports, 10, None)
    assert (len(rows), unreadable) == (4, ["a1"])
    assert await found(world) == ["k3", "k2", "k1"]


async def test_requester_whom_a_person_named_is_found_after_the_next_look() -> None:
    world = World(REFUND[1], privacy_key=SECRET)
    task = REFUND[0]
    await world.classify(task.model_copy(update={"raw_payload": {"text": task.raw_payload["text"]}}))
    await world.decide("t1", requester_email=KIM)
    assert await coverage(world.ports) == (1, 0)
    await give_keys(world.ports, 10, None)
    assert await found(world) == ["t1"]


async def test_erasing_leaves_tombstones_and_no_word_of_the_person() -> None:
    world = await open_world()
    result = await erased(world, "k1", "k2", "k3")
    assert result.erased == ["k1", "k2"]
    assert result.left == {"k3": "approve, reject or cancel it first"}
    for task_id in ("k1", "k2"):
        (snapshot,) = await world.store.read(f"tasks/{task_id}")
        assert tombstone_in(snapshot) is not None
    kept = {p: d for p, (d, _) in world.store.documents.items() if not p.endswith(("k3", "a1"))}
    said = json.dumps(kept, default=str)
    assert not [word for word in ("kim", "Kim", "47384", "On its way") if word in said]
    assert await found(world) == ["k3"]
    assert (await world.record("a1")).state == "SUCCEEDED"


async def test_replayed_event_of_an_erased_task_runs_nothing() -> None:
    world = await open_world()
    await erased(world, "k1")
    before = len(world.publisher.messages)
    await world.classify(ticket("Where is my order #47384?", task_id="k1", email=KIM))
    assert len(world.publisher.messages) == before
    assert await found(world) == ["k3", "k2"]


async def test_audit_is_written_first_and_names_officer_reason_and_ids_but_no_address() -> None:
    world = await open_world()
    seen: list[dict[str, Any]] = []

    async def look() -> None:
        world.network.before_commit = note

    async def note() -> None:
        seen.extend(world.store.all("audit"))

    world.network.before_commit = look
    result = await erased(world, "k1", "k3")
    [before] = seen
    [audit] = world.store.all("audit")
    assert (before["task_ids"], before["done_at"]) == (["k1", "k3"], None)
    assert (audit["by"], audit["reason"], audit["erased"], audit["channel"]) == (OFFICER.name, "request 117", 1, "cli")
    assert audit["done_at"] is not None
    assert "example.com" not in json.dumps(audit | {"by": ""}, default=str)
    assert f"audit/{result.audit_id}" in world.store.documents


async def test_erasing_goes_on_where_it_was_broken_off() -> None:
    world = await open_world()
    world.network.fail_next = [None, None, *[Conflict("")] * 8]  # audit and the first task are written
    with pytest.raises(StoreUnavailable):
        await erased(world, "k1", "k2")
    world.network.fail_next = []
    assert (await erased(world, "k1", "k2")).erased == ["k1", "k2"]
    assert (await erased(world, "k1", "k2")).left == {}
    assert len([a for a in world.store.all("audit") if a["done_at"]]) == 2


async def test_somebody_elses_task_is_never_erased() -> None:
    world = await open_world()
    assert (await erased(world, "a1", "nothing")).left == dict.fromkeys(
        ("a1", "nothing"), "there is no such task of theirs"
    )
    assert (await world.record("a1")).state == "SUCCEEDED"


async def test_reason_that_names_the_person_is_refused() -> None:
    world = await open_world()
    with pytest.raises(Unprocessable) as caught:
        await erased(world, "k1", reason="asked by Kim@example.com")
    assert caught.value.code == "bad_reason"
    assert world.store.all("audit") == []


def bytes_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


LETTERS: dict[str, tuple[str | None, str, dict[str, str]]] = {
    "theirs, as a task": (None, ticket("x", email="KIM@example.com").model_dump_json(), {}),
    "theirs, as a webhook": (None, json.dumps({"text": "x", "customer": {"email": KIM}}), {"source": "crm"}),
    "about a task of theirs": ("k1", "{}", {}),
    "a body that names them": (None, "{not json, kim+1@example.com", {}),
    "a form that names them": (None, "user=kim%40example.com&x=1", {}),
}
OTHERS: dict[str, tuple[str | None, str, dict[str, str]]] = {
    "of somebody else": (None, ticket("x", email=ANA).model_dump_json(), {}),
    "of a longer address": (None, "mikekim@example.com, kim@example.community, kim@example.com-x.org", {}),
    "about somebody else's task": ("a1", "{}", {}),
    "of nobody": (None, "\x00", {}),
}


async def test_letters_of_a_person_are_those_about_them_by_them_or_with_their_address() -> None:
    world = await open_world()
    ids = {
        name: world.bury(name, task_id, data=bytes_of(data), **more)
        for name, (task_id, data, more) in (LETTERS | OTHERS).items()
    }
    looked_at = await letters_looked_at(world.ports, 100, None)
    found_ids = {s.id for s in await theirs(world.ports, someone(world.ports, KIM), looked_at)}
    assert {name for name, letter_id in ids.items() if letter_id in found_ids} == set(LETTERS)


async def test_closed_letter_is_emptied_and_open_one_is_left() -> None:
    world = await open_world()
    closed = world.bury("c", "k1", data=bytes_of(KIM), redriven_at=world.now, redriven_by="ops", redriven_why="for Kim")
    waits = world.bury("o", None, data=bytes_of(KIM))
    others = world.bury("x", None, data=bytes_of(ANA), redriven_at=world.now)
    result = await erased(world, "k1", letters=(closed, waits, others))
    assert result.erased == ["k1", closed]
    assert result.left == {waits: "redrive or close it first", others: "there is no such letter of theirs"}
    [letter] = [d for d in world.store.all("dead_letters") if d["message_id"] == "c"]
    assert (letter["data"], letter["redriven_why"], letter["redriven_by"]) == ("", "", "ops")
    assert (await erased(world, letters=(closed,))).erased == [closed]


@pytest.mark.parametrize(
    ("backend", "officers", "may"),
    [
        ("gcp", frozenset(), False),
        ("gcp", frozenset({"DPO@Example.com"}), True),
        ("gcp", frozenset({"else@example.com"}), False),
        ("embedded", frozenset(), True),
        ("embedded", frozenset({"else@example.com"}), False),
    ],
)
def test_only_named_officers_and_a_developer_at_home_may(backend: Any, officers: frozenset[str], may: bool) -> None:
    world = World(backend=backend, privacy_officers=officers)
    if may:
        must_be_officer(world.ports, OFFICER)
        return
    with pytest.raises(Forbidden):
        must_be_officer(world.ports, OFFICER)


def test_without_the_secret_nobody_is_found() -> None:
    with pytest.raises(Misconfigured):
        someone(World().ports, KIM)


async def test_without_the_secret_tasks_run_all_the_same() -> None:
    world = World(says("order_status", order_id="#47384"))
    await done(world, "k1")
    assert (await world.record("k1")).state == "SUCCEEDED"


async def test_label_goes_with_its_task_also_under_another_secret_and_that_of_somebody_else_never() -> None:
    world = World(REFUND[1], privacy_key="x" * 32)
    for task_id, email in (("k1", KIM), ("a1", ANA)):
        await world.classify(ticket("Please refund $25.00 for order #10021", task_id=task_id, email=email))
        await world.decide(task_id, "reject")
        await world.sweep()
    world.set(privacy_key=SECRET)
    await give_keys(world.ports, 10, None)
    assert (await erased(world, "k1")).erased == ["k1"]
    label = await world.label("k1")
    assert label is not None
    assert (label.requester_key, label.text_sha256, label.verdict) == ("", "", "other")
    who, before = someone(world.ports, KIM), await world.label("a1")
    done = await erase(
        world.ports, who, OFFICER, reason="117", task_ids=(), letter_ids=(), label_ids=("k1", "a1", "nobody")
    )
    assert (done.erased, set(done.left)) == (["k1"], {"a1", "nobody"})
    assert await world.label("a1") == before
