"""A deployment looks at a new console through the proxy, signed in as a service account, before people do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from infra.smoke import Canary, SmokeError
from tests.ops.deployment import Deployed, deployment, signs
from tests.ops.proxied import ACCOUNT, PERSON
from tests.world import REFUND

TASK = REFUND[0].task_id


@pytest.fixture(autouse=True)
def robot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("IAP_TOKEN", "IAP_CREDENTIALS", "CONSOLE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IAP_SERVICE_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("PATH", str(tmp_path))


def canary(there: Deployed, patience_s: float = 30) -> Canary:
    return Canary(there.world.store, deadline=time.monotonic() + patience_s)


async def test_a_console_that_shows_the_canarys_task_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with deployment(tmp_path, tmp_path / "desktop.json", monkeypatch, ACCOUNT) as there:
        signs(tmp_path, there.proxy.account.private)
        await canary(there).show(TASK, there.url)
        assert f"the console at {there.url} shows it" in capsys.readouterr().out
        with pytest.raises(SmokeError, match="out of time: task_not_found"):
            await canary(there, 0).show("never-sent", there.url)


async def test_whom_the_proxy_does_not_let_in_yet_asks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with deployment(tmp_path, tmp_path / "desktop.json", monkeypatch, PERSON) as there:
        signs(tmp_path, there.proxy.account.private)
        with pytest.raises(SmokeError, match=r"out of time: .* answered 403, and not as a console does"):
            await canary(there, 0).show(TASK, there.url)
        pause = Canary._pause

        async def granted(self: Canary, stopped_at: str) -> None:
            there.proxy.members.add(ACCOUNT)
            await pause(self, stopped_at)

        monkeypatch.setattr(Canary, "_pause", granted)
        await canary(there).show(TASK, there.url)


async def test_a_console_that_does_not_believe_this_proxy_is_not_given_to_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deployment(tmp_path, tmp_path / "desktop.json", monkeypatch, ACCOUNT) as there:
        signs(tmp_path, there.proxy.account.private)
        there.world.set(iap_audience="/projects/1/locations/europe-west1/services/another")
        with pytest.raises(SmokeError, match="out of time: unauthenticated"):
            await canary(there, 0).show(TASK, there.url)


async def test_who_cannot_sign_is_told_what_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with deployment(tmp_path, tmp_path / "desktop.json", monkeypatch, ACCOUNT) as there:
        with pytest.raises(SmokeError, match=r"the console was not asked: .*serviceAccountTokenCreator"):
            await canary(there).show(TASK, there.url)
