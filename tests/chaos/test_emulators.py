"""A short run on Google's emulators: functions, relay and connections break, and nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.run import Options, chaos, new_seed


@pytest.mark.timeout(300)
async def test_nothing_is_lost_or_doubled_while_functions_relay_and_connections_break(
    sdk: Path, tmp_path: Path
) -> None:
    options = Options(40, 12, new_seed(), "emulators", tmp_path, brisk=True, heal_s=180)
    outcome = await chaos(options, lambda _: None)
    assert [str(problem) for problem in outcome.verdict.problems] == [], f"seed {options.seed}"
    assert (outcome.done.accepted, outcome.done.dealt.total() > 0) == (40, True)
