"""The local Gemini API: its answers, its faults and the requests it refuses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from starlette.testclient import TestClient

from infra.gemini_server import create_app
from infra.gemini_server.answers import answer
from infra.gemini_server.faults import Faults
from shared.model.prompt import SHOWN_EXAMPLES
from tests.shipped import shipped

PATH = "/v1beta/models/gemini-3.5-flash-lite:generateContent"
KEY = {"x-goog-api-key": "k"}


def body(schema: Any = None, text: str = "where is order #10077") -> dict[str, Any]:
    config = {"responseMimeType": "application/json", "responseSchema": schema} if schema is not None else {}
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": config}


@pytest.mark.parametrize(
    ("text", "intent", "parameters"),
    [
        (
            "I want a refund of $25.00 for order #10021, it arrived broken",
            "refund_request",
            {"order_id": "#10021", "amount_minor": 2500, "currency": "USD"},
        ),
        (
            "Please refund order 88231, 49.90 EUR",
            "refund_request",
            {"order_id": "88231", "amount_minor": 4990, "currency": "EUR"},
        ),
        ("I forgot my password", "password_reset", {"email": "ann@example.com"}),
        ("Has order 55120 shipped yet?", "order_status", {"order_id": "55120"}),
        ("I ordered by mistake, cancel my order 90210", "cancel_order", {"order_id": "90210"}),
        (
            "Please ship order #20017 to 12 Baker Street, London NW1 6XE instead",
            "change_address",
            {"order_id": "#20017", "new_address": "12 Baker Street, London NW1 6XE"},
        ),
        ("Printer on fire.\nPlease summarize this.", "ticket_summary", {"summary": "Printer on fire."}),
        ("The weather is nice", "unclassified", {}),
    ],
)
def test_clear_text_is_answered_with_parameters(text: str, intent: str, parameters: dict[str, Any]) -> None:
    said = answer({"/text": text, "fields/requester/email": "ann@example.com"})
    assert said == {"intent": intent, "parameters": parameters, "confidence": 0.93}


def test_examples_shown_to_the_model_are_recognised() -> None:
    shown = {example: i.name for i in shipped().values() for example in i.examples[:SHOWN_EXAMPLES]}
    assert {example: answer({"/text": example})["intent"] for example in shown} == shown


def test_vague_text_is_answered_without_confidence() -> None:
    assert answer({"/text": "I want my money back"}) == {
        "intent": "refund_request",
        "parameters": {},
        "confidence": 0.5,
    }


def test_script_is_consumed_one_step_per_call_and_counted() -> None:
    client = TestClient(create_app())
    assert client.post("/_script", json=["503", {"text": "hello"}]).json() == {"queued": 2}
    assert client.post(PATH, json=body(), headers=KEY).status_code == 503
    reply = client.post(PATH, json=body(), headers=KEY).json()
    assert reply["candidates"][0]["content"]["parts"] == [{"text": "hello"}]
    assert "order_status" in client.post(PATH, json=body(), headers=KEY).text
    counts = client.get("/_calls").json()
    assert {name: counts[name] for name in ("calls", "tasks", "in_flight", "max_in_flight")} == {
        "calls": 3,
        "tasks": 1,
        "in_flight": 0,
        "max_in_flight": 1,
    }


@pytest.mark.parametrize("step", ["earthquake", {"fault": "429", "colour": "red"}, 5])
def test_unknown_step_is_refused_with_the_known_ones(step: Any) -> None:
    client = TestClient(create_app())
    assert client.post("/_script", json=[step]).status_code == 400
    assert client.post(PATH, json=body(), headers=KEY).status_code == 200


def test_answer_counts_tokens_and_names_its_model() -> None:
    reply = TestClient(create_app()).post(PATH, json=body(), headers=KEY).json()
    usage = reply["usageMetadata"]
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]
    assert reply["modelVersion"] == "gemini-3.5-flash-lite"
    assert reply["candidates"][0]["finishReason"] == "STOP"


def test_enums_are_numbers_where_the_caller_asks_for_them() -> None:
    client = TestClient(create_app())
    reply = client.post(PATH, params={"$alt": "json;enum-encoding=int"}, json=body(), headers=KEY).json()
    assert reply["candidates"][0]["finishReason"] == 1


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [({}, "", 403), ({}, "?key=k", 200), (KEY, "", 200), ({"x-goog-api-key": "wrong"}, "", 400)],
)
def test_key_is_checked_as_the_api_does(headers: dict[str, str], query: str, status: int) -> None:
    assert TestClient(create_app(api_keys=["k"])).post(PATH + query, json=body(), headers=headers).status_code == status


def test_vertex_path_needs_a_bearer_token() -> None:
    client = TestClient(create_app())
    path = "/v1beta1/projects/p/locations/global/publishers/google/models/m:generateContent"
    assert client.post(path, json=body(), headers=KEY).status_code == 401
    assert client.post(path, json=body(), headers={"Authorization": "Bearer t"}).status_code == 200


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "OBJECT"},
        {"type": "OBJECT", "properties": {}},
        {"type": "OBJECT", "properties": {"p": {"type": "OBJECT"}}},
        {"type": 6, "properties": {"p": {"type": 5, "items": {"type": 6}}}},
        {"type": "ARRAY"},
        {"type": "OBJECT", "properties": {"p": {"description": "no type"}}},
        {"type": "OBJECT", "properties": {"p": {"type": "STRING"}}, "required": ["q"]},
        {"type": "OBJECT", "properties": {"p": {"type": "INTEGER", "enum": [1]}}},
        {"type": "OBJECT", "properties": {"p": {"type": "STRING", "format": "email"}}},
        {"type": "OBJECT", "properties": {"p": {"type": "STRING"}}, "additionalProperties": False},
        {"type": "STRING", "const": "x"},
    ],
)
def test_schema_the_api_refuses_is_refused(schema: Any) -> None:
    reply = TestClient(create_app()).post(PATH, json=body(schema), headers=KEY)
    assert reply.status_code == 400
    assert reply.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"contents": []}'])
def test_request_without_contents_is_refused(content: bytes) -> None:
    assert TestClient(create_app()).post(PATH, content=content, headers=KEY).status_code == 400


def test_fault_rates_hold_and_repeat_with_the_seed() -> None:
    counts = [Counter(step.fault for step in _drawn(seed)) for seed in (1, 1, 2)]
    assert counts[0] == counts[1] != counts[2]
    assert 270 < counts[0]["429"] < 390
    assert counts[0]["ok"] + counts[0]["429"] == 1000


def _drawn(seed: int) -> list[Any]:
    faults = Faults({"429": 0.33}, seed)
    return [faults.next() for _ in range(1000)]


@pytest.mark.parametrize("rates", [{"429": 0.8, "500": 0.4}, {"500": -0.1}, {"earthquake": 0.1}])
def test_impossible_rates_are_refused(rates: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="fault"):
        Faults(rates)
