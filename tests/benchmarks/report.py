"""What was measured in, one JSON file out: the machine and the settings named, every repeat kept."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.errors import StackError
from tests.benchmarks.revision import git
from tests.benchmarks.rows import Cold, Row, as_json
from tests.benchmarks.statistics import Ratio


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    commit = git("rev-parse", "--short", "HEAD") + ("-changed" if git("status", "--porcelain") else "")
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": commit,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def in_words() -> str:
    """Return the machine in a line."""
    here = machine()
    return f"{here['cores']} cores, {here['processor']}, Python {here['python']}, {here['at'][:10]}, {here['commit']}"


def write(
    folder: Path,
    rows: Sequence[Row],
    settings: Mapping[str, Any],
    keeps: Mapping[str, str],
    skipped: Mapping[str, str],
    ratios: Mapping[int, Mapping[str, Ratio]],
) -> Path:
    """Write everything down as results.json, and return its path.

    Raises:
        StackError: the file cannot be written.
    """
    compared = {size: {name: asdict(pair) for name, pair in pairs.items()} for size, pairs in ratios.items()}
    kept = {
        "machine": machine(),
        "settings": dict(settings),
        "keeps": dict(keeps),
        "skipped": dict(skipped),
        "ratios": compared,
        "rows": as_json(rows),
    }
    return _put(folder / "results.json", kept)


def write_cold(folder: Path, found: Mapping[str, Sequence[Cold]]) -> Path:
    """Write cold starts down as cold.json, and return its path.

    Raises:
        StackError: the file cannot be written.
    """
    starts = {name: [asdict(start) for start in starts] for name, starts in found.items()}
    return _put(folder / "cold.json", {"machine": machine(), "starts": starts})


def _put(path: Path, kept: Mapping[str, Any]) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept, indent=1) + "\n")
    except OSError as error:
        raise StackError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
