"""Tasks that share a call of the model under every fault: the protocol holds, and nobody is given another's answer."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.simulation.mutations import Mutation
from tests.simulation.removed import run_without
from tests.simulation.together import Together
from tests.simulation.unguarded import Unguarded

RUNS = 12
DESK, TOGETHER = "shared/wiring/desk.py", "shared/model/together.py"
# Without any one of these a run breaks: what notices it, and the seed from which on.
REMOVED = {
    Mutation(
        "answers by their ids, not by their places",
        TOGETHER,
        (("_own(said.get(id, {}), wanted)", "_own(dict(zip(together.ids, entries)).get(id, {}), wanted)"),),
    ): "T1",
    Mutation(
        "an id that has two answers has none",
        TOGETHER,
        ((' if times[entry["id"]] == 1}', "}"),),
    ): "T1",
    Mutation(
        "what moves something has a call of its own",
        "shared/gate/plan.py",
        (('    return intent.policy.risk != "none" or not', "    return not"),),
    ): "T2",
    Mutation(
        "what runs is what its ticket asks for, read by itself",
        "functions/classify/step.py",
        ((" or await _reads_otherwise(planned, question, ports)", ""),),
    ): "I10",
    Mutation(
        "nobody is handed what was meant for one who is gone",
        DESK,
        (("[waiter for waiter in self._line if waiter.turn.done()]", "[]"),),
        raises=True,
    ): "I0",
}


def test_protocol_holds_and_answers_are_of_whom_they_were_meant_for() -> None:
    runs = [Together(seed) for seed in range(RUNS)]
    for together in runs:
        together.execute()  # raises what breaks an invariant
    decided = sum((together.decided for together in runs), Counter[str]())
    begun, ended = (sum(counts) for counts in zip(*((t.begun, t.ended) for t in runs), strict=True))
    assert 0 < ended < begun  # some were refused, or cut off by a crash
    assert min(decided["shared"], decided["alone"]) > 0


@pytest.mark.parametrize("mutation", REMOVED, ids=lambda mutation: mutation.name)
def test_removed_guard_is_noticed(mutation: Mutation, unguarded: Unguarded) -> None:
    printed = run_without(mutation, unguarded, "tests.simulation.together", "--runs", str(RUNS))
    found = re.search(r"^seed \d+: ([A-Z]\d+)", printed, re.MULTILINE)
    assert found, printed[-3000:]
    assert found[1] == REMOVED[mutation], printed[-3000:]
