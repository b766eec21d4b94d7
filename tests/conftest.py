"""Assertions in the contract suites are rewritten, so that they say what they saw."""

from __future__ import annotations

from pathlib import Path

import pytest

for _suite in Path(__file__).parent.glob("contract/*_contract.py"):
    pytest.register_assert_rewrite(f"tests.contract.{_suite.stem}")
pytest.register_assert_rewrite("tests.contract.bodies.wire")
