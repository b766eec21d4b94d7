"""What ran by itself is looked at again: drawn by chance with its task, answered once, and never lost before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Forbidden, NotFound, Refused, Unprocessable
from shared.records.audits import answer, open_audits
from shared.records.breakers import breakers, rearm
from shared.records.tombstones import entomb
from shared.task.audit import Audit
from shared.task.moves import Person
from tests.certificates import certificate
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, World, paused, ticket

OPS = Person("ops@example.com", "console")
UNSEEING = 0.0  # falls into every share, and into that of blind ones


class Drawn:
    """A source of chance that draws what it is told for audits, and for all else what asks nobody."""

    def __init__(self, *draws: float) -> None:
        self.draws = list(draws)

    def random(self) -> float:
        return self.draws.pop(0) if self.draws else 0.999

    def getrandbits(self, bits: int) -> int:
        return 7


async def audited(count: int = 1, *, blind: bool = False, share: float = 1.0, **settings: Any) -> World:
    """Return a world in which `count` tasks, t1 and on, ran by themselves and were drawn."""
    world = World(ORDER_STATUS[1], audit_share=share, **settings)
    for n in range(1, count + 1):
        world.ports.random = Drawn(0.999, UNSEEING if blind else 0.9 * share)  # type: ignore[assignment]
        await world.run(ticket("Where is my order #47384?", task_id=f"t{n}"), ScriptedHandler("It is on its way"))
        world.pass_time(seconds=1)
    return world


def audit(world: World, task_id: str = "t1") -> Audit | None:
    data = world.store.look(f"audits/{task_id}").data
    return Audit.model_validate(data) if data else None


def label(world: World, task_id: str = "t1") -> dict[str, Any]:
    return world.store.look(f"labels/{task_id}").data or {}


async def test_task_that_runs_by_itself_is_drawn_in_the_commit_that_makes_it() -> None:
    world = World(ORDER_STATUS[1], audit_share=0.5)
    world.ports.random = Drawn(0.999, 0.4)  # type: ignore[assignment]
    await world.classify(ORDER_STATUS[0])
    drawn = audit(world)
    assert world.store.commits == 1
    assert drawn is not None
    assert (drawn.intent, drawn.confidence, drawn.above, drawn.open, drawn.blind) == (
        "order_status",
        0.95,
        0.8,
        True,
        False,
    )


@pytest.mark.parametrize(("share", "draw"), [(0.5, 0.5), (0.0, 0.0)])
async def test_what_falls_outside_the_share_is_not_drawn(share: float, draw: float) -> None:
    world = World(ORDER_STATUS[1], audit_share=share)
    world.ports.random = Drawn(0.999, draw)  # type: ignore[assignment]
    await world.classify(ORDER_STATUS[0])
    assert audit(world) is None


async def test_share_of_nothing_draws_no_number() -> None:
    world = World(ORDER_STATUS[1])
    world.ports.random = chance = Drawn(0.999, 0.5)  # type: ignore[assignment]
    await world.classify(ORDER_STATUS[0])
    assert chance.draws == [0.5]


async def test_task_that_waits_for_people_is_none_to_look_at_again() -> None:
    world = await paused(audit_share=1.0)
    assert audit(world) is None


@pytest.mark.parametrize(
    ("verdict", "intent", "kept", "right"),
    [
        ("right", None, ("right", "order_status"), True),
        ("wrong_parameters", None, ("corrected", "order_status"), False),
        ("wrong_intent", None, ("wrong_intent", "unclassified"), False),
        ("wrong_intent", "cancel_order", ("wrong_intent", "cancel_order"), False),
    ],
)
async def test_answer_is_a_label_that_counts_as_proof(verdict: Any, intent: Any, kept: Any, right: bool) -> None:
    world = await audited()
    answered = await answer(world.ports, "t1", OPS, verdict, intent)
    assert (answered.open, answered.verdict, answered.answered_by) == (False, verdict, "ops@example.com")
    made = label(world)
    assert ((made["verdict"], made["intent"]), made["right"]) == (kept, right)
    assert (made["drawn"], made["above"], made["by"]) == ("audit", 0.8, "ops@example.com")
    assert await open_audits(world.store, 10) == []


async def test_answer_and_all_that_follows_from_it_are_one_commit() -> None:
    world = await audited()
    before = world.store.commits
    await answer(world.ports, "t1", OPS, "right")
    assert world.store.commits == before + 1
    assert world.store.look("wealth/order_status").data is not None


@pytest.mark.parametrize(("said", "verdict"), [("order_status", "right"), ("cancel_order", "wrong_intent")])
async def test_blind_answer_names_the_intent_and_the_verdict_follows(said: str, verdict: str) -> None:
    world = await audited(blind=True)
    assert (await answer(world.ports, "t1", OPS, None, said)).verdict == verdict


@pytest.mark.parametrize(
    ("blind", "verdict", "intent", "field"),
    [
        (False, None, None, "/verdict"),
        (False, "right", "cancel_order", "/intent"),
        (False, "wrong_intent", "order_status", "/intent"),
        (False, "wrong_intent", "make_tea", "/intent"),
        (True, None, None, "/intent"),
        (True, "right", None, "/intent"),
        (True, "right", "order_status", "/verdict"),
    ],
)
async def test_answer_that_is_none_names_its_field_and_changes_nothing(
    blind: bool, verdict: Any, intent: Any, field: str
) -> None:
    world = await audited(blind=blind)
    with pytest.raises(Unprocessable) as refused:
        await answer(world.ports, "t1", OPS, verdict, intent)
    assert refused.value.field == field
    assert label(world) == {}


async def test_audit_is_answered_once_by_an_approver_who_did_not_ask_for_it() -> None:
    world = await audited(approvers={"*": frozenset({"ops@example.com", "kim@example.com"})})
    with pytest.raises(Forbidden, match="your own request"):
        await answer(world.ports, "t1", Person("kim@example.com", "console"), "right")
    with pytest.raises(Forbidden, match="not an approver"):
        await answer(world.ports, "t1", Person("eve@example.com", "console"), "right")
    await answer(world.ports, "t1", OPS, "right")
    with pytest.raises(Refused, match="answered already"):
        await answer(world.ports, "t1", OPS, "wrong_intent")
    with pytest.raises(NotFound):
        await answer(world.ports, "t9", OPS, "right")


async def test_claims_that_do_not_hold_open_the_breaker_of_every_intent_that_they_are_about() -> None:
    proof = certificate("order_status", "cancel_order", model="scripted")
    world = await audited(6)
    for n in range(1, 7):
        claim = audit(world, f"t{n}")
        assert claim is not None
        world.store.put(f"audits/t{n}", pool=list(proof.lines[0].intents), claimed=proof.target)
        await answer(world.ports, f"t{n}", OPS, "wrong_intent")
    opened = await breakers(world.store)
    assert {name: (b.open, b.cause) for name, b in opened.items()} == {
        "order_status": (True, "audits"),
        "cancel_order": (True, "audits"),
    }


async def test_what_a_certificate_claims_is_kept_with_the_audit() -> None:
    world = World(ORDER_STATUS[1], audit_share=1.0)
    await world.classify(ORDER_STATUS[0])
    version = (await world.record("t1")).classification.prompt_version
    proof = certificate("order_status", "refund_request", model="scripted", prompt_versions=(version,), target=0.9)
    world.set(certificate=proof)
    await world.classify(ticket("Where is my order #47384?", task_id="t2"))
    drawn = audit(world, "t2")
    assert drawn is not None
    assert (drawn.claimed, drawn.above, drawn.pool) == (0.9, 0.6, ["order_status", "refund_request"])


async def test_what_was_drawn_before_a_breaker_was_armed_again_moves_no_bet() -> None:
    world = await audited(8)
    for n in range(1, 7):
        await answer(world.ports, f"t{n}", OPS, "wrong_intent")
    assert (await breakers(world.store))["order_status"].open
    world.pass_time(hours=1)
    await rearm(world.ports, "order_status", OPS, "the prompt is mended")
    await answer(world.ports, "t7", OPS, "wrong_intent")
    assert not (await breakers(world.store))["order_status"].open
    assert (label(world, "t7")["right"], (world.store.look("wealth/order_status").data or {})["counted"]) == (False, 6)


async def test_retention_removes_no_task_that_nobody_has_looked_at() -> None:
    world = await audited(retention_days=8)
    world.pass_time(days=9)
    assert (await world.sweep()).get("audit_open") == 1
    assert "audit_open" not in await world.sweep()  # it stands before no other in the line
    await answer(world.ports, "t1", OPS, "right")
    world.pass_time(hours=2)
    assert (await world.sweep())["entombed"] == 1
    assert label(world)["right"] is True


async def test_erased_task_leaves_no_audit_to_answer() -> None:
    world = await audited()
    await entomb(world.ports, "t1")
    assert await open_audits(world.store, 10) == []


async def test_oldest_audits_come_first() -> None:
    world = await audited(2)
    later = world.now + timedelta(minutes=1)
    world.store.put("audits/t1", drawn_at=later)
    assert [a.task_id for a in await open_audits(world.store, 10)] == ["t2", "t1"]


async def test_refund_that_ran_by_itself_is_drawn_beside_its_allowance() -> None:
    world = World(REFUND[1], audit_share=1.0, automatic={"refund_request": 5000})
    await world.classify(REFUND[0])
    drawn = audit(world)
    assert drawn is not None
    assert (drawn.intent, len(world.store.all("usage"))) == ("refund_request", 1)
