"""An author whom a platform authenticated in, their e-mail address as that platform's users API knows it out.

Looked up once by id and remembered in the task's record. A lookup that fails holds nothing up: the task goes on without
an address, and the gate asks a person. A source is looked up where `<SOURCE>_USERS_API_URL` is set, with a key of its
own that can only read: `<SOURCE>_USERS_API_KEY`, sent as Bearer token, or, with a colon in it, as Basic credentials.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from shared.event.mailbox import address
from shared.event.requester import Author
from shared.intent.declaration import Provider
from shared.intent.http import Http
from shared.intent.outcomes import HandlerOutcome
from shared.logs import log
from shared.wiring.lanes import Pool
from shared.wiring.outbound import Outbound
from shared.wiring.providers import ProviderSettings, provider_settings

LOOKUP_TIMEOUT_S = 5.0
KEPT_S = 600.0
FAILURE_KEPT_S = 30.0  # a users API that is down is not asked again by every ticket of the same person
MAX_KEPT = 2_000

Ask = Callable[[Http, Author, Mapping[str, str]], Awaitable[str | None]]


class People(Protocol):
    """Whoever knows people's addresses."""

    async def email_of(self, author: Author) -> str | None:
        """Return the verified address of an author, or None where it is hidden, unverified or cannot be looked up.

        Never raises, and answers within 2 seconds.
        """


class Directory:
    """`People` over the vendors' users APIs; remembers up to 2,000 answers for ten minutes."""

    def __init__(
        self,
        pool: Pool,
        *,
        allow_private: bool,
        max_in_flight: int,
        env: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the settings; nothing is sent."""
        found = {source: provider_settings(directory, env) for source, (directory, _) in DIRECTORIES.items()}
        self._settings = {source: settings for source, settings in found.items() if settings.url}
        self._pool, self._allow_private, self._max_in_flight = pool, allow_private, max_in_flight
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str, str], tuple[str | None, float]] = OrderedDict()

    async def email_of(self, author: Author) -> str | None:
        """As `People.email_of`."""
        if author.source not in self._settings or not author.id:
            return None
        key = (author.source, author.site, author.id)
        email, until = self._kept.get(key, (None, 0.0))
        if self._clock() < until:
            return email
        email, kept_s = await self._ask(author)
        self._kept[key] = (email, self._clock() + kept_s)
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return email

    async def _ask(self, author: Author) -> tuple[str | None, float]:
        """Return the address and for how many seconds it may be remembered."""
        settings, (_, ask) = self._settings[author.source], DIRECTORIES[author.source]
        began = asyncio.get_running_loop().time()
        http = Outbound(
            settings.url,
            name=author.source,
            token=settings.token,
            allow_private=self._allow_private,
            max_in_flight=self._max_in_flight,
            deadline=began + LOOKUP_TIMEOUT_S,
            pool=self._pool,
        )
        try:
            async with asyncio.timeout(LOOKUP_TIMEOUT_S):
                said = await ask(http, author, _credentials(settings))
        except (HandlerOutcome, TimeoutError) as error:
            code = error.code if isinstance(error, HandlerOutcome) else "timeout"
            log("WARNING", "requester_lookup_failed", source=author.source, error_code=code)
            return None, FAILURE_KEPT_S
        return (address(said) if said and "@" in said else None), KEPT_S


def _credentials(settings: ProviderSettings) -> Mapping[str, str]:
    """Return the header of a key with a colon (`agent@example.com/token:abc`); any other goes as Bearer token."""
    if ":" not in settings.token:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(settings.token.strip().encode()).decode()}"}


async def _zendesk(http: Http, author: Author, headers: Mapping[str, str]) -> str | None:
    """https://developer.zendesk.com/api-reference/ticketing/users/users/ (read 2026-11-29): `verified` says whether any
    of the user's identities is; `active` is false for deleted users.
    """
    reply = await http.call(
        "GET", "/api/v2/users/{id}.json", fill={"id": author.id}, headers=headers, expect=(200, 404)
    )
    user = _object(reply.get("user"))
    if str(user.get("id")) != author.id or user.get("verified") is not True or user.get("active") is False:
        return None
    return None if user.get("suspended") is True else _text(user.get("email"))


async def _slack(http: Http, author: Author, headers: Mapping[str, str]) -> str | None:
    user = await slack_user(http, author, headers)
    return _text(_object(user.get("profile")).get("email"))


async def slack_user(http: Http, author: Author, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Return a person of the workspace `author.site` as Slack knows them; nothing of programs and of other workspaces.

    https://docs.slack.dev/reference/methods/users.info (read 2026-11-29): the address needs the scopes `users:read` and
    `users:read.email`; people of other workspaces have another `team_id`, or `is_stranger`.

    Raises:
        HandlerOutcome: Slack does not say.
    """
    reply = await http.call("GET", "/api/users.info", params={"user": author.id}, headers=headers)
    if reply.get("ok") is not True and reply.get("error") not in ("user_not_found", "user_not_visible"):
        raise HandlerOutcome("Slack refuses the lookup", code="slack_refused")
    user = _object(reply.get("user"))
    is_ours = author.site and user.get("team_id") == author.site and user.get("id") == author.id
    return {} if not is_ours or any(user.get(flag) for flag in ("is_stranger", "is_bot", "deleted")) else user


async def _jira(http: Http, author: Author, headers: Mapping[str, str]) -> str | None:
    """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-users/ (read 2026-11-29): `emailAddress` is
    null or missing where the person hides it. Only `accountType` atlassian stands for an address that was confirmed:
    an app has none, and a portal's customer may have written any.
    """
    reply = await http.call(
        "GET", "/rest/api/3/user", params={"accountId": author.id}, headers=headers, expect=(200, 404)
    )
    is_person = reply.get("accountType") == "atlassian" and reply.get("active") is not False
    return _text(reply.get("emailAddress")) if is_person and reply.get("accountId") == author.id else None


# Where each source's people are looked up, and how.
DIRECTORIES: Mapping[str, tuple[Provider, Ask]] = {
    "jira": (Provider("jira_users", url=""), _jira),
    "slack": (Provider("slack_users", url=""), _slack),
    "zendesk": (Provider("zendesk_users", url=""), _zendesk),
}


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
