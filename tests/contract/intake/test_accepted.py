"""What becomes a task, under which id, and what is no task at all."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from shared.canonical import sha256_hex, task_id_for
from shared.errors import PublishFailed
from tests.contract.intake.wire import CANARY, JSON, ROUTES, code_of, post, post_task, recorded, send


class TestAccepted:
    @pytest.mark.parametrize(
        ("path", "name", "priority"),
        [
            ("/zendesk", "zendesk_ticket_created", 4),
            ("/zendesk", "zendesk_comment_added", 5),
            ("/zendesk", "zendesk_trigger", 5),
            ("/jira", "jira_issue_created", 1),
            ("/jira", "jira_issue_created_adf", 5),
            ("/slack", "slack_message", 1),
            ("/github", "github_issue_opened", 1),
            ("/stripe", "stripe_charge_failed", 1),
            ("/hooks/crm", "zendesk_trigger", 1),
        ],
    )
    async def test_signed_webhook_becomes_a_task_on_the_lane_of_its_priority(
        self, ports: Any, path: str, name: str, priority: int
    ) -> None:
        trace = {"traceparent": f"00-{'a1' * 16}-{'b2' * 8}-01"}
        response = await post(path, recorded(name), **trace, **{"x-github-delivery": "d-1"})
        (task,), ((topic, _, attributes),) = ports.publisher.tasks, ports.publisher.messages
        assert (response.status_code, response.json()) == (202, {"task_id": task.task_id})
        assert (task.priority, topic) == (priority, "tasks-express" if priority >= 4 else "tasks")
        assert task.raw_payload == json.loads(recorded(name))
        assert attributes == {"schema_version": "1", "source": task.source, "trace_id": "a1" * 16}
        assert task.source == path.rpartition("/")[2]

    async def test_plain_task_keeps_its_id(self, ports: Any) -> None:
        response = await post_task(task_id="order-77", priority=5, metadata={"team": "eu"})
        assert (response.status_code, response.json()) == (202, {"task_id": "order-77"})
        assert ports.publisher.messages[0][0] == "tasks-express"
        assert len(ports.publisher.messages[0][2]["trace_id"]) == 32

    @pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])
    async def test_json_may_name_its_charset(self, ports: Any, content_type: str) -> None:
        task = b'{"task_id":"t","source":"crm","raw_payload":{}}'
        assert (await send("POST", "/", content=task, headers={"content-type": content_type})).status_code == 202

    async def test_health_is_served(self, ports: Any) -> None:
        response = await send("GET", "/healthz")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


class TestIdentity:
    async def ids(self, ports: Any, path: str, *bodies: dict[str, Any], **headers: str) -> list[str]:
        """Return the distinct task ids of these payloads."""
        for body in bodies:
            assert (await post(path, json.dumps(body).encode(), **headers)).status_code == 202
        return sorted({task.task_id for task in ports.publisher.tasks})

    async def test_slack_redelivery_with_another_event_id_is_the_same_task(self, ports: Any) -> None:
        first = json.loads(recorded("slack_message"))
        event = first["event"]
        ids = await self.ids(ports, "/slack", first, first | {"event_id": "Ev0OTHER0001", "event_time": 1})
        assert ids == [task_id_for(f"slack:{event['channel']}:{event['ts']}")]
        assert len(await self.ids(ports, "/slack", first | {"event": event | {"ts": "1763981954.000103"}})) == 2

    async def test_zendesk_event_is_its_id_and_a_trigger_its_ticket_and_change(self, ports: Any) -> None:
        event, trigger = json.loads(recorded("zendesk_ticket_created")), json.loads(recorded("zendesk_trigger"))
        ids = await self.ids(ports, "/zendesk", event, event | {"time": "2026-11-13T12:24:13Z"}, trigger)
        assert ids == sorted([task_id_for(f"zendesk:{event['id']}"), task_id_for("zendesk:5158:2026-11-20T11:15:00Z")])

    async def test_jira_issue_changelog_and_comment_are_three_facts(self, ports: Any) -> None:
        names = ("jira_issue_created_adf", "jira_issue_updated", "jira_comment_created")
        payloads = [json.loads(recorded(name)) for name in names]
        ids = await self.ids(ports, "/jira", *payloads, *(p | {"timestamp": 1} for p in payloads))
        assert len(ids) == 3
        assert task_id_for("jira:99291:10124") in ids
        another = payloads[2] | {"comment": payloads[2]["comment"] | {"id": "252790"}}
        assert len(await self.ids(ports, "/jira", another)) == 4

    async def test_github_redelivery_keeps_its_delivery_id(self, ports: Any) -> None:
        body = json.loads(recorded("github_issue_opened"))
        assert await self.ids(ports, "/github", body, body, **{"x-github-delivery": "d-1"}) == [
            task_id_for("github:d-1")
        ]
        assert len(await self.ids(ports, "/github", body, **{"x-github-delivery": "d-2"})) == 2

    async def test_stripe_event_is_its_id(self, ports: Any) -> None:
        body = json.loads(recorded("stripe_charge_failed"))
        assert await self.ids(ports, "/stripe", body, body | {"pending_webhooks": 0}) == [
            task_id_for(f"stripe:{body['id']}")
        ]

    async def test_generic_event_is_its_id_or_else_its_content(self, ports: Any) -> None:
        ids = await self.ids(ports, "/hooks/crm", {"id": "7"}, {"id": 7, "x": 1}, {"event_id": "7"}, {"a": 1, "b": 2})
        assert ids == sorted([task_id_for("crm:7"), task_id_for("crm:" + sha256_hex(b'{"a":1,"b":2}'))])
        assert await self.ids(ports, "/hooks/crm", {"b": 2, "a": 1}) == ids

    @pytest.mark.parametrize("path", ROUTES)
    async def test_payload_without_any_id_is_still_a_task(self, ports: Any, path: str) -> None:
        body = {"event": {"text": "hello"}, "id": None, "priority": 9}
        assert len(await self.ids(ports, path, body, body)) == 1
        assert ports.publisher.tasks[0].priority == 1


class TestIgnored:
    @pytest.mark.parametrize("name", ["slack_bot_message", "slack_message_changed"])
    async def test_slack_event_that_no_person_wrote_is_ignored(self, ports: Any, name: str) -> None:
        response = await post("/slack", recorded(name))
        assert (response.status_code, response.json()) == (200, {"ignored": True})
        assert ports.publisher.messages == []

    @pytest.mark.parametrize(
        ("members", "status"),
        [({"subtype": "file_share"}, 202), ({"subtype": "channel_join"}, 200), ({"bot_id": "B19LU7CSY"}, 200)],
        ids=str,
    )
    async def test_slack_subtype_says_whether_a_person_asks(
        self, ports: Any, members: dict[str, str], status: int
    ) -> None:
        payload = json.loads(recorded("slack_message"))
        payload["event"] |= members
        assert (await post("/slack", json.dumps(payload).encode())).status_code == status

    async def test_github_ping_is_ignored(self, ports: Any) -> None:
        response = await post("/github", recorded("github_ping"), **{"x-github-event": "ping"})
        assert (response.status_code, response.json()) == (200, {"ignored": True})

    async def test_slack_challenge_is_answered_only_after_verification(self, ports: Any) -> None:
        body = recorded("slack_url_verification")
        response = await post("/slack", body)
        assert (response.status_code, response.json()) == (200, {"challenge": json.loads(body)["challenge"]})
        assert code_of(await send("POST", "/slack", content=body, headers=JSON)) == (401, "unauthenticated")
        empty = await post("/slack", b'{"type":"url_verification","challenge":7}')
        assert code_of(empty) == (400, "invalid_challenge")


class TestPublish:
    @pytest.mark.parametrize("fault", [PublishFailed("no acknowledgement"), "hang"], ids=["failed", "hang"])
    async def test_event_that_the_bus_did_not_acknowledge_is_503(self, ports: Any, fault: Any) -> None:
        ports.publisher.fault = fault
        started = asyncio.get_running_loop().time()
        assert code_of(await post("/hooks/crm", b'{"id":"1"}')) == (503, "publish_failed")
        assert asyncio.get_running_loop().time() - started < 2.5

    async def test_bug_is_a_bare_500(self, ports: Any, capsys: pytest.CaptureFixture[str]) -> None:
        ports.publisher.fault = RuntimeError(CANARY)
        assert code_of(await post("/hooks/crm", b'{"id":"1"}')) == (500, "internal")
        captured = capsys.readouterr()
        assert CANARY not in captured.out + captured.err
