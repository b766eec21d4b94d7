"""What promoters ask of the console: versions, a candidate, a promotion and the way back; and nothing for others."""

from __future__ import annotations

import base64
import bz2
from functools import cache
from typing import Any

import httpx
import pytest

from functions.console.identity import DEVELOPER
from shared.model.artefact import FORMAT, MAGIC, dump
from shared.model.teaching import train
from shared.model.versions import MAX_UNPACKED_BYTES
from shared.records.routers import CURRENT, version_path
from shared.task.router import MAX_CONTENT_CHARS, hash_of
from shared.wiring import composition
from tests.world import ORDER_STATUS, REGISTRY, World

BOMB = MAGIC + b"%d %s\n" % (FORMAT, b"0" * 64) + bz2.compress(b" " * 2 * MAX_UNPACKED_BYTES)
LESSON = ("my parcel is nowhere to be seen", "order_status")


@cache
def weights() -> str:
    return base64.b64encode(dump(train(REGISTRY, [LESSON]))).decode()


def world_of(**settings: Any) -> World:
    world = World(ORDER_STATUS[1], **{"promoters": frozenset({DEVELOPER})} | settings)
    composition.install(world.ports)
    return world


async def ask(http: httpx.AsyncClient, what: str, status: int = 200, **body: Any) -> Any:
    answer = await http.post(f"/api/router/{what}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def uploaded(http: httpx.AsyncClient, kind: str = "weights", content: str = "") -> str:
    name: str = (await ask(http, "upload", kind=kind, content=content or weights()))["hash"]
    return name


async def test_version_is_uploaded_promoted_and_taken_back_in_one_step(http: httpx.AsyncClient) -> None:
    world = world_of()
    name = await uploaded(http)
    done = await ask(http, "promote", hash=name, reason="fewer wrong refunds")
    assert (done["hash"], done["previous"], done["by"], done["note"]) == (name, "", DEVELOPER, "")
    await world.classify(ORDER_STATUS[0])
    assert (await world.record("t1")).classification.model == train(REGISTRY, [LESSON]).name
    world.pass_time(seconds=1)
    back = await ask(http, "back", reason="too slow")
    assert (back["hash"], back["previous"]) == ("", name)
    told = (await http.get("/api/router")).json()
    assert [(entry["hash"], entry["reason"]) for entry in told["promotions"]] == [
        ("", "too slow"),
        (name, "fewer wrong refunds"),
    ]


async def test_report_is_kept_with_the_promotion(http: httpx.AsyncClient) -> None:
    world = world_of()
    name = await uploaded(http)
    await ask(http, "shadow", hash=name, share=1, calls_a_day=5)
    await world.classify(ORDER_STATUS[0])
    known = (await http.get(f"/api/router/report?hash={name}")).json()
    assert (known["seen"], known["judged"]) == (1, 0)
    done = await ask(http, "promote", hash=name, reason="as good, and free")
    assert done["report"] == known


async def test_promoted_candidate_is_no_candidate_any_more(http: httpx.AsyncClient) -> None:
    world_of()
    name = await uploaded(http)
    await ask(http, "shadow", hash=name, share=0.1, tokens_a_day=1000)
    assert (await http.get("/api/router")).json()["candidate"]["share"] == 0.1
    await ask(http, "promote", hash=name, reason="better")
    assert (await http.get("/api/router")).json()["candidate"] is None
    refused = await ask(http, "shadow", 409, hash=name, share=0.1, calls_a_day=1)
    assert refused["error"]["code"] == "already_current"


async def test_stopped_candidate_is_asked_no_more(http: httpx.AsyncClient) -> None:
    world = world_of()
    await ask(http, "shadow", hash=await uploaded(http), share=1, calls_a_day=5)
    await ask(http, "stop")
    await world.classify(ORDER_STATUS[0])
    assert world.store.all("shadows") == []


async def test_answer_says_that_a_promoted_version_begins_on_probation(http: httpx.AsyncClient) -> None:
    world = world_of(certification=True)
    done = await ask(http, "promote", hash=await uploaded(http), reason="better")
    assert "until a certificate names this version, all its tasks wait" in done["note"]
    await world.classify(ORDER_STATUS[0])
    assert (await world.record("t1")).decision.drawn == "probation"


@pytest.mark.parametrize("promoters", [frozenset(), frozenset({"ml@example.com"})], ids=["nobody", "others"])
@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("upload", {"kind": "model", "content": "gemini-x"}),
        ("shadow", {"hash": "0" * 64, "share": 1.0, "calls_a_day": 1}),
        ("stop", {}),
        ("promote", {"hash": "", "reason": "mine"}),
        ("back", {"reason": "mine"}),
    ],
)
async def test_router_is_changed_by_promoters_alone(
    http: httpx.AsyncClient, what: str, body: dict[str, Any], promoters: frozenset[str]
) -> None:
    world = world_of(promoters=promoters)
    assert (await ask(http, what, 403, **body))["error"]["code"] == "not_a_promoter"
    assert world.store.documents == {}


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("weights", "no base64!", "not in base64"),
        ("weights", "AAB=", "canonical base64"),
        ("weights", base64.b64encode(b"\x80\x04pickled").decode(), "no such file"),
        ("weights", base64.b64encode(BOMB).decode(), "holds more than"),
        ("prompt", "Answer.", "CLASSIFIER is local"),
        ("model", "gemini-x", "CLASSIFIER is local"),
    ],
)
async def test_version_that_cannot_be_used_is_refused_with_the_cure(
    http: httpx.AsyncClient, kind: str, content: str, why: str
) -> None:
    world = world_of()
    error = (await ask(http, "upload", 422, kind=kind, content=content))["error"]
    assert (error["code"], error["field"]) == ("version_refused", "/content")
    assert why in error["message"]
    assert world.store.documents == {}


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("prompt", " \n ", "write 1 to 40"),
        ("prompt", "Answer.\n" * 41, "write 1 to 40"),
        ("prompt", "x" * 1001, "at most 1000"),
        ("prompt", "Answer.\nEND {nonce}", "rule 2 has a placeholder"),
        ("prompt", "An\u202eswer", "cannot be shown"),
        ("model", "a model", "letters, digits"),
        ("model", "../../x?key=1", "letters, digits"),
    ],
)
async def test_rules_and_names_are_checked_before_they_are_kept(
    http: httpx.AsyncClient, kind: str, content: str, why: str
) -> None:
    world_of(classifier="genai")
    assert why in (await ask(http, "upload", 422, kind=kind, content=content))["error"]["message"]


