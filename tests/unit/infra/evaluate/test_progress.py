"""How far a run is: a bar at a terminal, lines elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from infra.evaluate import progress


@pytest.mark.parametrize(("every_s", "said"), [(0.0, "evaluated: 1 of 2,000\nevaluated: 2 of 2,000\n"), (3600.0, "")])
def test_elsewhere_than_at_a_terminal_lines_come_now_and_then(
    every_s: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY_S", every_s)
    out = io.StringIO()
    with progress.told(Console(file=out), "evaluated", 2000) as tell:
        tell(1)
        tell(2)
    assert out.getvalue() == said


def test_a_terminal_has_a_bar_that_goes_when_it_is_done() -> None:
    out = io.StringIO()
    with progress.told(Console(file=out, force_terminal=True, width=100), "evaluated", 2000) as tell:
        tell(1500)
    assert "1500/2000" in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K")
