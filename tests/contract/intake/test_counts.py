"""Events that ask nothing of anybody: counted in memory, told now and then, added up by day, and never in the way."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.intake import webhooks
from functions.intake.incoming import IncomingRequest
from functions.intake.sources import source_at
from functions.intake.step import receive_event
from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from shared.errors import PublishFailed, StoreUnavailable
from shared.event.signatures import sign
from shared.event.tally import EVERY, MAX_KEYS, Kind, Tally, fold
from shared.records.ignored import MAX_KINDS, MAX_MESSAGES, Count, Told, add, last_days, told
from shared.serving.push import Delivery
from tests.contract.intake.wire import SECRETS, install, recorded
from tests.store import BEGINNING
from tests.world import World

DAY = BEGINNING.date().isoformat()


@pytest.fixture
def ports(ports: Any) -> Any:
    """Count as an instance in the cloud does."""
    vars(ports)["ignored"] = Tally()
    return ports


async def test_on_one_machine_every_event_is_told_at_once() -> None:
    ports, now = install(), datetime.now(UTC)
    for _ in range(3):
        await ignored(ports, now)
    assert [c for _, _, c in handed_over(ports)] == [1, 1, 1]


async def ignored(ports: Any, at: datetime, body: bytes | None = None) -> None:
    """Send one event that asks nothing, at a moment."""
    sent = body or recorded("github_ping")

    async def read() -> bytes:
        return sent

    headers = {"content-type": "application/json", **sign("github", sent, SECRETS["github"], at)}
    request = IncomingRequest("POST", "/github", headers, at, "", read)
    outcome = await webhooks.receive(source_at("/github"), request, ports)
    assert (outcome.status, (outcome.body or {})["ignored"]) == (200, True)


def handed_over(ports: Any) -> list[tuple[str, str, int]]:
    found = [Told.model_validate_json(data) for _, data, _ in ports.publisher.messages]
    return [(day, c.reason, c.count) for told in found for day, counts in told.days.items() for c in counts]


def delivery(counts: Told, message_id: str = "m1") -> Delivery:
    data = counts.model_dump_json().encode()
    return Delivery(message_id, data, {"counted": "1"}, BEGINNING, "events", 1)


def one(count: int = 1, kind: str = "ping", day: str = DAY) -> Told:
    return told({Kind(day, "github", kind, "ping"): count})


async def test_first_is_told_at_once_and_others_together_later(ports: Any) -> None:
    now = datetime.now(UTC)
    day = now.date().isoformat()
    for second in range(10):
        await ignored(ports, now + timedelta(milliseconds=second))
    assert handed_over(ports) == [(day, "ping", 1)]
    await ignored(ports, now + EVERY)
    assert sorted(c for _, _, c in handed_over(ports)) == [1, 10]
    assert {topic for topic, _, _ in ports.publisher.messages} == {"events"}


async def test_events_of_two_days_are_counted_on_their_day(ports: Any) -> None:
    late = datetime(2026, 1, 5, 23, 59, 50, tzinfo=UTC)
    for seconds in (0, 5, 12, 20):
        await ignored(ports, late + timedelta(seconds=seconds))
    assert handed_over(ports) == [("2026-01-05", "ping", 1), ("2026-01-05", "ping", 1), ("2026-01-06", "ping", 2)]


async def test_bus_that_is_down_changes_no_answer_and_loses_no_count(
    ports: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    now, ports.publisher.fault = datetime.now(UTC), PublishFailed("down")
    for n in range(3):
        await ignored(ports, now + n * EVERY)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["outcome"] for line in lines] == ["counts_held"] * 3
    ports.publisher.fault = None
    await ignored(ports, now + 3 * EVERY)
    assert [c for _, _, c in handed_over(ports)] == [4]


async def test_bus_that_hangs_holds_the_answer_up_no_longer_than_a_task_would(ports: Any) -> None:
    now, ports.publisher.fault = datetime.now(UTC), "hang"
    await ignored(ports, now)
    ports.publisher.fault = None
    await ignored(ports, now + EVERY)
    assert [c for _, _, c in handed_over(ports)] == [2]


@pytest.mark.parametrize("action", ["<script>", "a b", "x" * 300, "é", ""])
async def test_name_that_a_sender_chooses_is_a_short_word_or_other(ports: Any, action: str) -> None:
    await ignored(ports, datetime.now(UTC), json.dumps({"action": action, "zen": "x", "hook_id": 1}).encode())
    (_, data, _) = ports.publisher.messages[0]
    [count] = next(iter(Told.model_validate_json(data).days.values()))
    assert len(count.kind) <= 60


def test_more_kinds_than_can_be_held_are_others_of_their_source_and_reason() -> None:
    tally = Tally()
    for n in range(3 * MAX_KEYS):
        tally.add("crm", f"kind{n}", "no_words", BEGINNING)
    counts = tally.due(BEGINNING)
    assert (len(counts), sum(counts.values())) == (MAX_KEYS + 1, 3 * MAX_KEYS)
    assert counts[Kind(DAY, "crm", "other", "no_words")] == 2 * MAX_KEYS
    known = Counter(counts)
    fold(known, Kind(DAY, "crm", "kind0", "no_words"), 5, MAX_KEYS)
    assert known[Kind(DAY, "crm", "kind0", "no_words")] == 6


# --- added up


async def test_message_is_added_once_however_often_it_comes() -> None:
    world = World()
    for message_id in ("m1", "m2", "m1", "m1"):
        outcome = await receive_event(delivery(one(3), message_id), world.ports)
        assert outcome.code == "counted"
    [today, *before] = await last_days(world.store, BEGINNING)
    assert [(c.source, c.kind, c.reason, c.count) for c in today.counts] == [("github", "ping", "ping", 6)]
    assert (today.day, [day.counts for day in before], len(before)) == (DAY, [[]] * 6, 6)
    [document] = await world.store.read(f"ignored/{DAY}")
    assert (document.data or {})["expire_at"] == BEGINNING + timedelta(days=30)


async def test_days_of_one_message_are_added_together_or_not_at_all() -> None:
    world = World()
    both = told({Kind(DAY, "github", "ping", "ping"): 1, Kind("2026-01-04", "github", "ping", "ping"): 2})
    world.network.fail_next = [StoreUnavailable("down")]
    with pytest.raises(StoreUnavailable):
        await receive_event(delivery(both), world.ports)
    await receive_event(delivery(both), world.ports)
    assert [[c.count for c in day.counts] for day in await last_days(world.store, BEGINNING, 2)] == [[1], [2]]


async def test_document_of_a_day_stays_small() -> None:
    world = World()
    for n in range(4):
        kinds = {Kind(DAY, "crm", f"k{n}.{i}", "no_words"): 1 for i in range(MAX_KEYS)}
        await add(world.store, told(kinds), f"m{n}")
    for n in range(MAX_MESSAGES):
        await add(world.store, one(), f"n{n}")
    [today, *_] = await last_days(world.store, BEGINNING)
    assert (len(today.counts), len(today.messages)) == (MAX_KINDS + 2, MAX_MESSAGES)
    assert sum(c.count for c in today.counts) == 4 * MAX_KEYS + MAX_MESSAGES


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"days":{"../x":[]}}', b'{"days":{"2026-01-05":[{"source":"a","kind":"<b>"}]}}']
)
async def test_counts_that_nobody_of_ours_wrote_are_parked(data: bytes) -> None:
    world = World()
    outcome = await receive_event(Delivery("m1", data, {"counted": "1"}, BEGINNING, "events", 1), world.ports)
    assert (outcome.code, outcome.fields["error_code"]) == ("parked", "invalid_counts")


async def test_letter_that_asks_nothing_once_it_can_be_read_is_counted() -> None:
    world = World()
    parked = {"parked": "1", "source": "github", "media": "application/json"}
    event = Delivery("m1", recorded("github_ping"), parked, BEGINNING, "events", 1)
    assert [(await receive_event(event, world.ports)).code for _ in range(2)] == ["ping", "ping"]
    [today, *_] = await last_days(world.store, BEGINNING)
    assert today.counts == [Count(source="github", kind="ping", reason="ping", count=1)]


async def test_embedded_store_keeps_them(tmp_path: Path) -> None:
    install()
    database = await Database.open(tmp_path)
    store = EmbeddedStore(database, project="p", authid="test")
    for n in range(3):
        await add(store, one(2), f"m{n}")
    [today, *_] = await last_days(store, BEGINNING)
    assert [c.count for c in today.counts] == [6]
    await database.close()
