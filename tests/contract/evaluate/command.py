"""The command as the suites call it, and a few tickets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.evaluate.__main__ import main
from infra.evaluate.tickets import Ticket

FEW = [
    Ticket("t1", "I forgot my password", "password_reset"),
    Ticket("t2", "I want a refund of $25.00 for order #10021, it arrived broken", "refund_request"),
    Ticket("t3", "I want my money back", "refund_request"),
    Ticket("t4", "somebody stole my card", "lock_card"),
    Ticket("t5", "what is the capital of Australia", "out_of_scope", "far"),
]


def figures(folder: Path, *arguments: object) -> dict[str, Any]:
    """Evaluate, and return the figures that were written."""
    path = folder / "figures.json"
    assert main([*map(str, arguments), "--json", str(path)]) == 0
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    capsys.readouterr()
    return main([str(a) for a in arguments]), capsys.readouterr().err
