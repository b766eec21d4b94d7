"""Who asks in, the key that finds all their tasks out: a keyed hash, so that the key alone names nobody. Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from shared.errors import BadRequest
from shared.event.mailbox import mailbox
from shared.task.requester import requester_of
from shared.task.schemas import Requester, TaskRecord

_AT_SOURCE = re.compile(r"[a-z][a-z0-9_-]{0,62}:\S{1,200}")


def key_of(secret: str, source: str, known: Mapping[str, str]) -> str:
    """Return the key of a requester: of their mailbox, or of their id at its source where no address is known.

    `<which secret>.<HMAC-SHA-256>`, with nothing behind the dot where nobody is known; empty without a secret.
    """
    if not secret:
        return ""
    if email := known.get("email"):
        return _key(secret, f"mailbox:{mailbox(email)}")
    return _key(secret, f"id:{source}:{known['id']}") if known.get("id") else prefix_of(secret)


def key_for(secret: str, person: str) -> str:
    """Return the key of a person as somebody names them: an e-mail address, or `<source>:<id>`.

    Raises:
        BadRequest: it is neither.
    """
    name, at, domain = person.strip().rpartition("@")
    if name and at and domain and not any(c.isspace() for c in person.strip()):
        return _key(secret, f"mailbox:{mailbox(person)}")
    if _AT_SOURCE.fullmatch(person.strip()):
        return _key(secret, f"id:{person.strip()}")
    raise BadRequest("requester must be an e-mail address, or source:id", code="bad_requester", field="/requester")


def keyed(record: TaskRecord, secret: str) -> TaskRecord:
    """Return the record with the key of whoever asks by now."""
    key = key_of(secret, record.source, requester_of(record))
    known = record.requester or Requester(**requester_of(record))
    return (
        record if known.key == key else record.model_copy(update={"requester": known.model_copy(update={"key": key})})
    )


def prefix_of(secret: str) -> str:
    """Return how all keys begin that were made with this secret, whoever they are of."""
    return f"{_digest(secret, 'which secret')[:8]}."


def _key(secret: str, who: str) -> str:
    return prefix_of(secret) + _digest(secret, who)


def _digest(secret: str, text: str) -> str:
    return hmac.digest(secret.encode(), text.encode("utf-8", "replace"), "sha256").hex()
