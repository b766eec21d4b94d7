"""What a task is billed for: its operations as the store counts them, its tokens, and the sums made of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from functions.sweep.backlog import backlog
from infra.capacity import MEMORY_MIB
from infra.cost.bill import bill, load
from infra.cost.records import from_export, from_folder
from infra.cost.usage import CLASSIFY, DECIDE, EXECUTE, INTAKE, READS_OF_A_SWEEP, Units, usage
from infra.embedded.database import FILE, Database
from infra.embedded.store import EmbeddedStore
from infra.errors import StackError
from shared.intent.outcomes import NotApplied, Permanent
from shared.records.documents import to_document
from shared.task.schemas import TaskRecord
from shared.wiring.ports import Snapshot, Write
from tests.scripted import ScriptedHandler
from tests.store import MemoryStore
from tests.world import (
    CANCEL_ORDER,
    GOODS,
    ORDER_STATUS,
    PASSWORD_RESET,
    REFUND,
    REGISTRY,
    SUMMARY,
    World,
    says,
    ticket,
)

ROOT = Path(__file__).resolve().parents[3]
PRICES = load()
GIVEN = PRICES.given


class CountingStore(MemoryStore):
    """Counts as Firestore bills: each document read or written, and one read for a query that finds nothing."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.billed: Counter[str] = Counter()

    async def read(self, *paths: str) -> list[Snapshot]:
        self.billed["firestore reads"] += len(paths)
        return await super().read(*paths)

    async def commit(self, *writes: Write) -> list[str]:
        self.billed["firestore writes"] += len(writes)
        return await super().commit(*writes)

    async def query(self, *what: Any, **how: Any) -> list[Snapshot]:
        found = await super().query(*what, **how)
        self.billed["firestore reads"] += max(1, len(found))
        return found


class Billed(World):
    """A world whose store counts; what the test itself looks up is taken off."""

    def __init__(self, case: tuple[Any, Any], **settings: Any) -> None:
        task, answer = case
        super().__init__(answer, **settings)
        self.task = task
        self.billed = self.keep_in(CountingStore).billed

    async def attempt(self, *outcomes: Any) -> None:
        self.billed["firestore reads"] -= 1
        await self.execute(self.task.task_id, ScriptedHandler(*outcomes))

    async def event(self) -> None:
        """Deliver the event of the approval's last write."""
        await self.resume(self.task.task_id)

    async def edited(self, status: str) -> None:
        """Decide as a person does in the database's console."""
        await self.edit(self.task.task_id, status=status)
        self.billed["firestore writes"] += 1
        await self.event()


async def write(params: Any, ctx: Any) -> str:
    """A handler that looks something up and then writes."""
    if ctx.http.before_write is not None:
        await ctx.http.before_write()
    return "done"


async def runs(world: Billed) -> None:
    await world.attempt(write)


async def is_retried(world: Billed) -> None:
    with pytest.raises(Exception, match="tried again"):
        await world.attempt(NotApplied("busy"))
    world.pass_time(seconds=10)
    await world.attempt("done")


async def is_refused_by_the_provider(world: Billed) -> None:
    await world.attempt(Permanent("gone"))


class Planner(ScriptedHandler):
    async def plan(self, params: Any, ctx: Any) -> str:
        return "what would happen"


async def is_shown(world: Billed) -> None:
    """Deliver what a pause sets off: the event of the approval, and the preview with its own."""
    await world.event()
    if world.publisher.messages:
        world.billed["firestore reads"] -= 1
        await world.execute("t1", Planner())
        await world.event()


async def is_approved_on_the_console(world: Billed) -> None:
    await is_shown(world)
    await world.decide("t1", "approve")  # its own look at the record is the person's
    await world.event()
    await world.attempt(write)


async def is_rejected_in_the_database(world: Billed) -> None:
    await is_shown(world)
    await world.edited("rejected")
    await world.event()


@pytest.mark.parametrize(
    ("case", "what_happens", "settings"),
    [
        (ORDER_STATUS, runs, {}),
        (ORDER_STATUS, is_retried, {}),
        (SUMMARY, is_refused_by_the_provider, {}),
        (REFUND, runs, {"automatic": {"refund_request": 5000}}),
        (PASSWORD_RESET, runs, {"automatic": {"password_reset": None}}),
        (CANCEL_ORDER, runs, {"automatic": GOODS}),
        (REFUND, is_approved_on_the_console, {}),
        (CANCEL_ORDER, is_rejected_in_the_database, {}),
        ((ticket("Lovely weather"), says("unclassified")), is_rejected_in_the_database, {}),
    ],
)
async def test_what_a_record_is_billed_for_is_what_its_steps_read_and_wrote(
    case: tuple[Any, Any], what_happens: Callable[[Billed], Awaitable[None]], settings: dict[str, Any]
) -> None:
    world = Billed(case, **settings)
    await world.classify(world.task)
    await what_happens(world)
    counted: Counter[str] = Counter(world.billed)
    units = total(usage(await world.record("t1"), REGISTRY, GIVEN))
    assert {unit: units[unit] for unit in counted} == counted


