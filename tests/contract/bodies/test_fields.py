"""A source of any shape is read by its map of fields."""

from __future__ import annotations

import json

import pytest

from shared.event.payload import view
from shared.task.schemas import AutomationTask
from tests.contract.bodies.wire import post, task_of
from tests.world import World

MAP = "words=/comment/text|/subject,email=/customer_email,id=/event/id,at=/updated_at"
EVENT = {
    "subject": "Order",
    "comment": {"text": "Where is #47384?"},
    "customer_email": "kim@example.com",
    "event": {"id": 5},
    "updated_at": "2026-11-01T10:00:00Z",
}


class TestFields:
    @pytest.fixture(autouse=True)
    def named(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CRM_FIELDS", MAP)
        monkeypatch.setenv("ZENDESK_FIELDS", "words=/says")

    async def test_source_is_read_by_its_map_and_the_record_keeps_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert (await post("/hooks/crm", json.dumps(EVENT).encode())).status_code == 202
        task = task_of(world)
        monkeypatch.delenv("CRM_FIELDS")
        seen = view("crm", task.raw_payload, task.metadata)
        assert dict(seen.texts) == {"/comment/text": "Where is #47384?", "/subject": "Order"}
        assert seen.at("/requester/email") == "kim@example.com"
        assert task.raw_payload == EVENT

    @pytest.mark.parametrize(
        ("first", "then", "tasks"),
        [
            ("2026-11-01T10:00:00Z", "2026-11-01T11:00:00Z", 2),
            ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z", 1),
            ("2026-11-01", "2026-11-01", 2),  # a day tells nothing: the words do
        ],
    )
    async def test_moment_tells_events_of_one_id_apart(self, world: World, first: str, then: str, tasks: int) -> None:
        await post("/hooks/crm", json.dumps(EVENT | {"updated_at": first}).encode())
        again = EVENT | {"updated_at": then, "comment": {"text": "Cancel it"}}
        await post("/hooks/crm", json.dumps(again).encode())
        assert len({json.loads(data)["task_id"] for _, data, _ in world.publisher.messages}) == tasks

    async def test_nothing_at_the_mapped_places_is_ignored_with_a_warning(
        self, world: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        response = await post("/hooks/crm", b'{"text":"Where is my order, it is late"}')
        assert (response.status_code, response.json()["reason"]) == (200, "no_words")
        assert json.loads(capsys.readouterr().out)["severity"] == "WARNING"

    async def test_vendors_own_shape_is_read_by_the_vendor(self, world: World) -> None:
        assert (await post("/zendesk", b'{"says":"Where is #1?"}')).status_code == 202
        own = {"type": "zen:event-type:ticket.created", "detail": {"id": "1", "description": "Where is #2?"}}
        await post("/zendesk", json.dumps(own).encode())
        payloads = [AutomationTask.model_validate_json(data) for _, data, _ in world.publisher.messages]
        texts = [dict(view("zendesk", t.raw_payload, t.metadata).texts) for t in payloads]
        assert texts == [{"/says": "Where is #1?"}, {"/detail/description": "Where is #2?"}]

    async def test_map_that_cannot_be_read_is_503_and_named(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for wrong in ("email=/a", "words=a", "words=/a,words=/b", "who=/a", "words"):
            monkeypatch.setenv("CRM_FIELDS", wrong)
            response = await post("/hooks/crm", b"{}")
            assert (response.status_code, response.json()["error"]["code"]) == (503, "bad_fields")
            assert "CRM_FIELDS" in response.json()["error"]["message"]
