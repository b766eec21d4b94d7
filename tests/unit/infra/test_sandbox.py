"""The sandbox plays its vendors as they document themselves: idempotency, faults, orders, ledger."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from infra.sandbox.__main__ import main
from infra.sandbox.app import create_app
from infra.sandbox.faults import ABORT
from infra.sandbox.ledger import read_ledger
from infra.sandbox.people import SOURCES
from infra.sandbox.server import serving
from tests.clock import jumping

README = (Path(__file__).parents[3] / "README.md").read_text()
REFUND = {"payment_intent": "pi_10021_usd", "amount": "2500", "metadata[effect_key]": "t1.refund.1"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The sandbox, called in process."""
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox", timeout=5) as client:
        yield client


async def script(client: httpx.AsyncClient, **fault: Any) -> None:
    assert (await client.post("/_script", json=[fault])).status_code == 202


async def refund(client: httpx.AsyncClient, key: str | None = "k1", **changed: str) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/v1/refunds", data=REFUND | changed, headers=headers)


async def effects(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await client.get("/_ledger")).json()["entries"]
    return entries


# --- Stripe's idempotency -------------------------------------------------------------------------------------------


async def test_the_same_key_and_request_get_the_stored_answer(client: httpx.AsyncClient) -> None:
    first, second = await refund(client), await refund(client)
    assert first.json() == second.json()
    assert first.json()["metadata"] == {"effect_key": "t1.refund.1"}
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    ledger = (await client.get("/_ledger")).json()
    assert [entry["replayed"] for entry in ledger["entries"] + ledger["replays"]] == [False, True]
    assert ledger["calls"] == {"stripe.refund": 2}


async def test_without_a_key_every_call_is_an_effect(client: httpx.AsyncClient) -> None:
    await refund(client, key=None)
    await refund(client, key=None)
    assert len(await effects(client)) == 2


async def test_a_key_with_another_request_is_refused(client: httpx.AsyncClient) -> None:
    await refund(client)
    other = await refund(client, amount="1")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(await effects(client)) == 1


@jumping
async def test_a_key_in_use_is_a_conflict(client: httpx.AsyncClient) -> None:
    await script(client, vendor="stripe", operation="refund", fault="slow", ms=200)
    first = asyncio.create_task(refund(client))
    await asyncio.sleep(0.05)
    assert (await refund(client)).status_code == 409
    assert (await first).status_code == 200
    assert len(await effects(client)) == 1


async def test_a_stored_500_is_replayed_for_ever(client: httpx.AsyncClient) -> None:
    await script(client, vendor="stripe", operation="refund", fault="stored_500")
    assert [(await refund(client)).status_code for _ in range(3)] == [500, 500, 500]
    assert await effects(client) == []


async def test_a_refused_request_is_not_stored_under_its_key(client: httpx.AsyncClient) -> None:
    assert (await refund(client, amount="0")).status_code == 400
    assert (await refund(client)).status_code == 200


async def test_a_payment_is_refunded_once_over(client: httpx.AsyncClient) -> None:
    await client.post("/_orders", json=[{"id": "10021", "total_minor": 3000, "currency": "USD"}])
    assert (await refund(client, key="k1")).status_code == 200
    assert (await refund(client, key="k2")).json()["error"]["code"] == "amount_too_large"
    assert (await refund(client, key="k3", amount="500")).status_code == 200
    assert (await refund(client, key="k4", amount="1")).json()["error"]["code"] == "charge_already_refunded"


async def test_refunds_are_listed_newest_first_in_pages(client: httpx.AsyncClient) -> None:
    ids = [(await refund(client, key=f"k{n}")).json()["id"] for n in range(5)]
    seen, page = [], {"limit": "2"}
    while True:
        answer = (await client.get("/v1/refunds", params=page)).json()
        seen += [refund["id"] for refund in answer["data"]]
        if not answer["has_more"]:
            break
        page["starting_after"] = seen[-1]
    assert seen == ids[::-1]


# --- orders ---------------------------------------------------------------------------------------------------------


async def test_an_order_is_derived_from_its_number_unless_seeded(client: httpx.AsyncClient) -> None:
    first, again = (await client.get("/orders/20011")).json(), (await client.get("/orders/20011")).json()
    assert first == again
    assert set(first) == {"id", "status", "eta", "customer_email", "total_minor", "currency"}
    assert (await client.get("/orders/20019")).json()["status"] == "shipped"
    assert (await client.get("/orders/40411")).status_code == 404
    await client.post("/_orders", json=[{"id": "40411", "customer_email": "jane@example.com"}])
    assert (await client.get("/orders/40411")).json()["customer_email"] == "jane@example.com"


