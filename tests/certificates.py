"""Certificates for tests: of the model that `tests.world` answers with, or of another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.certificate import Certificate
from tests.store import BEGINNING


def certificate(*intents: str, threshold: float = 0.6, **changes: Any) -> Certificate:
    """Return a certificate of these intents in one line: 490 of 500 right at `threshold`."""
    curve = ((0.0, 0.2), (0.5, 0.85), (0.6, 0.97))
    line = {"intents": intents or ("order_status",), "threshold": threshold, "right": 490, "counted": 500}
    whole: dict[str, Any] = {
        "model": "m",
        "prompt_versions": ("p1",),
        "target": 0.95,
        "delta": 0.05,
        "look": 1,
        "since": datetime(2026, 1, 1, tzinfo=UTC),
        "until": datetime(2026, 2, 1, tzinfo=UTC),
        "valid_until": BEGINNING + timedelta(days=90),
        "labels_sha256": "0" * 64,
        "acted_share": 0.4,
        "lines": ({**line, "bound": 0.96, "curve": curve},),
    }
    return Certificate.model_validate(whole | changes)