async def test_a_sweep_that_finds_nothing_is_billed_for_what_it_reads() -> None:
    world = Billed(ORDER_STATUS)
    await world.sweep()
    await backlog(world.store)
    assert world.billed == {"firestore reads": READS_OF_A_SWEEP}


def total(spent: dict[str, Units]) -> Units:
    return sum(spent.values(), Units())


async def record_of(case: tuple[Any, Any] = ORDER_STATUS, **told: Any) -> TaskRecord:
    """Return the record of a task that succeeded; `told` is what the model is said to have reported."""
    task, answer = case
    record = await World(answer).run(task, ScriptedHandler("done"))
    return record.model_copy(update={"classification": record.classification.model_copy(update=told)})


async def test_recorded_tokens_are_billed_and_none_is_lost() -> None:
    spent = usage(await record_of(tokens_used=1000), REGISTRY, GIVEN)[CLASSIFY]
    assert spent["model input tokens"] + spent["model output tokens"] == pytest.approx(1000)
    assert 10 < spent["model output tokens"] < 40


async def test_question_cached_part_and_answer_are_billed_each_at_its_own_rate() -> None:
    record = await record_of(tokens_used=1000, input_tokens=900, cached_tokens=600)
    spent = usage(record, REGISTRY, GIVEN)[CLASSIFY]
    units = {"model input tokens": 300, "model cached tokens": 600, "model output tokens": 100}
    assert {unit: amount for unit, amount in spent.items() if unit.startswith("model")} == units
    rates = [PRICES.by_unit[unit].dollars for unit in ("model cached tokens", "model input tokens")]
    assert rates == sorted(rates)
    expected = sum(PRICES.by_unit[unit].of(amount) for unit, amount in units.items())
    assert PRICES.by_group(spent)["model"] == pytest.approx(expected)


async def test_answer_that_was_kept_from_before_costs_no_tokens() -> None:
    record = await record_of(tokens_used=0, from_cache=True)
    spent = usage(record, REGISTRY, GIVEN)[CLASSIFY]
    assert PRICES.by_group(spent)["model"] == 0
    assert bill([record], REGISTRY, PRICES, 90).estimated == 0


async def test_tokens_of_the_local_classifier_are_estimated_from_the_question() -> None:
    short = usage(await record_of(tokens_used=0), REGISTRY, GIVEN)[CLASSIFY]
    long_task = ticket("Where is my order #47384? " + "It was due last week. " * 100), ORDER_STATUS[1]
    long = usage(await record_of(long_task, tokens_used=0), REGISTRY, GIVEN)[CLASSIFY]
    assert short["model input tokens"] > 500
    assert long["model input tokens"] - short["model input tokens"] == pytest.approx(2200 / 4, abs=10)


async def test_instance_time_is_billed_in_steps_of_100_ms() -> None:
    one = usage(await record_of(tokens_used=9, latency_ms=1), REGISTRY, GIVEN)[CLASSIFY]
    other = usage(await record_of(tokens_used=9, latency_ms=100), REGISTRY, GIVEN)[CLASSIFY]
    more = usage(await record_of(tokens_used=9, latency_ms=101), REGISTRY, GIVEN)[CLASSIFY]
    assert [s["run vCPU seconds"] for s in (one, other, more)] == pytest.approx([0.2, 0.2, 0.3])
    assert more["run GiB seconds"] == pytest.approx(0.15)


async def test_a_message_costs_its_bytes_and_1000_at_least() -> None:
    small = usage(await record_of(), REGISTRY, GIVEN)
    big = usage(await record_of((ticket("Where is my order #47384?" + " " * 5000), ORDER_STATUS[1])), REGISTRY, GIVEN)
    assert small[INTAKE]["pubsub bytes"] == 2000  # published and delivered
    assert big[INTAKE]["pubsub bytes"] > 10_000
    assert small[EXECUTE]["pubsub bytes"] == 1000  # the result, which nobody has subscribed to
    assert small[DECIDE] == {}


async def test_an_agent_loop_sends_everything_again_with_every_call() -> None:
    record = await record_of(tokens_used=110, latency_ms=450)
    one, two, three = (usage(record, REGISTRY, GIVEN, calls)[CLASSIFY] for calls in (1, 2, 3))

    def tokens(spent: Units) -> float:
        return spent["model input tokens"] + spent["model output tokens"]

    assert [tokens(s) for s in (one, two, three)] == pytest.approx([110, 359, 3 * 110 + 139 + 2 * 139])
    assert three["run vCPU seconds"] == pytest.approx(1.5)
    assert three["firestore writes"] == one["firestore writes"]