async def test_version_over_the_size_of_a_document_is_refused(http: httpx.AsyncClient) -> None:
    world_of()
    error = await ask(http, "upload", 422, kind="weights", content="A" * (MAX_CONTENT_CHARS + 4))
    assert error["error"]["field"] == "/content"


async def test_what_somebody_changed_in_the_database_is_not_promoted(http: httpx.AsyncClient) -> None:
    world = world_of()
    name = await uploaded(http)
    world.store.put(version_path(name), content=base64.b64encode(dump(train(REGISTRY))).decode())
    error = await ask(http, "promote", 422, hash=name, reason="better")
    assert error["error"]["code"] == "version_refused"
    assert CURRENT not in world.store.documents


@pytest.mark.parametrize(
    ("what", "status", "code", "body"),
    [
        ("promote", 404, "version_not_found", {"hash": "0" * 64, "reason": "x"}),
        ("promote", 409, "already_current", {"hash": "", "reason": "x"}),
        ("promote", 422, "invalid_body", {"hash": "", "reason": ""}),
        ("promote", 422, "invalid_body", {"hash": "../x", "reason": "x"}),
        ("back", 409, "nothing_promoted", {"reason": "x"}),
        ("shadow", 404, "version_not_found", {"hash": "0" * 64, "share": 0.1, "calls_a_day": 1}),
        ("shadow", 422, "invalid_body", {"hash": "0" * 64, "share": 1.1, "calls_a_day": 1}),
        ("shadow", 422, "invalid_body", {"hash": "", "share": 0.1, "calls_a_day": 1}),
    ],
)
async def test_request_that_makes_no_sense_is_refused_by_name(
    http: httpx.AsyncClient, what: str, status: int, code: str, body: dict[str, Any]
) -> None:
    world_of()
    assert (await ask(http, what, status, **body))["error"]["code"] == code


async def test_candidate_without_a_budget_is_refused(http: httpx.AsyncClient) -> None:
    world_of()
    name = await uploaded(http)
    assert (await ask(http, "shadow", 422, hash=name, share=0.1))["error"]["code"] == "no_budget"


async def test_second_promotion_at_once_is_refused_and_the_first_one_stands(http: httpx.AsyncClient) -> None:
    world = world_of()
    name = await uploaded(http)

    async def meanwhile() -> None:
        world.store.put(CURRENT, hash="", previous="", by="a@b.c", channel="cli", at=world.now, reason="x", report=None)
        world.store.put(CURRENT, hash=hash_of("weights", "other"))

    world.network.before_commit = meanwhile
    assert (await ask(http, "promote", 409, hash=name, reason="x"))["error"]["code"] == "promoted_meanwhile"


async def test_version_is_shown_as_it_was_uploaded(http: httpx.AsyncClient) -> None:
    world_of(classifier="genai")
    name = await uploaded(http, "prompt", "Answer as a clerk.")
    shown = (await http.get(f"/api/router/version?hash={name}")).json()
    assert (shown["kind"], shown["content"], shown["by"]) == ("prompt", "Answer as a clerk.", DEVELOPER)
    assert (await http.get(f"/api/router/version?hash={'0' * 64}")).status_code == 404


@pytest.mark.parametrize("query", ["", "?hash=x", "?hash=" + "A" * 64, "?name=x"])
async def test_report_asks_for_a_version_by_its_hash(http: httpx.AsyncClient, query: str) -> None:
    world_of()
    assert (await http.get(f"/api/router/report{query}")).status_code == 400
