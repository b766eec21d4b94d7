"""The same demo, the same outcomes, on Google's emulators with one functions-framework process per function."""

from __future__ import annotations

from pathlib import Path

from tests.system.test_demo import PROXIES, demo


def test_demo_on_the_emulators_has_the_right_outcomes_also_where_a_proxy_is_set(sdk: Path) -> None:
    ended = demo("emulators", **PROXIES)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "every outcome is the right one" in ended.stdout
