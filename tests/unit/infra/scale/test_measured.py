"""The small end of the model, beside what was measured on one machine: its time and calls come near.

The figures are of `make bench` and of the README's table: 2 cores, AMD EPYC, Python 3.11.7, nothing else running. What
a step takes there is told to the model; how tasks wait for each other, share calls and queue is what it has to find.
"""

from __future__ import annotations

from infra.scale.burst import Run, play
from infra.scale.deployment import Service
from tests.unit.infra.scale.cases import GIVEN, deployed, ticket

# README, 450 tickets on the emulators, the model at 0 ms: processor time of a task in functions and emulators together,
# the way of one alone, and tasks a second.
EMULATED_CPU_MS, EMULATED_ALONE_MS, EMULATED_PER_S = 12.4 + 8.9, 84.1, 84.0
# 4,500 tickets, embedded (one process), the model at 450 ms: processor time of a task, seconds, calls a task.
EMBEDDED_CPU_MS, EMBEDDED_S, EMBEDDED_CALLS = 6.0, 29.4, 0.105
# Twenty tasks one after the other on the emulators with the model at 450 ms, while other work ran: the quickest and the
# slowest, in seconds.
ALONE_S = (0.526, 0.720)


def local(tasks: int, cores: int, cpu_ms: float, alone_ms: float, model_s: float, requests: int) -> Run:
    """Play tasks through two services of one machine, each of which takes half of what a task takes alone."""
    one = deployed(classify=Service("classify", 1, requests, 1), calls=10, together=10)
    given = GIVEN | {"processor ms": cpu_ms / 2, "step ms": (alone_ms - cpu_ms) / 2}
    return play(one, (ticket(model_s=model_s),), given, [0.0] * tasks, cores)


def test_a_task_alone_on_the_emulators_takes_what_the_model_says() -> None:
    quickest, slowest = ALONE_S
    alone = local(1, 2, EMULATED_CPU_MS, EMULATED_ALONE_MS, 0.45, 160)
    assert quickest <= alone.drained_s <= slowest


def test_a_backlog_on_the_emulators_goes_as_fast_as_the_model_says() -> None:
    seen = local(450, 2, EMULATED_CPU_MS, EMULATED_ALONE_MS, 0.0, 160)
    assert abs(450 / seen.drained_s / EMULATED_PER_S - 1) < 0.15


def test_a_backlog_in_one_process_takes_the_time_and_calls_that_the_model_says() -> None:
    seen = local(4500, 1, EMBEDDED_CPU_MS, 15.3, 0.45, 640)
    assert abs(seen.drained_s / EMBEDDED_S - 1) < 0.10
    # Tasks come in there one by one, here all at once: the first calls are shared by fewer.
    assert EMBEDDED_CALLS * 0.9 < seen.calls / 4500 < EMBEDDED_CALLS * 1.3
