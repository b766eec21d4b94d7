"""Assertions in the contract suites are rewritten, so that they say what they saw."""

from __future__ import annotations

import pytest

for _suite in ("store", "publisher", "classifier", "handler", "document_events"):
    pytest.register_assert_rewrite(f"tests.contract.{_suite}_contract")
