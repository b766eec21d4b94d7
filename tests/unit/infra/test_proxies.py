"""What is on this machine is reached past the proxies that an environment names, and nothing else is."""

from __future__ import annotations

import os

import pytest

from infra.ops.client import Console, OpsError
from infra.proxies import is_here, leave_out_this_machine


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": "intranet.example.com, localhost"}, "intranet.example.com,localhost,127.0.0.1"),
        ({"no_proxy": "a.example.com", "NO_PROXY": "b.example.com"}, "a.example.com,127.0.0.1,localhost"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_this_machine_is_left_out_beside_what_was(
    before: dict[str, str], after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(before))
    leave_out_this_machine()
    leave_out_this_machine()
    assert os.environ["no_proxy"] == after


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8081", True),
        ("http://localhost:8081/api", True),
        ("https://console.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://[", False),
    ],
)
def test_what_is_here(url: str, here: bool) -> None:
    assert is_here(url) is here


def test_console_on_this_machine_is_asked_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "socks5://127.0.0.1:9")  # which httpx refuses to be made with
    monkeypatch.delenv("no_proxy", raising=False)
    Console("http://127.0.0.1:8081").close()
    with pytest.raises(OpsError, match="proxy of the environment cannot be used"):
        Console("https://console.example.com")
