"""The demo ends well, as a person sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# As on many machines of companies: nothing listens there, and this machine is not left out.
PROXIES = {"http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9", "no_proxy": "localhost"}


def demo(backend: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the demo and return how it ended."""
    env = {**os.environ, "BACKEND": backend, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        [sys.executable, "-m", "infra.demo"], env=env, cwd=ROOT, capture_output=True, text=True, timeout=240
    )


def test_demo_on_the_embedded_backend_has_the_right_outcomes() -> None:
    ended = demo("embedded")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "every outcome is the right one" in ended.stdout


def test_demo_asks_no_proxy_for_this_machine() -> None:
    ended = demo("embedded", **PROXIES)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_demo_says_which_outcome_is_wrong_and_fails() -> None:
    """With the shop unreachable nothing of the shop's can succeed: the demo must not be satisfied."""
    ended = demo("embedded", SHOP_API_URL="http://127.0.0.1:9", DEMO_TIMEOUT_S="6")
    assert ended.returncode == 1, ended.stdout + ended.stderr
