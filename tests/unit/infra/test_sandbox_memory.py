"""A sandbox that was killed knows what it did: by keys, orders, refunds and people, and in its ledger once."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.sandbox import lines, memory
from infra.sandbox.app import create_app
from infra.sandbox.ledger import read_ledger

KIM = {"source": "slack", "id": "U1", "email": "kim@example.com"}
TOKEN = {"authorization": "Bearer x"}
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


@pytest.mark.parametrize("rewritten_after", [1, 2, memory.REWRITE_AFTER])
async def test_killed_sandbox_repeats_no_effect_and_forgets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rewritten_after: int
) -> None:
    monkeypatch.setattr(memory, "REWRITE_AFTER", rewritten_after)
    async with Sandbox(tmp_path) as http:
        await http.post("/_orders", json=[{"id": "20017", "customer_email": "kim@example.com", "total_minor": 900}])
        before = await refund(http)
        await http.post("/orders/20017/cancel")
        await http.post("/orders/10021/gift-card", json={"note": "with a smile"}, headers={"Idempotency-Key": "g1"})
        await http.post("/_script", json=[{"vendor": "stripe", "operation": "refund", "fault": "pending"}])
        pending = await refund(http, "k2")
    for name in ("sandbox.jsonl", "ledger.jsonl"):
        with (tmp_path / name).open("a") as file:
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


async def screens(http: httpx.AsyncClient) -> Any:
    return (await http.get("/_chats")).json()


async def test_everything_that_the_sandbox_plays_is_known_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "REWRITE_AFTER", 1)
    async with Sandbox(tmp_path) as http:
        await http.post("/_people", json=[KIM])
        await http.post("/_orders", json=[{"id": "20017", "paid": [{"amount_received": 5}, {"currency": "eur"}]}])
        await http.post("/api/chat.postMessage", json={"channel": "C1", "text": "", "blocks": []}, headers=TOKEN)
        await http.post("/api/views.open", json={"trigger_id": "1", "view": {"type": "modal"}}, headers=TOKEN)
        await http.post("/v1/spaces/S/messages?requestId=r1", json={"text": "a card"})
        seen = await screens(http)
    async with Sandbox(tmp_path) as http:
        assert await screens(http) == seen
        user = (await http.get("/api/users.info?user=U1", headers=TOKEN)).json()
        assert user["user"]["profile"]["email"] == "kim@example.com"
        search = {"query": 'metadata["order_id"]:"20017"'}
        paid = (await http.get("/v1/payment_intents/search", params=search)).json()["data"]
        assert (paid[0]["amount_received"], paid[1]["currency"]) == (5, "eur")
        again = await http.post("/v1/spaces/S/messages?requestId=r1", json={"text": "a card"})
        other = await http.post("/v1/spaces/S/messages?requestId=r2", json={"text": "another"})
        assert (again.json()["name"], other.json()["name"]) == ("spaces/S/messages/2", "spaces/S/messages/3")


async def test_refund_that_was_settled_is_in_the_ledger_once_after_a_restart(tmp_path: Path) -> None:
    async with Sandbox(tmp_path) as http:
        await http.post("/_script", json=[{"vendor": "stripe", "operation": "refund", "fault": "pending"}])
        await refund(http)
        await http.post("/_refunds", json=[{"effect_key": "t1.refund.1", "status": "succeeded"}])
    async with Sandbox(tmp_path) as http:
        assert [r["status"] for r in (await http.get("/v1/refunds")).json()["data"]] == ["succeeded"]
    assert len(read_ledger(tmp_path / "ledger.jsonl")) == 1


async def test_long_life_leaves_bounded_files_with_the_newest_of_each_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "REWRITE_AFTER", 1)
    monkeypatch.setattr(memory, "KEPT", 2)
    sizes = []
    for life in range(4):
        async with Sandbox(tmp_path) as http:
            await http.post("/_orders", json=[{"id": "20017", "customer_email": "kim@example.com"}])
            for number in range(life * 6 + 10, life * 6 + 16):
                await http.post(f"/orders/200{number}0/cancel")
                await http.post("/v1/refunds", data=REFUND, headers={"Idempotency-Key": f"k{number}"})
                await http.post("/orders/10021/gift-card", json={"note": "with a smile"})
        sizes.append([(tmp_path / name).stat().st_size for name in ("sandbox.jsonl", "ledger.jsonl")])
    async with Sandbox(tmp_path) as http:
        assert [r["id"] for r in (await http.get("/v1/refunds")).json()["data"]] == ["re_24", "re_23"]
        assert [w["id"] for w in (await http.get("/orders/10021/gift-card")).json()["data"]] == [
            f"orders-10021-gift-card-{n}" for n in (23, 24)
        ]
        assert (await http.get("/orders/20017")).json()["customer_email"] == "kim@example.com"
        assert [(await http.get(f"/orders/200{n}0")).json()["status"] for n in (31, 33)] == ["processing", "cancelled"]
        assert len((await http.get("/_ledger")).json()["entries"]) == 2
    assert all(size < 1.1 * early for size, early in zip(sizes[3], sizes[1], strict=True))  # numbers get longer


async def test_sandbox_that_is_killed_while_it_rewrites_has_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Sandbox(tmp_path) as http:
        before = await refund(http)
        monkeypatch.setattr(memory, "REWRITE_AFTER", 1)
        monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            await refund(http, "k2")
        monkeypatch.undo()
    async with Sandbox(tmp_path) as http:
        assert (await refund(http))["id"] == before["id"]
        assert (await refund(http, "k2"))["id"] == "re_2"


def test_line_for_which_a_disk_has_no_room_leaves_no_half(tmp_path: Path) -> None:
    path, most = tmp_path / "lines.jsonl", resource.getrlimit(resource.RLIMIT_FSIZE)
    lines.append(path, {"n": 1})
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, most[1]))
    try:
        with pytest.raises(OSError, match="No space"):
            lines.append(path, {"n": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    lines.append(path, {"n": 3})
    assert lines.read(path) == [{"n": 1}, {"n": 3}]


@pytest.mark.parametrize("name", ["sandbox.jsonl", "ledger.jsonl"])
def test_damaged_file_is_named_in_a_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}\nno json\n{}\n")
    files = ("--ledger", str(tmp_path / "ledger.jsonl"), "--memory", str(tmp_path / "sandbox.jsonl"))
    command = [sys.executable, "-m", "infra.sandbox", *files]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = f"switchyard: {tmp_path / name} is damaged in line 2; move it away to go on without it\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", said)
