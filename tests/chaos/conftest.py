"""The Cloud SDK for the runs on emulators."""

from __future__ import annotations

from tests.emulators.conftest import sdk

__all__ = ["sdk"]
