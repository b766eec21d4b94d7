"""The deployed `notify` against what Slack and Google Chat document of their incoming webhooks, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field
from slack_sdk.models.blocks import Block

from functions.notify import main
from infra.embedded.database import Database
from infra.embedded.store import EmbeddedStore
from shared.settings import load
from shared.wiring import composition
from shared.wiring.composition import Ports
from shared.wiring.ports import ABSENT, Write
from tests.chat import HANGS, Chat, serving
from tests.scripted import MemoryPublisher
from tests.store import BEGINNING
from tests.world import REFUND, World, deployed

SECRET = "XXXXsecretXXXX"
TARGETS = {
    "slack": f"/services/T0000/B0000/{SECRET}",
    "google_chat": f"/v1/spaces/AAAA/messages?key=k&token={SECRET}%3D",
}


# --- what Google Chat documents of a message: https://developers.google.com/workspace/chat/api/reference/rest/v1/cards


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class OpenLink(Strict):
    url: str = Field(pattern=r"^https?://")


class OnClick(Strict):
    openLink: OpenLink


class Button(Strict):
    text: str
    onClick: OnClick


class ButtonList(Strict):
    buttons: list[Button]


class TextParagraph(Strict):
    text: str


class Widget(Strict):
    textParagraph: TextParagraph | None = None
    buttonList: ButtonList | None = None


class Section(Strict):
    header: str
    widgets: list[Widget] = Field(min_length=1, max_length=100)


class Header(Strict):
    title: str


class Card(Strict):
    header: Header
    sections: list[Section] = Field(min_length=1, max_length=100)


class CardWithId(Strict):
    cardId: str
    card: Card


class ChatMessage(Strict):
    text: str
    cardsV2: list[CardWithId] = Field(min_length=1, max_length=1)


def google_chat_takes(body: dict[str, Any]) -> None:
    ChatMessage.model_validate(body)
    assert len(json.dumps(body)) < 32_000


def slack_takes(body: dict[str, Any]) -> None:
    assert body.keys() == {"text", "blocks"}
    assert len(body["blocks"]) <= 50
    for block in Block.parse_all(body["blocks"]):
        block.validate_json()
        assert block.to_dict()["type"] == "section"
        assert len(block.to_dict()["text"]["text"]) <= 3000


TAKES: dict[str, Callable[[dict[str, Any]], None]] = {"slack": slack_takes, "google_chat": google_chat_takes}


class Deployed:
    """The function as the cloud calls it, on a store of its own."""

    def __init__(self, store: EmbeddedStore, **env: str) -> None:
        self.ports = Ports(load(env), store, MemoryPublisher())
        composition.install(self.ports)
        app = deployed(main, "notify")
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", timeout=60)

    async def minute(self) -> tuple[int, dict[str, Any]]:
        """Call it once."""
        answer = await self._client.post("/", content=b"{}")
        return answer.status_code, answer.json()


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    async with serving() as chat:
        yield chat


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    database = await Database.open(tmp_path)
    yield EmbeddedStore(database, project="p", authid="test")
    composition.install(None)
    await database.close()


async def pause(store: EmbeddedStore, *task_ids: str, **fields: Any) -> None:
    """Let approvals wait in a store."""
    world = World(REFUND[1])
    await world.classify(REFUND[0])
    document = await world.approval("t1")
    (clock,) = await store.read("switches/clock")
    shift = clock.read_time - BEGINNING
    times = {name: document[name] + shift for name in ("requested_at", "expires_at")}
    for task_id in task_ids:
        data = document | times | {"task_id": task_id} | fields
        await store.commit(Write(f"approvals/{task_id}", data, ABSENT))


def env_of(chat: Chat, format: str, **more: str) -> dict[str, str]:
    return {"NOTIFY_WEBHOOK_URL": f"{chat.url}{TARGETS[format]}\n", "NOTIFY_FORMAT": format, **more}


@pytest.mark.parametrize("format", TARGETS)
async def test_webhook_gets_what_its_vendor_documents(
    format: str, chat: Chat, store: EmbeddedStore, capsys: pytest.CaptureFixture[str]
) -> None:
    await pause(store, *(f"t{n}" for n in range(7)))
    function = Deployed(store, **env_of(chat, format, CONSOLE_PORT="9999"))
    assert await function.minute() == (200, {"main": "told"})
    assert await function.minute() == (200, {"main": "nothing_new"})
    [post] = chat.posts
    TAKES[format](post.body)
    assert post.target == TARGETS[format]
    assert "content-type: application/json" in post.headers
    assert "authorization" not in post.headers
    assert post.body["text"] == "Switchyard: 7 tasks wait for a decision"
    assert "http://127.0.0.1:9999/tasks/t0" in json.dumps(post.body)
    assert SECRET not in capsys.readouterr().out


@pytest.mark.parametrize("format", TARGETS)
@pytest.mark.parametrize(
    ("status", "end"), [(500, "not_told"), (503, "not_told"), (429, "not_told"), (404, "webhook_refused")]
)
async def test_message_that_was_not_taken_is_sent_again_and_the_url_is_not_logged(
    format: str, status: int, end: str, chat: Chat, store: EmbeddedStore, capsys: pytest.CaptureFixture[str]
) -> None:
    await pause(store, "t1")
    chat.statuses = [status, 200]
    function = Deployed(store, **env_of(chat, format))
    assert await function.minute() == (200, {"main": end})
    await pause(store, "t2")
    assert await function.minute() == (200, {"main": "told"})
    assert chat.said == "Switchyard: 2 tasks wait for a decision"
    logged = capsys.readouterr().out
    assert ('"severity":"ERROR"' in logged) == (end == "webhook_refused")
    assert SECRET not in logged


async def test_chat_that_never_answers_stops_nothing_else(chat: Chat, store: EmbeddedStore) -> None:
    (clock,) = await store.read("switches/clock")
    soon = {
        "requested_at": clock.read_time - timedelta(minutes=30),
        "expires_at": clock.read_time + timedelta(minutes=1),
    }
    await pause(store, "t1", **soon)
    chat.statuses = [HANGS, 200]
    async with serving() as other:
        escalation = f"{other.url}{TARGETS['slack']}"
        function = Deployed(store, **env_of(chat, "slack", ESCALATION_WEBHOOK_URL=escalation))
        assert await function.minute() == (200, {"main": "not_told", "escalation": "told"})
        assert await function.minute() == (200, {"main": "told", "escalation": "nothing_new"})
        said = "Switchyard: 1 approval is about to expire"
        assert [post.body["text"] for post in (*chat.posts, *other.posts)] == [said] * 3


async def test_field_of_another_type_in_an_approval_hides_no_other(chat: Chat, store: EmbeddedStore) -> None:
    for n, junk in enumerate(("zzz", "", 7, None, True, {"a": 1}, [1])):
        await pause(store, f"odd{n}", requested_at=junk)
    await pause(store, "t1")
    function = Deployed(store, **env_of(chat, "slack"))
    await function.minute()
    assert chat.said == "Switchyard: 1 task waits for a decision"


async def test_google_takes_a_backlog_of_every_kind(chat: Chat, store: EmbeddedStore) -> None:
    (clock,) = await store.read("switches/clock")
    at, reasons = clock.read_time, [f"{'r' * 39}{n}: words" for n in range(9)]
    for n in range(9):
        await pause(store, f"{'x' * 120}{n}", reasons=reasons, intent=f"{'i' * 39}{n}")
        for state in ("FAILED", "UNKNOWN"):
            task = {"state": state, "intent": "i" * 40, "updated_at": at, "error": {"code": "c" * 40}}
            await store.commit(Write(f"tasks/{state}{'x' * 100}{n}", task, ABSENT))
        letter = {"created_at": at, "task_id": "t" * 128, "reason": "r" * 40, "outcome": "o" * 40, "subscription": ""}
        await store.commit(Write(f"dead_letters/{n}", letter, ABSENT))
    for format in TARGETS:
        await store.commit(Write("notifications/main", {}, None))
        await Deployed(store, **env_of(chat, format, CONSOLE_URL=f"https://{'c' * 60}.example.com")).minute()
        TAKES[format](chat.posts[-1].body)
    assert len(chat.posts) == 2
