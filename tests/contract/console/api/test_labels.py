"""Labels through the API: page by page in either order, in numbers, and with the words while a task has them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.records.tombstones import entomb
from tests.contract.console.api.calls import code, serve
from tests.world import REFUND, World, says, ticket

PROBATION: dict[str, Any] = {"certification": True, "privacy_key": "k" * 32}


async def judged(count: int = 3, **settings: Any) -> World:
    """Return a world in which so many refunds were decided, the first as right, the others as wrong."""
    world = serve(World(REFUND[1], **PROBATION | settings))
    for n in range(count):
        text = REFUND[0].raw_payload["text"].replace("10021", f"1002{n}")
        world.model.answers = [says("refund_request", order_id=f"#1002{n}", amount_minor=2500, currency="USD")]
        await world.classify(ticket(text, task_id=f"t{n}"))
        await world.decide(f"t{n}", *([] if n == 0 else ["reject"]), **({"cause": "wrong_intent"} if n else {}))
        world.pass_time(seconds=1)
    return world


async def test_labels_are_listed_page_by_page_in_either_order(http: httpx.AsyncClient) -> None:
    world = await judged()
    for order, ids in (("oldest", ["t0", "t1", "t2"]), ("newest", ["t2", "t1", "t0"])):
        first = (await http.get("/api/labels", params={"order": order, "limit": 2})).json()
        rest = (await http.get("/api/labels", params={"order": order, "page_token": first["next_page_token"]})).json()
        assert [x["task_id"] for x in first["labels"] + rest["labels"]] == ids
        assert rest["next_page_token"] is None
    label = await world.label("t0")
    assert label is not None
    assert rest["labels"][-1] == label.model_dump(mode="json")
    since = (await http.get("/api/labels", params={"since": label.at.isoformat().replace("+00:00", "Z")})).json()
    assert len(since["labels"]) == 3
    until = (await http.get("/api/labels", params={"until": label.at.isoformat().replace("+00:00", "Z")})).json()
    assert [x["task_id"] for x in until["labels"]] == ["t0"]


async def test_words_that_a_label_does_not_keep_are_those_of_its_task_while_it_is_there(
    http: httpx.AsyncClient,
) -> None:
    world = await judged()
    await world.sweep()
    await entomb(world.ports, "t1")
    plain = (await http.get("/api/labels")).json()["labels"]
    found = (await http.get("/api/labels?texts=true&order=oldest")).json()["labels"]
    assert {x["text"] for x in plain} == {""}
    assert [x["text"] for x in found] == [
        "Help\nPlease refund $25.00 for order #10020, it arrived broken",
        "",
        "Help\nPlease refund $25.00 for order #10022, it arrived broken",
    ]


@pytest.mark.parametrize("query", ["texts=yes", "order=oldst", "limit=0", "since=soon", "page_token=x", "intent=x"])
async def test_query_that_is_none_is_refused(http: httpx.AsyncClient, query: str) -> None:
    serve(World(REFUND[1]))
    answer = await http.get(f"/api/labels?{query}")
    assert (answer.status_code, code(answer), answer.json()["error"]["field"]) == (
        400,
        "bad_query",
        query.partition("=")[0],
    )


async def test_numbers_tell_what_was_decided_and_what_is_proof_of_whoever_answers(http: httpx.AsyncClient) -> None:
    serve(World(REFUND[1]))
    assert (await http.get("/api/labels/count")).json()["words"] == "nobody has decided anything yet"
    world = await judged()
    world.set(certification=False, automatic={})
    await world.classify(ticket(REFUND[0].raw_payload["text"], task_id="unsure"))
    await world.decide("unsure")  # money, so a person has to see it: proof for this intent alone
    found = (await http.get("/api/labels/count")).json()
    assert found["intents"]["refund_request"] == {"right": 2, "wrong": 2}
    assert (found["verdicts"]["right"], found["verdicts"]["wrong_intent"], found["counted"]) == (2, 2, 3)
    label = await world.label("t0")
    assert label is not None
    assert found["words"] == (
        f"right 2, wrong intent 2; 3 count as proof of {label.model} with prompt {label.prompt_version}"
    )
    page = (await http.get("/health")).text
    assert found["words"] in page
