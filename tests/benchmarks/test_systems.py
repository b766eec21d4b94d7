"""Every system that is compared can be started: its file is small and compiles, its lock is pinned, hashed and names
no host."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from infra.lock import targets
from tests.benchmarks.services import started
from tests.benchmarks.systems import COMPETITORS, SYSTEMS, Site, System

OTHERS = [system for system in SYSTEMS if system.lock]
MOST_LINES = 90


def site(folder: Path) -> Site:
    return Site(sys.executable, folder, 18080, "http://127.0.0.1:18081", "http://127.0.0.1:18082", 7)


@pytest.mark.parametrize("system", OTHERS, ids=lambda system: system.name)
def test_a_competitor_is_one_small_file_beside_its_lock(system: System, tmp_path: Path) -> None:
    assert system.lock
    app = system.lock.parent / "app.py"
    assert len(app.read_text().splitlines()) <= MOST_LINES
    assert ast.get_docstring(ast.parse(app.read_text())), "it says what it is, and what a crash loses"
    for program in system.programs(site(tmp_path)):
        assert program.cwd == app.parent
        assert not any("{" in word for word in program.argv)


@pytest.mark.parametrize("lock", sorted(COMPETITORS.glob("*/requirements.txt")), ids=lambda lock: lock.parent.name)
def test_a_lock_is_pinned_hashed_and_names_no_host(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(r"https?://|--(extra-)?index|--find-links", text)
    pins = re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==\S+.*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^\S", text, re.MULTILINE)) > 0


def test_make_lock_knows_every_competitor() -> None:
    known = {source for source, _ in targets()}
    assert {folder.parent / "requirements.in" for folder in COMPETITORS.glob("*/requirements.txt")} <= known


def test_every_system_has_a_name_of_its_own() -> None:
    assert len({system.name for system in SYSTEMS}) == len(SYSTEMS)


def test_what_needs_nothing_starts_nothing(tmp_path: Path) -> None:
    with started([], tmp_path) as (addresses, pids):
        assert (addresses, pids) == ({}, [])
