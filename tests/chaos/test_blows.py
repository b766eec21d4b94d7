"""What the run does to processes: every kind of blow is counted, and nothing stands still or lives on afterwards."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals

import pytest

from tests.chaos.blows import Blows
from tests.chaos.ground import RUN, Target, survivors
from tests.clock import run


@dataclass
class Victim:
    """Takes signals and remembers them."""

    name: str
    got: list[Signals] = field(default_factory=list)

    def signal(self, number: Signals) -> None:
        self.got.append(number)


@pytest.fixture
def victims() -> list[Victim]:
    return [Victim("intake"), Victim("relay")]


@pytest.fixture
def blows(victims: list[Victim]) -> Blows:
    targets = [Target(victim.name, victim, {SIGKILL: 1, SIGTERM: 1, SIGSTOP: 3}) for victim in victims]
    return Blows(targets, random.Random(1), every_s=0.005)


def test_every_blow_is_counted_by_target_and_signal(blows: Blows, victims: list[Victim]) -> None:
    run(blows.deal(0.5))
    counted = {
        (victim.name, number.name): victim.got.count(number)
        for victim in victims
        for number in (SIGKILL, SIGTERM, SIGSTOP)
    }
    assert blows.dealt == counted
    assert min(counted.values()) > 0


def test_nothing_stands_still_once_it_is_mended(blows: Blows, victims: list[Victim]) -> None:
    run(blows.deal(0.5))
    blows.mend()
    for victim in victims:
        assert SIGSTOP in victim.got
        assert SIGCONT in victim.got[victim.got[::-1].index(SIGSTOP) * -1 :]


def test_process_of_the_run_that_still_lives_is_found() -> None:
    token = f"test-{os.getpid()}"
    with subprocess.Popen([sys.executable, "-c", "input()"], env={RUN: token}, stdin=subprocess.PIPE) as child:
        assert [line.split()[0] for line in survivors(token, within_s=0)] == [str(child.pid)]
        assert survivors("of another run", within_s=0) == []
    assert survivors(token, within_s=0) == []
