"""A short run of the whole stack in one process, killed again and again: nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.run import Options, chaos, new_seed


@pytest.mark.timeout(300)
async def test_nothing_is_lost_or_doubled_while_the_whole_process_is_killed(tmp_path: Path) -> None:
    options = Options(40, 12, new_seed(), "embedded", tmp_path, brisk=True, heal_s=180)
    outcome = await chaos(options, lambda _: None)
    assert [str(problem) for problem in outcome.verdict.problems] == [], f"seed {options.seed}"
    assert (outcome.done.accepted, outcome.done.dealt.total() > 0) == (40, True)
