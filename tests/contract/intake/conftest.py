"""Secrets of every source, and ports that remember."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from shared.wiring import composition
from tests.contract.intake.wire import CRM_SECRET, DIRECT_SECRET, SECRETS, install


@pytest.fixture(autouse=True, scope="module")
def secrets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.endswith("_WEBHOOK_SECRET")]:
            patch.delenv(name)
        for name, secret in SECRETS.items() | {("crm", CRM_SECRET), ("direct", DIRECT_SECRET)}:
            patch.setenv(f"{name.upper()}_WEBHOOK_SECRET", f"previous-secret-0123456789,{secret.decode()}")
        patch.setenv("SHORT_WEBHOOK_SECRET", "short")
        yield


@pytest.fixture
def ports() -> Iterator[Any]:
    yield install()
    composition.install(None)
