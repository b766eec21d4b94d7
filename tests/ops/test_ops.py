"""The command line against the console's real app over HTTP: what people and scripts get, and what it changes."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from rich.console import Console as Terminal

from functions.console import identity
from infra.ops import bulk, show
from infra.ops.__main__ import main
from infra.ops.client import Unreachable
from shared.intent.outcomes import Ambiguous, Permanent
from shared.records.news import tell
from tests.browser.serving import served
from tests.scripted import Fixed, ScriptedHandler
from tests.world import CANCEL_ORDER, ORDER_STATUS, REFUND, SUMMARY, World, paused, started, ticket

Ops = Callable[..., Awaitable[int]]


@pytest.fixture
def ops() -> Ops:
    async def run(world: World, line: str) -> int:
        async with served(world) as url:
            try:
                return await asyncio.to_thread(main, ["--console", url, *line.split()])
            except SystemExit as end:
                return int(end.code or 0)

    return run


async def letters(world: World, count: int) -> list[str]:
    """Park dead letters of tasks that were rejected."""
    ids = []
    for n in range(count):
        task_id = f"r{n}"
        await world.classify(ticket(REFUND[0].raw_payload["text"], task_id=task_id))
        await world.decide(task_id, "reject")
        ids.append(world.bury(task_id, task_id))
        world.pass_time(seconds=1)
    return ids


# --- look


async def test_tasks_are_listed_as_a_table_and_as_json(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    assert await ops(world, "tasks list --state AWAITING_APPROVAL --since 2026-01-01") == 0
    assert "refund_request" in capsys.readouterr().out
    assert await ops(world, "approvals list --json") == 0
    [task] = [t for line in capsys.readouterr().out.splitlines() if line.startswith("[{") for t in json.loads(line)]
    assert (task["task_id"], task["parameters"]["amount_minor"]) == ("t1", 2500)


async def test_dossier_tells_what_happened_and_what_can_be_done(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ops(await paused(), "tasks explain t1") == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("policy: money intents need a person", "kim@example.com", "approve, reject"))


async def test_explain_tells_what_the_source_said_since(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    await tell(world.ports, "t1", kind="edited", revision="2", text="Cancel it instead")
    assert await ops(world, "tasks explain t1") == 0
    said = capsys.readouterr().out
    assert "paused for   changed_since:" in said
    assert re.search(r"told since   edited at .* Cancel it instead", said)


async def test_hostile_text_cannot_reach_the_terminal(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    world.tamper("t1", {"order_id": "\x1b[2J\u202e[red]x", "amount_minor": 1, "currency": "USD"})
    for line in ("tasks list", "tasks explain t1", "tasks show t1", "approvals approve t1 --dry-run"):
        assert await ops(world, line) == 0
        told = capsys.readouterr().out
        assert "\x1b" not in told
        assert "\u202e" not in told
        assert "[red]" in told or "tasks list" in line


def test_letters_are_told_whole_on_a_narrow_terminal() -> None:
    out = io.StringIO()
    letter = {
        "letter_id": "0" * 64,
        "subscription": "intent-refund-request",
        "reason": "dead_lettered",
        "task_id": "t1",
        "outcome": "failed",
        "created_at": "2026-01-05T09:00:00Z",
        "redriven_by": None,
    }
    show.letters(Terminal(file=out, width=80, force_terminal=True, color_system=None), [letter])
    assert all(word in out.getvalue() for word in ("0" * 64, "intent-refund-request", "dead_lettered", "t1", "failed"))


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("tasks show nobody", 1, "task_not_found"),
        ("tasks list --state DONE", 2, "state must be one of"),
        ("tasks redrive --reason x", 2, "filter"),
        ("tasks redrive --intent search_faq --reason x", 2, "--state"),
        ("dead-letters redrive --reason x", 2, "--all"),
        ("tasks show ../counts", 2, "is no id"),
        ("approvals approve t1 --parameters {bad", 2, "--parameters"),
        ("tasks cancel t1 --reason x --rate 0", 2, "--rate"),
        ("tasks settle t1 --reason x", 2, "--verdict"),
        ("approvals approve t1", 2, "--yes"),
    ],
)
async def test_wrong_use_is_one_line_and_its_own_exit_status(
    ops: Ops, capsys: pytest.CaptureFixture[str], line: str, status: int, said: str
) -> None:
    assert await ops(await paused(), line) == status
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("http://127.0.0.1:9", 3, "does not answer"),
        ("console.example", 3, "does not answer"),
        ("http://127.0.0.1:port", 2, "is no address"),
    ],
)
def test_console_that_is_not_there_is_said(
    capsys: pytest.CaptureFixture[str], url: str, status: int, said: str
) -> None:
    assert main(["--console", url, "tasks", "list"]) == status
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>sign in</html>"), (302, b""), (500, b"[]")])
async def test_what_is_no_console_is_said(capsys: pytest.CaptureFixture[str], status: int, body: bytes) -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await asyncio.to_thread(main, ["--console", url, "tasks", "list"]) == 3
    assert "not as a console does" in capsys.readouterr().err


def test_sign_in_token_is_sent_over_https_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAP_TOKEN", "secret-token")
    assert main(["--console", "http://console.example", "tasks", "list"]) == 2
    said = capsys.readouterr().err
    assert "https only" in said
    assert "secret-token" not in said


async def test_further_lines_of_a_value_pass_for_no_line_of_ours(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    await world.decide("t1", comment="fine\n  result       refunded\rx")
    assert await ops(world, "tasks explain t1") == 0
    told = capsys.readouterr().out.splitlines()
    assert not [line for line in told if line.startswith("  result")]
    assert "                 result       refunded<U+000D>x" in told


async def test_counts_are_watched(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ops(await paused(), "watch --for 0") == 0
    assert "awaiting_approval 1" in capsys.readouterr().out


async def test_policy_is_told_per_intent(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(
        automatic={"refund_request": 5000},
        disabled_intents=frozenset({"ticket_summary"}),
        approvers={"password_reset": frozenset({"it@example.com"}), "*": frozenset({"lead@example.com"})},
    )
    world.store.put("switches/cancel_order", enabled=False)
    world.store.put("switches/order-status", enabled=False)
    assert await ops(world, "policy") == 0
    told = capsys.readouterr().out
    lines = {line.split()[0]: " ".join(line.split()) for line in told.splitlines() if line.strip()}
    assert lines["refund_request"] == ("refund_request money when sure, up to 50.00 USD 3 all lead@example.com on")
    assert lines["password_reset"] == "password_reset credential never 3 all it@example.com on"
    assert "when sure any number all" in lines["order_status"]
    assert lines["ticket_summary"].endswith("off: DISABLED_INTENTS")
    assert lines["cancel_order"].endswith("off: switches/cancel_order")
    assert lines["switches/cancel_order:"] == "switches/cancel_order: off"
    assert lines["switches/order-status:"] == (
        "switches/order-status: nothing: there is no intent of this name; did you mean 'order_status'?"
    )
    assert lines["you"] == "you are developer@localhost; a person decides below confidence 0.8"
    assert await ops(world, "policy --json") == 0
    [policy] = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"you"')]
    assert json.loads(policy)["intents"]["cancel_order"]["switched_off"] is True


async def test_console_is_also_named_after_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    async with served(await paused()) as url:
        for before, after in (([], ["--console", url]), (["--console", url], [])):
            assert await asyncio.to_thread(main, [*before, "tasks", "list", "--json", *after]) == 0
            assert '"task_id": "t1"' in capsys.readouterr().out


# --- decide and repair


async def test_task_is_approved_in_the_persons_name_through_the_command_line(ops: Ops) -> None:
    world = await paused()
    assert await ops(world, "approvals approve t1 --yes --comment checked") == 0
    record = await world.record("t1")
    assert record.approval is not None
    assert (record.state, record.approval.channel, record.approval.comment) == ("READY", "cli", "checked")


async def test_other_parameters_than_expected_are_refused(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    assert await ops(world, f"approvals approve t1 --yes --params-hash {'0' * 64}") == 1
    assert "params_changed" in capsys.readouterr().out


async def test_task_that_is_not_there_does_not_keep_the_others(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    assert await ops(world, "tasks cancel nobody t1 --reason x --yes") == 1
    assert "1 done, 1 refused" in capsys.readouterr().out
    assert (await world.record("t1")).state == "CANCELLED"


async def test_dry_run_changes_nothing(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(REFUND[1])
    [letter] = await letters(world, 1)
    before = dict(world.store.documents)
    for line in (
        "dead-letters redrive --all --reason x --dry-run",
        "tasks redrive --state REJECTED --reason x --dry-run",
    ):
        assert await ops(world, line) == 0
    assert f"would redrive {letter} of r0" in capsys.readouterr().out
    assert world.store.documents == before


async def test_unknown_task_is_settled_by_what_was_found(ops: Ops) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous("no answer")))
    assert await ops(world, "tasks settle t1 --verdict not_applied --reason looked") == 1  # too early
    world.pass_time(minutes=2)
    assert await ops(world, "tasks settle t1 --verdict not_applied --reason looked") == 0
    assert (await world.record("t1")).state == "FAILED"


async def test_hundred_dead_letters_are_repaired_with_one_command(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(REFUND[1])
    ids = await letters(world, 100)
    line = "dead-letters redrive --all --reason mended --rate 1000"
    assert await ops(world, line) == 2  # nobody can be asked here
    assert await ops(world, f"{line} --yes") == 0
    assert "100 done, 0 refused" in capsys.readouterr().out
    records = [await world.record(f"r{n}") for n in range(100)]
    # Nobody had approved them, and nobody has looked at one alone: they wait for a decision again.
    assert [(r.state, r.generation, r.approval) for r in records] == [("AWAITING_APPROVAL", 2, None)] * 100
    assert await ops(world, f"dead-letters redrive {ids[0]} --reason mended") == 1
    assert "already_redriven" in capsys.readouterr().out


async def test_letters_whose_tasks_a_person_had_approved_run_again_at_once(ops: Ops) -> None:
    world = World(REFUND[1])
    for n in range(2):
        await world.classify(ticket(REFUND[0].raw_payload["text"], task_id=f"r{n}"))
        await world.decide(f"r{n}")
        await world.execute(f"r{n}", ScriptedHandler(Permanent("the shop is closed")))
        world.bury(f"r{n}", f"r{n}")
    assert await ops(world, "dead-letters redrive --all --reason mended --yes") == 0
    records = [await world.record(f"r{n}") for n in range(2)]
    assert [(r.state, r.approval and r.approval.by) for r in records] == [("READY", "ops@example.com")] * 2


@pytest.mark.parametrize("command", ["tasks redrive r0", "dead-letters redrive {letter}"])
async def test_rejected_task_that_is_named_alone_runs_in_the_persons_name(ops: Ops, command: str) -> None:
    world = World(REFUND[1])
    [letter] = await letters(world, 1)
    assert await ops(world, f"{command.format(letter=letter)} --reason wrong-no") == 0
    record = await world.record("r0")
    assert record.approval is not None
    assert (record.state, record.approval.by, record.approval.channel, record.approval.comment) == (
        "READY",
        "developer@localhost",
        "cli",
        "wrong-no",
    )


@pytest.mark.parametrize("line", ["tasks redrive r0 r1", "tasks redrive --state REJECTED"])
async def test_rejected_tasks_that_are_named_together_or_found_wait_for_a_decision_again(ops: Ops, line: str) -> None:
    world = World(REFUND[1])
    await letters(world, 2)
    assert await ops(world, f"{line} --reason wrong-no --yes") == 0
    assert [(await world.record(f"r{n}")).state for n in range(2)] == ["AWAITING_APPROVAL"] * 2


async def test_own_request_is_refused_with_its_code(
    ops: Ops, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "DEVELOPER", "kim@example.com")
    world = await paused()
    for line in ("approvals approve t1 --yes", "approvals reject t1 --yes", "tasks cancel t1 --reason x"):
        assert await ops(world, line) == 1
        assert "own_request: this is your own request" in capsys.readouterr().out
    assert (await world.record("t1")).state == "AWAITING_APPROVAL"


async def test_letter_of_a_task_that_was_never_stored_is_sent_again(ops: Ops) -> None:
    world = World()
    letter = world.bury("lost", "never-stored")
    assert await ops(world, f"dead-letters redrive {letter} --reason mended") == 0
    assert world.publisher.on("tasks") == [{}]


async def test_letter_of_an_unknown_task_is_redriven_by_what_was_found(
    ops: Ops, capsys: pytest.CaptureFixture[str]
) -> None:
    world = await started(SUMMARY)
    await world.execute("t1", ScriptedHandler(Ambiguous("no answer")))
    world.pass_time(minutes=2)
    name = world.bury("t1", "t1")
    assert await ops(world, f"dead-letters redrive {name} --reason looked") == 1
    assert "verdict_needed" in capsys.readouterr().out
    assert await ops(world, f"dead-letters redrive {name} --reason looked --verdict not_applied") == 0
    assert (await world.record("t1")).state == "READY"


async def test_answer_of_a_bulk_action_is_json_alone(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(REFUND[1])
    [letter] = await letters(world, 1)
    assert await ops(world, f"dead-letters close {letter} {letter} {'0' * 64} --reason x --yes --json") == 1
    [answer] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert [(r["state"], r["error"][:16]) for r in json.loads(answer)] == [("closed", ""), ("", "letter_not_found")]


async def test_question_to_a_person_is_not_on_the_output_of_scripts(
    ops: Ops, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(REFUND[1])
    await letters(world, 2)
    assert await ops(world, "dead-letters close --all --reason x --json") == 2
    captured = capsys.readouterr()
    assert "of r1" in captured.err
    assert "of r1" not in captured.out


def test_console_that_stops_answering_ends_a_bulk_action(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def do(name: str) -> dict[str, str]:
        asked.append(name)
        if name == "b":
            raise Unreachable("gone")
        return {"state": "READY"}

    results = bulk.run(Terminal(stderr=True), [bulk.Item(n, n, partial(do, n)) for n in "abcd"], 1000)
    assert asked == ["a", "b"]
    assert [(r.id, r.state, r.unreachable) for r in results] == [("a", "READY", False), ("b", "", True)]
    assert "2 of 4 were not tried" in capsys.readouterr().err


def test_interrupt_says_which_outcome_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> dict[str, str]:
        raise KeyboardInterrupt

    items = [bulk.Item("a", "a", dict), bulk.Item("b", "b", interrupted), bulk.Item("c", "c", dict)]
    results = bulk.run(Terminal(stderr=True), items, 1000)
    assert [(r.id, r.error) for r in results] == [("a", ""), ("b", "stopped; whether it was done is not known")]
    assert "1 of 3 were not tried" in capsys.readouterr().err


# --- play again


async def differs(ops: Ops, world: World, capsys: pytest.CaptureFixture[str], task_id: str = "t1") -> Any:
    assert await ops(world, f"tasks reenact {task_id} --json") == 0
    return next(json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"task_id"'))


async def test_task_under_the_same_policy_would_run_as_it_did(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    await world.decide("t1")
    await world.execute("t1", ScriptedHandler("Refunded 25.00 USD of order 10021 through Stripe"))
    before = dict(world.store.documents)
    report = await differs(ops, world, capsys)
    assert report["differs"] == {}
    assert [e["amount_minor"] for e in report["effects"]] == [2500]
    assert world.store.documents == before


@pytest.mark.parametrize(("number", "state"), [(0.0, "AWAITING_APPROVAL"), (0.99, "READY")])
async def test_task_is_drawn_for_a_look_again_as_it_was_then(
    ops: Ops, capsys: pytest.CaptureFixture[str], number: float, state: str
) -> None:
    world = World(SUMMARY[1])
    world.ports.random = Fixed(number)
    await world.classify(SUMMARY[0])
    assert (await world.record("t1")).state == state
    assert not {"route", "reasons"} & (await differs(ops, world, capsys))["differs"].keys()


async def test_tightened_policy_would_pause_what_ran(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await started(CANCEL_ORDER)
    await world.execute("t1", ScriptedHandler("cancelled"))
    world.set(confidence_threshold=0.99)
    report = await differs(ops, world, capsys)
    assert report["differs"]["route"] == {"then": "execute", "today": "approve"}
    assert report["differs"]["state"]["today"] == "AWAITING_APPROVAL"
    assert report["effects"] == []


async def test_approval_that_would_not_count_today_is_told(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await paused()
    await world.decide("t1")
    world.set(approvers={"*": frozenset({"lead@example.com"})})
    assert "not_an_approver" in (await differs(ops, world, capsys))["decision_refused"]


async def test_handler_that_reads_is_played_on_the_sandbox(ops: Ops, capsys: pytest.CaptureFixture[str]) -> None:
    world = await started(ORDER_STATUS)
    await world.execute("t1", ScriptedHandler("on its way"))
    report = await differs(ops, world, capsys)
    assert report["differs"].keys() == {"output"}
    assert report["effects"] == []
