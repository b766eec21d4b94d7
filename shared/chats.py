"""Where people in a chat decide: a part of the settings, read from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.errors import SettingError

ChatName = Literal["slack", "google_chat"]

# https://developers.google.com/workspace/chat/verify-requests-from-chat (read 2026-11-30): the account that signs. Apps
# made since then have one of their own, which the Chat API's configuration page shows.
GOOGLE_CHAT_CALLER = "chat@system.gserviceaccount.com"
_CHANNEL = re.compile(r"[CG][A-Z0-9]{6,20}")
_SPACE = re.compile(r"spaces/[A-Za-z0-9_-]{3,60}")
_URL = re.compile(r"https?://[!-~]+")
_ACCOUNT = re.compile(r"[a-z0-9@.-]+\.gserviceaccount\.com")


@dataclass(frozen=True, slots=True)
class Chats:
    """Where tasks that wait are shown with buttons; empty: not there."""

    slack_channel: str = ""
    google_chat_space: str = ""
    google_chat_audience: str = ""  # the address of ours that Google Chat calls, which its tokens are for
    google_chat_caller: str = GOOGLE_CHAT_CALLER

    @property
    def names(self) -> tuple[ChatName, ...]:
        """The chats in which people decide."""
        there: dict[ChatName, str] = {"slack": self.slack_channel, "google_chat": self.google_chat_space}
        return tuple(name for name, place in there.items() if place)

    @property
    def on(self) -> bool:
        """Whether anybody decides in a chat."""
        return bool(self.names)


def read(env: Mapping[str, str]) -> Chats:
    """Return the chats that `env` says.

    Raises:
        SettingError: a variable cannot be used.
    """

    def matching(name: str, form: re.Pattern[str], default: str, wanted: str) -> str:
        value = env.get(name, "").strip()
        if value and not form.fullmatch(value):
            raise SettingError(f"{name} is {value!r}; it must be {wanted}", field=name)
        return value or default

    return Chats(
        slack_channel=matching("SLACK_APPROVALS_CHANNEL", _CHANNEL, "", "a channel's id, such as C0123456789"),
        google_chat_space=matching("GOOGLE_CHAT_APPROVALS_SPACE", _SPACE, "", "such as spaces/AAAAbcDEfgh"),
        google_chat_audience=matching("GOOGLE_CHAT_APPROVALS_AUDIENCE", _URL, "", "the URL that Google Chat calls"),
        google_chat_caller=matching(
            "GOOGLE_CHAT_APPROVALS_CALLER", _ACCOUNT, GOOGLE_CHAT_CALLER, "a service account's address"
        ),
    )
