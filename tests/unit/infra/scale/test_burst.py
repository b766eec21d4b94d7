"""The simulation of a burst: cases that can be worked out by hand, and what holds of every run."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from infra.scale.burst import Run, play
from infra.scale.deployment import Deployment, Feed, Service
from infra.scale.mix import Ticket
from tests.unit.infra.scale.cases import GIVEN, deployed, ticket


def run(tasks: int, deployment: Deployment | None = None, *tickets: Ticket, **given: float) -> Run:
    """Play so many tasks at once; underscores in names are blanks."""
    names = {name.replace("_", " "): value for name, value in given.items()}
    return play(deployment or deployed(), tickets or (ticket(),), GIVEN | names, [0.0] * tasks)


def test_one_task_takes_as_long_as_its_parts() -> None:
    one = run(1, None, ticket(model_s=0.45, handler_s=0.3), processor_ms=10, step_ms=100)
    assert one.classified_at == [pytest.approx(0.01 + 0.45 + 0.1)]
    assert one.done_at == [pytest.approx(0.56 + 0.01 + 0.3 + 0.1)]


def test_one_call_at_a_time_takes_a_second_a_task() -> None:
    assert run(7, deployed(calls=1)).drained_s == 7


def test_what_waits_for_a_call_shares_the_next() -> None:
    shared = run(5, deployed(calls=1, together=2))
    assert (shared.calls, shared.drained_s) == (3, 3)  # one alone, then two twice


def test_each_further_answer_of_a_call_takes_its_time() -> None:
    assert run(5, deployed(calls=1, together=4), answer_ms=100).drained_s == pytest.approx(1 + 1.3)


def test_what_must_have_a_call_of_its_own_has_one_after_the_shared_one() -> None:
    alone = run(3, deployed(calls=1, together=2), ticket(alone=True))
    assert (alone.calls, alone.drained_s) == (4, 4)  # one alone; two together; each of them again


def test_the_push_window_doubles_with_every_round() -> None:
    assert [run(n, window=1).drained_s for n in (1, 3, 7, 8)] == [1, 2, 3, 4]


def test_the_window_grows_slowly_beyond_its_limit() -> None:
    # Rounds of 1, 2, 2 and 3: at the limit a whole window of pushes, and more, brings one more.
    assert [run(n, window=1, window_limit=2).drained_s for n in (1, 3, 5, 8)] == [1, 2, 3, 4]


def test_calls_keep_the_quota_of_a_minute() -> None:
    assert run(5, deployed(requests_a_minute=30)).drained_s == 4 * 2 + 1


def test_processors_are_taken_in_turn() -> None:
    two = deployed(classify=Service("classify", 2, 100, 2))
    assert run(10, two, processor_ms=1000).classified_at == [2, 2, 3, 3, 4, 4, 5, 5, 6, 6]


def test_services_of_one_machine_share_its_processors() -> None:
    one = play(deployed(), (ticket(model_s=0),), GIVEN | {"processor ms": 1000}, [0.0] * 3, cores=1)
    assert one.drained_s == 6


def test_a_standstill_waits_for_an_instance_in_each_service() -> None:
    still = deployed(classify=Service("classify", 1, 10), run=Service("run", 1, 10))
    assert run(1, still, start_s=4).drained_s == 4 + 1 + 4


def test_instances_start_while_others_are_busy_and_never_too_many() -> None:
    three = deployed(classify=Service("classify", 3, 10))
    seen = [run(tasks, three, busy_share=0.6).instances["classify"] for tasks in (1, 6, 7, 12, 13, 500)]
    assert seen == [1, 1, 2, 2, 3, 3]


def test_what_finds_no_room_is_refused_and_comes_again() -> None:
    single = deployed(run=Service("run", 1, 1, 1), feed=Feed(min_backoff_s=10))
    two = run(2, single, ticket(model_s=0, handler_s=25))
    # Refused at 10 s, back at 20 s, and there when the first ends.
    assert (two.done_at, two.refused, two.most_attempts) == ([25, 50], 1, 2)


def test_what_was_tried_often_enough_ends_in_the_dead_letters() -> None:
    single = deployed(run=Service("run", 1, 1, 1), feed=Feed(min_backoff_s=10, max_backoff_s=10, attempts=2))
    two = run(2, single, ticket(model_s=0, handler_s=100))
    assert (two.done_at, two.dead, two.refused) == ([100], 1, 2)


@pytest.mark.parametrize("tasks", [1, 10, 333, 2000])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"calls": 3, "together": 10},
        {"run": Service("run", 1, 1), "feed": Feed(attempts=3)},
        {"classify": Service("classify", 4, 16), "calls": 2, "together": 4},
    ],
)
def test_no_task_is_lost_or_done_twice(tasks: int, changes: dict[str, Any]) -> None:
    mixed = (ticket(handler_s=2), ticket(runs=""), ticket(alone=True, waits=True), ticket(model_s=3))
    seen = run(tasks, deployed(**changes), *mixed, window=5, start_s=4, processor_ms=10)
    assert len(seen.done_at) + seen.dead == tasks
    assert len(seen.classified_at) <= tasks
    assert len(seen.done_at) <= len(seen.classified_at)
    assert all(a <= b for a, b in pairwise(seen.done_at))
    assert 0 < seen.calls <= 2 * tasks


def test_more_tasks_never_end_sooner_and_more_room_never_later() -> None:
    small, mixed = deployed(run=Service("run", 1, 2), calls=5, together=5), (ticket(handler_s=0.5),)
    by_tasks = [run(n, small, *mixed, window=5).drained_s for n in (1, 10, 100, 1000)]
    assert by_tasks == sorted(by_tasks)
    rooms = [replace(small, services={**small.services, "run": Service("run", n, 2)}) for n in (1, 2, 4, 8)]
    by_room = [run(500, room, *mixed, window=5).drained_s for room in rooms]
    assert by_room == sorted(by_room, reverse=True)
    assert by_room[0] > by_room[-1]


def test_a_run_is_always_the_same() -> None:
    again = [run(300, deployed(run=Service("run", 2, 3), calls=4, together=3), window=5, start_s=1) for _ in range(2)]
    assert again[0] == again[1]


def test_attempts_wait_twice_as_long_each_time_within_bounds() -> None:
    feed = Feed(min_backoff_s=10, max_backoff_s=60, attempts=5)
    assert [feed.wait_s(n) for n in (1, 2, 3, 4, 5)] == [10, 20, 40, 60, 60]
    assert feed.gives_up_after_s == 10 + 20 + 40 + 60