async def test_a_payment_is_found_by_its_order(client: httpx.AsyncClient) -> None:
    await client.post(
        "/_orders", json=[{"id": "7", "customer_email": "j@example.com", "total_minor": 5, "currency": "EUR"}]
    )
    search = "/v1/payment_intents/search"
    [paid] = (await client.get(search, params={"query": 'metadata["order_id"]:"7"'})).json()["data"]
    assert (paid["currency"], paid["amount_received"], paid["receipt_email"]) == ("eur", 5, "j@example.com")
    derived = (await client.get(search, params={"query": "metadata['order_id']:'8'"})).json()["data"]
    assert {payment["currency"] for payment in derived} == {"usd", "eur", "gbp"}
    assert (await client.get(search, params={"query": "amount>5"})).status_code == 400


async def test_cancelling_honours_a_key_and_changing_an_address_does_not(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    for _ in range(2):
        assert (await client.post("/orders/20011/cancel", headers=headers)).status_code == 200
    assert (await client.post("/orders/20011/cancel", headers={"Idempotency-Key": "k2"})).status_code == 422
    for _ in range(2):
        answer = await client.post("/orders/20012/address", json={"address": "1 Elm Road"}, headers=headers)
        assert answer.status_code == 200
    assert [entry["operation"] for entry in await effects(client)] == ["cancel", "change_address", "change_address"]
    done = (await client.get("/cancellations", params={"idempotency_key": "k1"})).json()["data"]
    assert [entry["order_id"] for entry in done] == ["20011"]


# --- faults ---------------------------------------------------------------------------------------------------------


async def test_scripted_faults_happen_one_per_call_in_order(client: httpx.AsyncClient) -> None:
    await script(client, vendor="stripe", operation="refund", fault="429", retry_after_s=3)
    await script(client, vendor="stripe", operation="refund", fault="500", times=2)
    answers = [await refund(client, key=None) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 500, 500, 200]
    assert answers[0].headers["Retry-After"] == "3"
    assert len(await effects(client)) == 1


@pytest.mark.parametrize("item", [{"fault": "nonsense"}, {"fault": "500", "typo": 1}])
async def test_a_script_with_an_error_is_refused_whole(client: httpx.AsyncClient, item: dict[str, Any]) -> None:
    where = {"vendor": "stripe", "operation": "refund"}
    answer = await client.post("/_script", json=[where | {"fault": "500"}, where | item])
    assert answer.status_code == 400
    assert (await refund(client)).status_code == 200


async def test_faults_at_a_rate_are_drawn_from_the_seed() -> None:
    async def run(seed: int) -> list[int]:
        transport = httpx.ASGITransport(create_app(seed=seed))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            rate = {"vendor": "stripe", "operation": "refund", "fault": "500_after", "share": 0.3}
            await client.post("/_rates", json=[rate])
            return [(await refund(client, key=None)).status_code for _ in range(100)]

    assert await run(1) == await run(1)
    assert await run(1) != await run(2)
    assert 15 < (await run(1)).count(500) < 45


@pytest.mark.parametrize(("fault", "applied"), [("refuse", 0), ("reset_after", 1)])
async def test_a_dropped_connection_has_no_answer(fault: str, applied: int) -> None:
    app = create_app()
    with serving(app) as url:
        async with httpx.AsyncClient(base_url=url, timeout=5) as client:
            await script(client, vendor="stripe", operation="refund", fault=fault)
            with pytest.raises(httpx.TransportError):
                await refund(client)
            assert len(await effects(client)) == applied


async def test_a_hanging_call_ends_when_the_caller_gives_up() -> None:
    app = create_app()
    with serving(app) as url:
        async with httpx.AsyncClient(base_url=url, timeout=5) as client:
            await script(client, vendor="stripe", operation="refund", fault="timeout_after")
            with pytest.raises(httpx.ReadTimeout):
                await client.post("/v1/refunds", data=REFUND, timeout=1)  # time enough to take effect
            assert len(await effects(client)) == 1


async def test_an_answer_waits_for_no_acknowledgement() -> None:
    """Nagle's algorithm together with delayed acknowledgements would add 40 ms to every call on a kept connection."""
    no_delay = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection = scope["extensions"][ABORT].__self__.get_extra_info("socket")
        no_delay.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0)
        await Response()(scope, receive, send)

    with serving(app) as url:
        async with httpx.AsyncClient(base_url=url, timeout=5) as client:
            await client.get("/")
    assert no_delay == [True]


# --- the ledger's file ----------------------------------------------------------------------------------------------


