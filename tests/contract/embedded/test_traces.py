"""Spans of a whole embedded stack, through the console's API."""

from __future__ import annotations

import os
from pathlib import Path

from infra.embedded.stack import Stack
from shared import tracing
from tests.contract.traces_contract import refunds, settings, two_tasks_are_traced, vendors


async def test_two_tasks_are_traced_from_their_source_to_their_result(tmp_path: Path) -> None:
    before = dict(os.environ)
    with vendors(tmp_path):
        async with Stack(settings("embedded", tmp_path, intake_port=0, console_port=0), refunds()) as stack:
            await two_tasks_are_traced(stack.intake_url, stack.console_url)
    assert not tracing.is_on()
    assert dict(os.environ) == before
