"""Assertions in the contract suites are rewritten, so that they say what they saw."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from infra.proxies import leave_out_this_machine

for _suite in Path(__file__).parent.glob("contract/*_contract.py"):
    pytest.register_assert_rewrite(f"tests.contract.{_suite.stem}")
pytest.register_assert_rewrite("tests.contract.bodies.wire")

# Folders whose files take minutes: they begin first, so that no worker is left alone with one of them at the end.
SLOW = ("simulation", "emulators", "chaos", "system", "terraform", "bundles", "memory", "browser")


def pytest_sessionstart() -> None:
    """Look for no garbage while tests are found, which took a quarter of the time: nearly all that is made stays."""
    gc.disable()
    leave_out_this_machine()


def pytest_collection_finish() -> None:
    """Look for garbage from now on, and among what the tests make alone."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow folders first; the order of a folder's tests stays."""
    places = {f"tests/{name}": number for number, name in enumerate(SLOW)}

    def place(item: pytest.Item) -> int:
        return places.get("/".join(item.nodeid.split("/", 2)[:2]), len(SLOW))

    items.sort(key=place)