def test_the_command_serves_and_its_ledger_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    arguments = [sys.executable, "-m", "infra.sandbox", "--ledger", str(path), "--rate", "slack.post_message:500=1"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            with httpx.Client(base_url=url, timeout=5) as client:
                for _ in range(2):
                    client.post("/v1/refunds", data=REFUND, headers={"Idempotency-Key": "k1"})
                mail = {"client_id": "c", "email": "jane@example.com", "connection": "Users"}
                assert client.post("/dbconnections/change_password", json=mail).status_code == 200
                assert client.post("/api/chat.postMessage", json={"text": "x", "channel": "#c"}).status_code == 500
        finally:
            process.kill()
    assert [(e.vendor, e.subject, e.amount_minor, e.replayed) for e in read_ledger(path)] == [
        ("stripe", "10021", 2500, False),
        ("auth0", "jane@example.com", None, False),
    ]
    assert read_ledger(tmp_path / "none.jsonl") == []


async def test_a_provider_nobody_plays_takes_every_write_once_per_key_and_keeps_it_in_the_ledger(
    client: httpx.AsyncClient,
) -> None:
    async def give(key: str | None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await client.post("/orders/10021/gift-card", json={"kind": "paper"}, headers=headers)

    first, again, other, without = [await give(key) for key in ("k1", "k1", "k2", None)]
    assert (first.status_code, first.json()["id"], first.json()["kind"]) == (201, "orders-10021-gift-card-1", "paper")
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert [r.json()["id"][-2:] for r in (other, without)] == ["-2", "-3"]
    assert [(e["vendor"], e["subject"], e["idempotency_key"]) for e in await effects(client)] == [
        ("other", "/orders/10021/gift-card", key) for key in ("k1", "k2", None)
    ]
    found = await client.get("/orders/10021/gift-card", params={"idempotency_key": "k2"})
    assert [one["id"] for one in found.json()["data"]] == ["orders-10021-gift-card-2"]


async def test_a_read_nobody_plays_is_empty_and_changes_nothing(client: httpx.AsyncClient) -> None:
    found = await client.get("/customers/7?full=yes")
    assert (found.status_code, found.json()) == (200, {"path": "/customers/7", "data": []})
    assert await effects(client) == []


async def test_a_provider_nobody_plays_can_be_scripted_and_does_not_hide_a_misspelt_control(
    client: httpx.AsyncClient,
) -> None:
    await script(client, vendor="other", operation="put", fault="503")
    assert [(await client.put("/points/7", content=b"x")).status_code for _ in range(2)] == [503, 200]
    assert (await client.post("/_legder", json=[])).status_code == 404
    assert (await client.get("/_legder")).status_code == 404


@pytest.mark.parametrize("rate", ["stripe.refund:nonsense=0.1", "stripe.refund:500", "refund"])
def test_a_rate_nobody_can_read_is_refused_at_start(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--rate", rate])
    assert "VENDOR.OPERATION:FAULT=SHARE" in capsys.readouterr().err


# --- people


async def test_people_are_known_once_they_are_seeded_and_to_callers_with_a_key(client: httpx.AsyncClient) -> None:
    paths = ["/api/v2/users/7.json", "/api/users.info?user=U7", "/rest/api/3/user?accountId=a7"]
    people = [
        {"source": s, "id": i, "email": "kim@example.com"} for s, i in zip(SOURCES, ("7", "U7", "a7"), strict=True)
    ]
    key = {"Authorization": "Bearer sandbox"}
    assert [(await client.get(p, headers=key)).status_code for p in paths] == [404, 200, 404]
    assert (await client.post("/_people", json=people)).status_code == 202
    assert [(await client.get(p)).status_code for p in paths] == [401, 200, 401]
    assert ["kim@example.com" in (await client.get(p)).text for p in paths] == [False] * 3
    assert ["kim@example.com" in (await client.get(p, headers=key)).text for p in paths] == [True] * 3
    assert await effects(client) == []


@pytest.mark.parametrize("person", [{"id": "7"}, {"source": "zendesk"}, {"source": "github", "id": "7"}, 7])
async def test_person_of_no_source_is_refused_and_nobody_is_seeded(client: httpx.AsyncClient, person: Any) -> None:
    good = {"source": "zendesk", "id": "8", "email": "kim@example.com"}
    assert (await client.post("/_people", json=[good, person])).status_code == 400
    found = await client.get("/api/v2/users/8.json", headers={"Authorization": "Bearer sandbox"})
    assert found.status_code == 404


async def test_what_the_readme_tells_the_sandbox_is_taken(client: httpx.AsyncClient) -> None:
    rules = README.partition("### The sandbox\n")[2].partition("\n### ")[0]
    orders, people, script = (json.loads(text) for text in re.findall(r"`(\[\{.*?\}\])`", rules))
    for path, what in (("/_orders", orders), ("/_people", people), ("/_script", script)):
        assert (await client.post(path, json=what)).status_code == 202
    assert (await client.get("/orders/10021")).json()["customer_email"] == orders[0]["customer_email"]
    assert (await client.get("/orders/10022")).json()["customer_email"] == "customer-10022@example.com"
    assert (await client.get("/orders/10029")).json()["status"] == "shipped"
    assert (await client.get("/orders/40412")).status_code == 404
    assert (await client.put("/points/7", json={"n": 1})).json()["n"] == 1
    assert (await client.get("/points/7")).json()["data"][0]["n"] == 1
