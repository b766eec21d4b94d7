"""What one event says anew: by whom, about which fact, in which world, and whether it is our own echo. Values only.

One pure reader per source makes a `Reading`; `shared.event.vendors` holds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Payload = Mapping[str, Any]
Does = Literal["created", "edited", "deleted"]
Voice = Literal["person", "bot", "staff", "private_note"]
Verdict = Literal["", "applied", "not_applied"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Which fact an event tells: the vendor's object on its site, and which revision of it; the first has none.

    Equal for every redelivery and for every webhook that tells of it. Only what the signature covers makes one.
    `by_words`: the key names only the object that the words belong to, so equal words about it are one fact.
    """

    key: str
    revision: str = ""
    by_words: bool = False


@dataclass(frozen=True, slots=True)
class Echo:
    """An event that our own effect caused. `effect_key` is what the effect was made with, as far as the event says.

    `verdict`: what the event proves of the effect; empty where it proves nothing new.
    """

    effect_key: str
    verdict: Verdict = ""

    @property
    def task_id(self) -> str:
        """The task whose effect it is: `{task_id}.{operation}.{seq}`."""
        return self.effect_key.rsplit(".", 2)[0]


@dataclass(frozen=True, slots=True)
class Reading:
    """One event, read. `kind` is the vendor's own name of it, for counts and logs.

    `texts` maps a JSON pointer to the words that a person newly said in this event; `email`, `id` and `name` are of
    whoever wrote exactly these words, as the platform vouches for them. `unread`: there is prose in members that the
    reader does not know.
    `site` is the account of ours that it came to: Zendesk's account id, Slack's team, Jira's host.
    `doubts` are codes of what makes a person look: another world, somebody else's workspace.
    `ignored` says why an event is nobody's request whatever it holds, such as a ping.
    """

    kind: str
    texts: Mapping[str, Any] = field(default_factory=dict)
    does: Does = "created"
    fact: Fact = Fact("-", by_words=True)
    site: str = ""
    unread: bool = False
    email: Any = None
    id: Any = None
    name: Any = None
    voice: Voice = "person"
    doubts: tuple[str, ...] = ()
    echo: Echo | None = None
    urgency: int = 1
    ignored: str = ""

    @property
    def has_words(self) -> bool:
        """Whether a person said something, whatever of it may be cut away later."""
        return any(isinstance(text, str) and text.strip() for text in self.texts.values())


def at(root: Any, pointer: str) -> Any | None:
    """Return the member at a JSON pointer of objects, or None where there is none."""
    for key in pointer.split("/")[1:]:
        root = root.get(key) if isinstance(root, Mapping) else None
    return root


def words(payload: Payload, pointers: Iterable[str]) -> dict[str, Any]:
    """Return the members at these pointers, by pointer."""
    return {pointer: at(payload, pointer) for pointer in pointers}


def joined(*ids: Any) -> str | None:
    """Return ids (text or integers) as one key, or None if one of them is missing."""
    found = [str(i) for i in ids if isinstance(i, str | int) and not isinstance(i, bool) and i != ""]
    return ":".join(found) if len(found) == len(ids) else None


def fact(key: str | None, revision: Any = "", *, by_words: bool = False) -> Fact:
    """Return the fact of a key; where the event names none, its words are all that tells it from others."""
    return Fact(key, str(revision or ""), by_words) if key else Fact("-", by_words=True)
