"""Bodies that are no plain JSON: forms of GitHub and Slack, and CloudEvents."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from functions.intake.bodies import CLOUDEVENTS, FORM
from shared.event.payload import view
from tests.contract.bodies.wire import ASK, ISSUE, post, task_of
from tests.world import World


class TestForms:
    async def test_github_form_is_the_same_task_as_its_json(self, world: World) -> None:
        plain = await post("/github", json.dumps(ISSUE).encode())
        form = await post("/github", urlencode({"payload": json.dumps(ISSUE)}).encode(), FORM)
        assert (form.status_code, form.json()) == (202, plain.json())
        ping = urlencode({"payload": json.dumps({"zen": "Keep it simple.", "hook": {}})}).encode()
        assert (await post("/github", ping, FORM)).json() == {"ignored": True, "reason": "ping"}

    @pytest.mark.parametrize("body", [b"", b"x=1", b"payload=%FF", b"payload={}&payload={}", b"=&" * 200, b"\xff"])
    async def test_github_form_without_one_payload_is_parked(self, world: World, body: bytes) -> None:
        assert (await post("/github", body, FORM)).json() == {"parked": "malformed_form"}

    async def test_slack_command_is_a_task_and_the_writer_is_told(self, world: World) -> None:
        response = await post("/slack", urlencode(ASK).encode(), FORM)
        task = task_of(world)
        said = {"response_type": "ephemeral", "text": f"Taken as task {task.task_id}; what becomes of it is told here."}
        assert (response.status_code, response.json()) == (200, said)
        seen = view("slack", task.raw_payload)
        assert (dict(seen.texts), seen.at("/requester/id")) == ({"/text": "where is order 47384"}, "U1")
        assert task.raw_payload["response_url"] == ASK["response_url"]
        await post("/slack", urlencode(ASK | {"trigger_id": "other"}).encode(), FORM)
        assert len({json.loads(data)["task_id"] for _, data, _ in world.publisher.messages}) == 2

    @pytest.mark.parametrize("fields", [ASK | {"text": " "}, {"ssl_check": "1", "token": "t"}], ids=["empty", "ssl"])
    async def test_slack_form_that_asks_nothing_is_answered_with_200(
        self, world: World, fields: dict[str, str]
    ) -> None:
        response = await post("/slack", urlencode(fields).encode(), FORM)
        assert response.status_code == 200
        assert response.json()["text"].startswith("Nothing to do: ")
        assert [attributes for _, _, attributes in world.publisher.messages] == [{"counted": "1"}]

    async def test_slack_shortcut_hands_over_the_words_of_whoever_wrote_them(self, world: World) -> None:
        message = {"type": "message", "user": "U2", "ts": "1.2", "text": "Where is #47384?"}
        pressed = {"type": "message_action", "team": {"id": "T1"}, "channel": {"id": "C1"}, "user": {"id": "U1"}}
        body = urlencode({"payload": json.dumps(pressed | {"message": message})}).encode()
        assert (await post("/slack", body, FORM)).status_code == 200
        seen = view("slack", task_of(world).raw_payload)
        assert (dict(seen.texts), seen.at("/requester/id")) == ({"/message/text": "Where is #47384?"}, "U2")

    async def test_cloudevent_is_taken_where_anybody_may_send(self, world: World) -> None:
        event = {"specversion": "1.0", "id": "e1", "type": "x", "source": "y", "data": {"text": "Where is #1?"}}
        assert (await post("/hooks/crm", json.dumps(event).encode(), CLOUDEVENTS)).status_code == 202
        assert (await post("/jira", b"{}", CLOUDEVENTS)).status_code == 415
        assert (await post("/stripe", b"a=b", FORM)).status_code == 415
