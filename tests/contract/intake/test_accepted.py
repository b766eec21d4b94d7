"""What becomes a task, under which id, and what is no task at all."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from functions.intake.taking import named
from shared.canonical import task_id_for
from shared.errors import PublishFailed
from shared.wiring import composition
from tests.contract.intake.wire import CANARY, JSON, ROUTES, code_of, install, post, post_task, recorded, send


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
            ("/stripe", "stripe_charge_updated", 1),
            ("/hooks/crm", "zendesk_trigger", 5),
        ],
    )
    async def test_signed_webhook_becomes_a_task_on_the_lane_of_its_priority(
        self, ports: Any, path: str, name: str, priority: int
    ) -> None:
        trace = {"traceparent": f"00-{'a1' * 16}-{'b2' * 8}-01"}
        response = await post(path, recorded(name), **trace, **{"x-github-delivery": "d-1"})
        (task,), ((topic, _, attributes),) = ports.publisher.tasks, ports.publisher.messages
        assert (response.status_code, response.json()) == (202, named(task))
        assert response.json()["task_id"] == task.task_id
        assert (task.priority, topic) == (priority, "tasks-express" if priority >= 4 else "tasks")
        assert task.raw_payload == json.loads(recorded(name))
        assert attributes == {"schema_version": "1", "source": task.source, "trace_id": "a1" * 16}
        assert task.source == path.rpartition("/")[2]

    async def test_plain_task_keeps_its_id(self, ports: Any) -> None:
        response = await post_task(task_id="order-77", priority=5, metadata={"team": "eu"})
        assert (response.status_code, response.json()) == (202, named(ports.publisher.tasks[0]))
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
        assert ids == [task_id_for(f"slack:{first['team_id']}:{event['channel']}:{event['ts']}")]
        assert len(await self.ids(ports, "/slack", first | {"event": event | {"ts": "1763981954.000103"}})) == 2
        assert len(await self.ids(ports, "/slack", first | {"team_id": "T0OTHER"})) == 3

    async def test_zendesk_ticket_and_its_first_comment_told_again_are_one_fact(self, ports: Any) -> None:
        created, added = json.loads(recorded("zendesk_ticket_created")), json.loads(recorded("zendesk_comment_added"))
        detail = created["detail"]
        again = created | {"id": "01again", "time": "2026-11-13T12:24:13Z"}
        first = {"id": "1", "body": detail["description"], "author": {"id": detail["submitter_id"]}}
        told = again | {"type": "zen:event-type:ticket.comment_added", "event": {"comment": first}}
        assert await self.ids(ports, "/zendesk", created, again, told) == [
            task_id_for(f"zendesk:{created['account_id']}:ticket:{detail['id']}")
        ]
        assert len(await self.ids(ports, "/zendesk", added)) == 2

    async def test_zendesk_trigger_that_says_the_same_again_is_the_same_task(self, ports: Any) -> None:
        trigger = json.loads(recorded("zendesk_trigger"))
        ticket = trigger["ticket"]
        again = trigger | {"ticket": ticket | {"status": "solved", "updated_at": "2026-11-21T11:15:00Z"}}
        assert len(await self.ids(ports, "/zendesk", trigger, again)) == 1
        other = trigger | {"ticket": ticket | {"description": "Please cancel order #20032"}}
        assert len(await self.ids(ports, "/zendesk", other)) == 2
        assert len(await self.ids(ports, "/zendesk", trigger | {"ticket": ticket | {"id": "9"}})) == 3

    async def test_jira_comment_is_one_fact_however_it_is_told(self, ports: Any) -> None:
        told = json.loads(recorded("jira_comment_created"))
        inside = told | {
            "webhookEvent": "jira:issue_updated",
            "issue_event_type_name": "issue_commented",
            "changelog": {"id": "31", "items": [{"field": "status"}]},
        }
        without_issue = {name: value for name, value in told.items() if name != "issue"}
        assert len(await self.ids(ports, "/jira", told, inside, without_issue, told | {"timestamp": 1})) == 1
        another = told | {"comment": told["comment"] | {"id": "252790"}}
        assert len(await self.ids(ports, "/jira", another, json.loads(recorded("jira_issue_created_adf")))) == 3

    async def test_issues_of_two_jira_sites_are_two_facts(self, ports: Any) -> None:
        here = json.loads(recorded("jira_issue_created_adf"))
        there = here | {"issue": here["issue"] | {"self": "https://other.atlassian.net/rest/api/3/issue/99291"}}
        assert len(await self.ids(ports, "/jira", here, there)) == 2

    async def test_github_fact_is_its_object_whatever_delivers_it(self, ports: Any) -> None:
        body = json.loads(recorded("github_issue_opened"))
        for delivery in ("d-1", "d-2"):
            ids = await self.ids(ports, "/github", body, **{"x-github-delivery": delivery, "x-github-event": "issues"})
        assert len(ids) == 1
        assert len(await self.ids(ports, "/github", json.loads(recorded("github_issue_comment")))) == 2

    async def test_stripe_fact_is_the_object_and_an_update_of_it_is_told_about_it(self, ports: Any) -> None:
        body = json.loads(recorded("stripe_charge_updated"))
        charge = body["data"]["object"]
        assert await self.ids(ports, "/stripe", body, body | {"pending_webhooks": 0}) == [
            task_id_for(f"stripe:-:{charge['id']}")
        ]
        assert len(await self.ids(ports, "/stripe", body | {"account": "acct_1"})) == 2

    async def test_generic_event_is_its_id_or_else_its_words(self, ports: Any) -> None:
        said = {"text": "Where is it?"}
        ids = await self.ids(
            ports, "/hooks/crm", {"id": "7"} | said, {"id": 7, "x": 1} | said, {"event_id": "7"} | said, said | {"b": 2}
        )
        assert len(ids) == 2
        assert task_id_for("crm:id:7") in ids
        assert await self.ids(ports, "/hooks/crm", {"b": 3} | said) == ids

    @pytest.mark.parametrize("path", ROUTES)
    async def test_payload_without_any_id_is_still_a_task(self, ports: Any, path: str) -> None:
        body = {"event": {"text": "hello", "user": "U1"}, "id": None, "priority": 9}
        assert len(await self.ids(ports, path, body, body)) == 1
        assert ports.publisher.tasks[0].priority == 1


class TestIgnored:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("slack_bot_message", "bot"),
            ("github_ping", "ping"),
            ("github_issue_closed", "no_words"),
            ("jira_issue_updated", "no_words"),
            ("zendesk_status_changed", "no_words"),
        ],
    )
    async def test_event_that_asks_nothing_of_anybody_is_ignored_with_its_reason(
        self, ports: Any, name: str, reason: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source = name.partition("_")[0]
        response = await post(f"/{source}", recorded(name))
        assert (response.status_code, response.json()) == (200, {"ignored": True, "reason": reason})
        assert [attributes for _, _, attributes in ports.publisher.messages] == [{"counted": "1"}]
        line = json.loads(capsys.readouterr().out)
        assert (line["source"], line["outcome"]) == (source, reason)
        assert line["kind"]

    async def test_bot_may_ask_where_the_source_is_told_to_listen_to_it(self) -> None:
        ports = install(listens_to=frozenset({"slack:bot"}))
        assert (await post("/slack", recorded("slack_bot_message"))).status_code == 202
        assert len(ports.publisher.messages) == 1  # type: ignore[attr-defined]
        composition.install(None)

    async def test_edit_belongs_to_the_task_of_what_was_written_first(self, ports: Any) -> None:
        first, edited = await post("/slack", recorded("slack_message")), json.loads(recorded("slack_message_changed"))
        edited["event"]["message"]["ts"] = json.loads(recorded("slack_message"))["event"]["ts"]
        again = await post("/slack", json.dumps(edited).encode())
        assert again.json()["task_id"] == first.json()["task_id"]
        assert again.json()["or_task_id"] != first.json()["or_task_id"]

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
        assert code_of(await post("/hooks/crm", b'{"id":"1","text":"x"}')) == (503, "publish_failed")
        assert asyncio.get_running_loop().time() - started < 2.5

    async def test_bug_is_a_bare_500(self, ports: Any, capsys: pytest.CaptureFixture[str]) -> None:
        ports.publisher.fault = RuntimeError(CANARY)
        assert code_of(await post("/hooks/crm", b'{"id":"1","text":"x"}')) == (500, "internal")
        captured = capsys.readouterr()
        assert CANARY not in captured.out + captured.err
