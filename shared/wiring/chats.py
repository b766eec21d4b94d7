"""The APIs of chats: a card posted, and drawn anew; who somebody is in Slack. They never retry: the next minute does.

One object serves one run of a function, within `WITHIN_S` in all.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from shared.canonical import sha256_hex
from shared.chat import google_chat, slack
from shared.chat.card import Card
from shared.chats import ChatName
from shared.event.mailbox import address
from shared.event.requester import Author
from shared.intent.declaration import Provider
from shared.intent.http import Http
from shared.intent.outcomes import NotApplied, Permanent
from shared.wiring.composition import Ports
from shared.wiring.outbound import Outbound
from shared.wiring.people import slack_user
from shared.wiring.providers import ProviderSettings, provider_settings

SLACK = Provider("slack_approvals", url="https://slack.com")
GOOGLE_CHAT = Provider("google_chat_approvals", url="https://chat.googleapis.com", key=False)
SCOPE = "https://www.googleapis.com/auth/chat.bot"
WITHIN_S = 8.0
MAX_IN_FLIGHT = 5  # of this instance, to one chat
# https://docs.slack.dev/reference/methods/chat.update (read 2026-11-30): errors of a message that nobody can mend.
GONE = frozenset({"message_not_found", "channel_not_found", "is_archived", "cant_update_message", "edit_window_closed"})

_SLACK_ID = re.compile(r"[A-Z0-9]{1,40}")
_GOOGLE_MESSAGE = re.compile(r"spaces/([A-Za-z0-9._-]{1,100})/messages/([A-Za-z0-9._-]{1,200})")


class Chat(Protocol):
    """A place where cards are shown. All of it raises `HandlerOutcome` as `Http.call` does."""

    name: ChatName

    async def post(self, card: Card) -> str:
        """Show a card, and return what names the message; the same card posted twice may be shown twice."""

    async def update(self, message: str, card: Card) -> None:
        """Draw the card anew.

        Raises:
            Permanent: the message is gone, and there is nothing to draw on.
        """


def chats(ports: Ports) -> list[Chat]:
    """Return where cards are shown."""
    found: list[Chat] = []
    if ports.settings.chats.slack_channel:
        found.append(SlackChat(ports))
    if ports.settings.chats.google_chat_space:
        found.append(GoogleChat(ports))
    return found


class SlackChat:
    """Slack's Web API: `chat:write` for the cards, `users:read` and `users:read.email` for who pressed a button."""

    name: ChatName = "slack"

    def __init__(self, ports: Ports) -> None:
        self._http = _http(self.name, ports, provider_settings(SLACK))
        self._channel = ports.settings.chats.slack_channel

    async def post(self, card: Card) -> str:
        """As `Chat.post`."""
        reply = await self._call("chat.postMessage", {"channel": self._channel} | slack.message(card))
        return f"{reply['channel']}/{reply['ts']}"

    async def update(self, message: str, card: Card) -> None:
        """As `Chat.update`."""
        channel, _, ts = message.partition("/")
        await self._call("chat.update", {"channel": channel, "ts": ts} | slack.message(card))

    async def open(self, trigger_id: str, view: Mapping[str, Any]) -> None:
        """Open a modal for whoever pressed a button; Slack takes a trigger for three seconds."""
        await self._call("views.open", {"trigger_id": trigger_id, "view": view})

    async def tell(self, channel: str, user: str, text: str) -> None:
        """Say something to one person in the channel."""
        await self._call("chat.postEphemeral", {"channel": channel, "user": user, "text": text})

    async def address_of(self, team: str, user: str) -> str | None:
        """Return the confirmed address of a full member of the workspace; None of guests, strangers and programs.

        https://docs.slack.dev/reference/objects/user-object (read 2026-11-30)
        """
        if not (_SLACK_ID.fullmatch(team) and _SLACK_ID.fullmatch(user)):
            return None
        # In a channel shared with another company the event may name theirs, whose people are no strangers there.
        ours, found = await asyncio.gather(
            self._call("auth.test", {}), slack_user(self._http, Author("slack", team, user))
        )
        if ours.get("team_id") != team or any(found.get(flag) for flag in ("is_restricted", "is_ultra_restricted")):
            return None
        profile, is_confirmed = found.get("profile"), found.get("is_email_confirmed", False)
        email = profile.get("email") if isinstance(profile, dict) else None
        return address(email) if isinstance(email, str) and "@" in email and is_confirmed is True else None

    async def _call(self, method: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        reply = await self._http.call("POST", f"/api/{method}", json=body)
        if reply.get("ok") is not True:
            error = str(reply.get("error"))
            kind = Permanent if error in GONE else NotApplied
            raise kind(f"Slack refuses {method}: {error}", code="slack_refused")
        data: Mapping[str, Any] = reply.data
        return data


class GoogleChat:
    """The Chat API, as the app itself: its service account has to be a Chat app's, and a member of the space."""

    name: ChatName = "google_chat"

    def __init__(self, ports: Ports) -> None:
        self._ports, self._settings = ports, provider_settings(GOOGLE_CHAT)
        self._space = ports.settings.chats.google_chat_space
        self._http: Http | None = None

    async def post(self, card: Card) -> str:
        """As `Chat.post`; the API takes a request's id once, so it is shown once."""
        once = sha256_hex(f"{card.task_id} {card.look.generation}".encode())[:32]
        reply = await (await self._authorized()).call(
            "POST", f"/v1/{self._space}/messages", params={"requestId": once}, json=google_chat.message(card)
        )
        return str(reply.get("name"))

    async def update(self, message: str, card: Card) -> None:
        """As `Chat.update`."""
        if not (place := _GOOGLE_MESSAGE.fullmatch(message)):
            raise Permanent("Google Chat does not say which message it is", code="no_message")
        await (await self._authorized()).call(
            "PATCH",
            "/v1/spaces/{space}/messages/{message}",
            fill={"space": place[1], "message": place[2]},
            params={"updateMask": "text,cardsV2"},
            json=google_chat.message(card),
        )

    async def _authorized(self) -> Http:
        """Return the API with a token of ours; on this machine nobody checks one."""
        if self._http is None:
            token = "" if self._ports.settings.local else await soon(_token)
            self._http = _http(self.name, self._ports, ProviderSettings(self._settings.url, token, {}))
        return self._http


def _http(name: str, ports: Ports, settings: ProviderSettings) -> Http:
    return Outbound(
        settings.url,
        name=name,
        token=settings.token,
        allow_private=ports.settings.local,
        max_in_flight=MAX_IN_FLIGHT,
        deadline=asyncio.get_running_loop().time() + WITHIN_S,
        pool=ports.pool,
    )


async def soon(token: Callable[[], str]) -> str:
    """Return what `token` does.

    Raises:
        NotApplied: Google gives none; nothing was sent.
    """
    from google.auth.exceptions import GoogleAuthError

    try:
        return await asyncio.wait_for(asyncio.to_thread(token), WITHIN_S)
    except (TimeoutError, GoogleAuthError):
        raise NotApplied("Google gives no token for the Chat API", code="no_token") from None


def _token() -> str:
    """Return a token of this function's account for the Chat API. Blocks on the metadata server."""
    import google.auth
    from google.auth.transport.requests import Request

    credentials, _ = google.auth.default(scopes=[SCOPE])
    credentials.refresh(Request())
    return str(credentials.token)
