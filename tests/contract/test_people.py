"""Addresses looked up over the vendors' users APIs, as the sandbox plays them."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest

from infra.sandbox.app import create_app
from infra.sandbox.people import WORKSPACE
from shared.event.requester import Author
from shared.wiring import people
from shared.wiring.lanes import Lane, Pool
from shared.wiring.people import DIRECTORIES, FAILURE_KEPT_S, KEPT_S, Directory

ENV = {directory.variable("API_URL"): "http://vendors.test" for directory, _ in DIRECTORIES.values()} | {
    directory.variable("API_KEY"): "read-only" for directory, _ in DIRECTORIES.values()
}
ZENDESK, SLACK, JIRA = (
    Author("zendesk", "12514403", "8447388090494"),
    Author("slack", WORKSPACE, "U1"),
    Author("jira", "acme.atlassian.net", "5b10ac8d82e05b22cc7d4ef5"),
)
AUTHORS = [ZENDESK, SLACK, JIRA]
KIM = "kim@example.com"


class Vendors(Pool):
    """Connections that all end in one sandbox; `requests` are the ones that were sent."""

    def __init__(self) -> None:
        super().__init__()
        self.app = create_app()
        self.requests: list[httpx.Request] = []
        self.now = 0.0
        self.answer: httpx.Response | None = None

    def lane(self, origin: str, allow_private: bool, max_in_flight: int, transport: Any) -> Lane:
        return Lane(httpx.AsyncClient(transport=_Noted(self)), asyncio.Semaphore(max_in_flight))

    def directory(self, **env: str) -> Directory:
        return Directory(self, allow_private=True, max_in_flight=10, env=ENV | env, clock=lambda: self.now)

    def seed(self, author: Author, email: str | None = KIM, **more: Any) -> None:
        self.app.state.people.seed([{"source": author.source, "id": author.id, "email": email, **more}])


class _Noted(httpx.AsyncBaseTransport):
    def __init__(self, vendors: Vendors) -> None:
        self._vendors, self._inner = vendors, httpx.ASGITransport(vendors.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._vendors.requests.append(request)
        return self._vendors.answer or await self._inner.handle_async_request(request)


@pytest.fixture
def vendors() -> Vendors:
    return Vendors()


@pytest.mark.parametrize("author", AUTHORS, ids=lambda a: a.source)
async def test_address_is_looked_up_by_the_authenticated_id(vendors: Vendors, author: Author) -> None:
    vendors.seed(author, "Kim@Example.com")
    assert await vendors.directory().email_of(author) == KIM
    [request] = vendors.requests
    assert (request.method, request.headers["authorization"]) == ("GET", "Bearer read-only")


@pytest.mark.parametrize("author", AUTHORS, ids=lambda a: a.source)
async def test_address_that_is_hidden_or_of_nobody_is_none(vendors: Vendors, author: Author) -> None:
    assert await vendors.directory().email_of(author) is None
    vendors.seed(author, None)
    assert await vendors.directory().email_of(author) is None


@pytest.mark.parametrize(
    ("author", "more"),
    [
        (ZENDESK, {"verified": False}),
        (ZENDESK, {"verified": "true"}),
        (ZENDESK, {"suspended": True}),
        (ZENDESK, {"active": False}),
        (SLACK, {"team_id": "T0ELSEWHERE"}),
        (SLACK, {"is_stranger": True}),
        (SLACK, {"is_bot": True}),
        (SLACK, {"deleted": True}),
        (JIRA, {"accountType": "customer"}),
        (JIRA, {"accountType": "app"}),
        (JIRA, {"active": False}),
        (JIRA, {"accountId": "somebody-else"}),
    ],
)
async def test_address_that_the_platform_does_not_vouch_for_is_none(
    vendors: Vendors, author: Author, more: dict[str, Any]
) -> None:
    vendors.seed(author, **more)
    assert await vendors.directory().email_of(author) is None
    assert len(vendors.requests) == 1


async def test_key_with_a_colon_is_sent_as_basic_credentials(vendors: Vendors) -> None:
    vendors.seed(ZENDESK)
    await vendors.directory(ZENDESK_USERS_API_KEY="bot@example.com/token:abc").email_of(ZENDESK)
    sent = vendors.requests[0].headers["authorization"]
    assert sent == "Basic " + base64.b64encode(b"bot@example.com/token:abc").decode()


async def test_source_without_a_users_api_is_not_asked(vendors: Vendors) -> None:
    vendors.seed(SLACK)
    assert await vendors.directory(SLACK_USERS_API_URL="").email_of(SLACK) is None
    assert await vendors.directory().email_of(Author("helpdesk", "", "u1")) is None
    assert await vendors.directory().email_of(Author("zendesk", "1", "")) is None
    assert vendors.requests == []


async def test_id_cannot_leave_its_place_in_the_path(vendors: Vendors) -> None:
    await vendors.directory().email_of(Author("zendesk", "1", "../tickets/1?x="))
    assert [r.url.raw_path for r in vendors.requests] in ([], [b"/api/v2/users/..%2Ftickets%2F1%3Fx%3D.json"])


async def test_answer_is_remembered_for_ten_minutes(vendors: Vendors) -> None:
    vendors.seed(SLACK)
    directory = vendors.directory()
    assert [await directory.email_of(SLACK) for _ in range(3)] == [KIM] * 3
    assert len(vendors.requests) == 1
    vendors.seed(SLACK, "new@example.com")
    vendors.now = KEPT_S
    assert await directory.email_of(SLACK) == "new@example.com"


async def test_same_id_at_another_site_is_somebody_else(vendors: Vendors) -> None:
    vendors.seed(SLACK)
    directory = vendors.directory()
    assert await directory.email_of(SLACK) == KIM
    assert await directory.email_of(Author("slack", "T0ELSEWHERE", SLACK.id)) is None


async def test_memory_is_bounded(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "MAX_KEPT", 3)
    directory = vendors.directory()
    for number in range(5):
        await directory.email_of(Author("zendesk", "1", str(number)))
    await directory.email_of(Author("zendesk", "1", "4"))
    assert len(vendors.requests) == 5
    await directory.email_of(Author("zendesk", "1", "0"))
    assert len(vendors.requests) == 6


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
@pytest.mark.parametrize("author", AUTHORS, ids=lambda a: a.source)
async def test_failed_lookup_is_no_address_and_is_tried_again_half_a_minute_later(
    vendors: Vendors, author: Author, status: int
) -> None:
    vendors.seed(author)
    directory = vendors.directory()
    vendors.answer = httpx.Response(status, json={})
    assert [await directory.email_of(author) for _ in range(2)] == [None, None]
    assert len(vendors.requests) == 1
    vendors.answer, vendors.now = None, FAILURE_KEPT_S
    assert await directory.email_of(author) == KIM


@pytest.mark.parametrize("author", AUTHORS, ids=lambda a: a.source)
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"user": [1]}', b'{"ok": true, "user": {"id": 1}}'])
async def test_answer_of_another_shape_is_no_address(vendors: Vendors, author: Author, body: bytes) -> None:
    vendors.answer = httpx.Response(200, content=body)
    assert await vendors.directory().email_of(author) is None


async def test_slack_that_refuses_the_key_is_a_failure_not_an_answer(vendors: Vendors) -> None:
    vendors.seed(SLACK)
    directory = vendors.directory(SLACK_USERS_API_KEY="")
    assert await directory.email_of(SLACK) is None
    vendors.now = FAILURE_KEPT_S
    await directory.email_of(SLACK)
    assert len(vendors.requests) == 2


@pytest.mark.parametrize("author", AUTHORS, ids=lambda a: a.source)
async def test_users_api_that_hangs_holds_nobody_up(
    vendors: Vendors, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "LOOKUP_TIMEOUT_S", 0.1)
    operation = {"zendesk": "get_user", "slack": "users_info", "jira": "get_user"}[author.source]
    vendors.app.state.desk.faults.script([{"vendor": author.source, "operation": operation, "fault": "timeout_before"}])
    async with asyncio.timeout(20):
        assert await vendors.directory().email_of(author) is None


async def test_key_and_address_are_in_no_log_line(vendors: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    vendors.answer = httpx.Response(403, json={"email": KIM})
    await vendors.directory().email_of(ZENDESK)
    said = capsys.readouterr().out
    assert "requester_lookup_failed" in said
    assert "provider_403" in said
    assert not any(word in said for word in (KIM, "read-only", ZENDESK.id))
