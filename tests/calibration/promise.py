"""How often a rule breaks its promise in a world: histories by chance in, the number in which it was broken out."""

from __future__ import annotations

import random

from infra.errors import StackError
from tests.calibration.worlds import TARGET, History, Rule, World

RUNS = 200
ALLOWED = RUNS * 5 // 100


def broken(world: World, rule: Rule, *, most: int = RUNS) -> tuple[int, int]:
    """Return in how many of RUNS histories the promise is broken, and in how many one is made; stops beyond `most`.

    Whoever looks several times takes the first threshold that is proven.
    """
    found = made = 0
    for run in range(RUNS):
        history = world(random.Random(run), rule)
        share = _share_right(history, rule)
        made += share is not None
        found += share is not None and share < TARGET
        if found > most:
            break
    return found, made


def _share_right(history: History, rule: Rule) -> float | None:
    """Return the share right where it is acted on afterwards; None where nothing is promised, or acted on."""
    for count in history.looks:
        try:
            pools = rule.propose(history.labels[:count], **history.wanted).proven
        except StackError:
            continue
        if pools and (step := pools[0].walk.proven):
            return history.right_at(frozenset(pools[0].intents), step.threshold)
    return None
