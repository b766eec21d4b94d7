"""Tasks that share a call of the model under every fault: the protocol holds, and nobody is given another's answer."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.mutations import Mutation
from tests.simulation.removed import copy_without
from tests.simulation.together import Together

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
def test_removed_guard_is_noticed(mutation: Mutation, tmp_path: Path) -> None:
    copy_without(mutation, tmp_path)
    command = [sys.executable, "-m", "tests.simulation.together", "--runs", str(RUNS)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    found = re.search(r"^seed \d+: ([A-Z]\d+)", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr[-2000:]
    assert found[1] == REMOVED[mutation], done.stdout
