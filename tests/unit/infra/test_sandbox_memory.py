"""A sandbox that was killed knows what it did: by keys, orders, refunds and people, and in its ledger once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.sandbox import memory
from infra.sandbox.app import create_app
from infra.sandbox.ledger import read_ledger

REFUND = {"payment_intent": "pi_10021_usd", "amount": "2500", "metadata[effect_key]": "t1.refund.1"}


class Sandbox:
    """One life of a sandbox over the files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._app = create_app(folder / "ledger.jsonl", memory_path=folder / "sandbox.jsonl")

    async def __aenter__(self) -> httpx.AsyncClient:
        await self._app.state.desk.memory.recall(self._app)
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://sandbox")
        return self._http

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()


async def refund(http: httpx.AsyncClient, key: str = "k1") -> Any:
    return (await http.post("/v1/refunds", data=REFUND, headers={"Idempotency-Key": key})).json()


async def test_killed_sandbox_repeats_no_effect_and_forgets_none(tmp_path: Path) -> None:
    async with Sandbox(tmp_path) as http:
        await http.post("/_orders", json=[{"id": "20017", "customer_email": "kim@example.com", "total_minor": 900}])
        before = await refund(http)
        await http.post("/orders/20017/cancel")
        await http.post("/orders/10021/gift-card", json={"note": "with a smile"}, headers={"Idempotency-Key": "g1"})
        await http.post("/_script", json=[{"vendor": "stripe", "operation": "refund", "fault": "pending"}])
        pending = await refund(http, "k2")
    with (tmp_path / "sandbox.jsonl").open("a") as file:
        file.write('{"method": "POST", "ur')  # the crash came while it wrote
    for _ in range(2):
        async with Sandbox(tmp_path) as http:
            again = await refund(http)
            assert (again["id"], (await refund(http, "k2"))["status"]) == (before["id"], pending["status"])
            listed = (await http.get("/v1/refunds")).json()["data"]
            assert [r["id"] for r in listed] == [pending["id"], before["id"]]
            order = (await http.get("/orders/20017")).json()
            assert (order["status"], order["customer_email"]) == ("cancelled", "kim@example.com")
            other = await http.post("/orders/10021/gift-card", json={"note": "x"}, headers={"Idempotency-Key": "g1"})
            assert other.json()["error"]["type"] == "idempotency_error"
            await http.post("/orders/31177/cancel")  # of the second life
            entries = (await http.get("/_ledger")).json()["entries"]
    assert [e["operation"] for e in entries] == ["refund", "cancel", "post", "cancel"]
    assert [e.operation for e in read_ledger(tmp_path / "ledger.jsonl")] == ["refund", "cancel", "post", "cancel"]


async def test_long_memory_says_how_far_it_is_so_that_whoever_waits_goes_on_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "TOLD_EVERY", 2)
    async with Sandbox(tmp_path) as http:
        for number in range(5):
            await http.post(f"/orders/2001{number}/cancel")
    assert capsys.readouterr().out == ""
    async with Sandbox(tmp_path):
        assert capsys.readouterr().out.splitlines() == [f"remembers {n} of 5 requests" for n in (2, 4)]