def test_a_price_is_of_what_is_beyond_the_free_amount() -> None:
    requests = PRICES.by_unit["run requests"]
    assert requests.of(3e6) == pytest.approx(1.2)
    assert requests.of(3e6, net_of_free=True) == pytest.approx(0.4)
    assert requests.of(1e6, net_of_free=True) == 0


async def test_a_month_grows_with_its_tasks_and_is_never_less_than_what_is_fixed() -> None:
    made = bill([await record_of(tokens_used=1000)], REGISTRY, PRICES, 90)
    idle, busy = made.month(0), made.month(1000)
    per_1000 = 1000 * sum(PRICES.of(units) for units in made.stages.values())
    stored = PRICES.by_unit["firestore stored bytes"].of(made.document_bytes * 1000 * 90)
    assert 0.5 < idle < 2
    assert busy - idle == pytest.approx(per_1000 * 730 / 24 + stored)
    assert made.month(1000, net_of_free=True) < busy < made.month(1000, calls=2) < made.month(1000, calls=5)
    assert made.vm_month(0) == pytest.approx(26.46)


async def test_groups_hold_every_dollar_of_a_stage() -> None:
    made = bill([await record_of(tokens_used=1000)], REGISTRY, PRICES, 90)
    for units in made.stages.values():
        assert sum(PRICES.by_group(units).values()) == pytest.approx(PRICES.of(units))


async def test_the_bill_is_an_average_of_all_tasks() -> None:
    record = await record_of()
    cheap, middle, dear = (
        record.model_copy(update={"classification": record.classification.model_copy(update={"tokens_used": n})})
        for n in (1000, 2000, 3000)
    )
    made, average = bill([cheap, dear], REGISTRY, PRICES, 90), bill([middle], REGISTRY, PRICES, 90)
    assert made.month(100) == pytest.approx(average.month(100))
    assert (made.tasks, made.estimated) == (2, 0)


def test_every_price_is_dated_and_has_a_source() -> None:
    assert re.fullmatch(r"20\d\d-\d\d", PRICES.as_of)
    assert all(price.source.startswith("https://") for price in PRICES.by_unit.values())
    assert "Check them before you rely on them" in PRICES.about


def test_the_instance_is_the_one_that_terraform_deploys() -> None:
    stage = (ROOT / "terraform/modules/stage/main.tf").read_text()
    cpu = re.search(r'available_cpu\s*=\s*"([\d.]+)"', stage)
    assert cpu is not None
    assert (float(cpu[1]), MEMORY_MIB / 1024) == (GIVEN["vcpu"], GIVEN["gib"])


async def test_tasks_are_read_from_a_stacks_folder_newest_first(tmp_path: Path) -> None:
    record = await record_of()
    database = await Database.open(tmp_path)
    store = EmbeddedStore(database)
    for number in range(201):
        data = to_document(record) | {
            "task_id": f"t{number}",
            "created_at": record.created_at.replace(microsecond=number),
        }
        await store.commit(Write(f"tasks/t{number}", data, None))
    await database.close()
    assert [r.task_id for r in await from_folder(tmp_path, 2)] == ["t200", "t199"]
    assert len(await from_folder(tmp_path, 10_000)) == 201


async def test_a_folder_without_tasks_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="make run"):
        await from_folder(tmp_path, 1)
    assert not (tmp_path / FILE).exists()  # looking leaves nothing behind


@pytest.mark.parametrize("text", ["", "[1]", '{"tasks": [{}]}', '{"records": []}'])
def test_what_is_no_export_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "tasks.json").write_text(text)
    with pytest.raises(StackError, match="is no export of tasks"):
        from_export(tmp_path / "tasks.json")


async def test_the_program_bills_an_answer_of_the_console(tmp_path: Path) -> None:
    record = await record_of(tokens_used=1000)
    tasks = [record.model_dump(mode="json", by_alias=True, exclude={"payload"})]
    (tmp_path / "tasks.json").write_text(json.dumps({"tasks": tasks, "next_page_token": None}))
    env = {**os.environ, "BACKEND": "embedded", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "infra.cost", "--export", "tasks.json", "--per-day", "500"]

    def run(*arguments: str) -> str:
        ended = subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout

    figures = json.loads(run("--json"))
    assert figures["tasks"] == 1
    assert figures["dollars_per_1000_tasks"]["classify"]["model"] == pytest.approx(0.34, abs=0.03)
    assert figures["dollars_a_month_by_tasks_a_day"]["500"]["vm"] > 26
    table = run("--chart", "cost.png")
    assert f"{figures['dollars_a_month_by_tasks_a_day']['500']['switchyard']:.2f}" in table
    assert "1 recorded task. " in table
    assert (tmp_path / "cost.png").exists() != ("no picture" in table)
