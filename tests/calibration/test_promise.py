"""The promise of a certificate, on real decisions: broken in at most 5% of all histories, whichever shortcut tempts."""

from __future__ import annotations

import sys

import pytest

from tests.calibration.promise import ALLOWED, RUNS, broken
from tests.calibration.traps import MODULES, TRAPS, Trap, rule
from tests.calibration.worlds import WORLDS

# Where the honest rule is meant to prove something, it does so in most histories: a rule that never promises keeps all.
USEFUL = {"taught by decisions", "taught on what it is judged by"}


@pytest.mark.parametrize("name", WORLDS)
def test_promise_is_kept(name: str) -> None:
    found, made = broken(WORLDS[name], rule())
    assert found <= ALLOWED
    assert name not in USEFUL or made >= RUNS * 3 // 4


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_a_shortcut_breaks_it(trap: Trap) -> None:
    found, _ = broken(WORLDS[trap.world], rule(trap), most=ALLOWED)
    assert found > ALLOWED


def test_every_change_is_undone() -> None:
    before = [sys.modules[name] for name in MODULES]
    changed = rule(TRAPS[-1])
    assert changed.out_of_sample is not before[-1].out_of_sample
    assert [sys.modules[name] for name in MODULES] == before


def test_a_trap_that_the_code_has_left_is_told() -> None:
    gone = Trap("gone", "just below", ((TRAPS[0].changes[0][0], "no such words", ""),))
    with pytest.raises(ValueError, match=r"gone: certify\.py has 0 times"):
        rule(gone)
