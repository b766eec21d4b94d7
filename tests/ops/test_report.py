"""`report`: the console's numbers at the terminal, where no name moves the cursor, and as CSV."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.ops.conftest import Ops
from tests.world import REFUND, World

Capture = pytest.CaptureFixture[str]


async def test_report_tells_of_the_last_days_in_tables_and_as_csv(ops: Ops, capsys: Capture) -> None:
    world = World(REFUND[1])
    world.now = datetime.now(UTC) - timedelta(hours=1)
    await world.classify(REFUND[0])
    world.pass_time(minutes=10)
    await world.decide("t1", "reject", by="=ada\x1b[2J", cause="duplicate")
    assert await ops(world, "report --days 1") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["all", "1", "0", "0", "1", "0", "0", "0", "0", "0", "120", "0.0003"] in rows
    assert ["=ada<U+001B>[2J", "1", "10", "min", "10", "min", "0"] in rows
    assert await ops(world, "report --csv") == 0
    assert '"person","\'=ada<U+001B>[2J","decisions","1"' in capsys.readouterr().out
    assert await ops(world, "report --days 91") == 2
    assert "days must be a whole number from 1 to 90" in capsys.readouterr().err
