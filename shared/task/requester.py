"""Who asks, as a task's record has it: the one answer for every gate, plan and execution after its birth. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.errors import Unprocessable
from shared.event.mailbox import address
from shared.event.payload import View, requester, view
from shared.event.requester import LOOKED_UP, vouched
from shared.intent.declaration import Intent
from shared.task.schemas import Requester, TaskRecord, TaskRow
from shared.task.search_keys import keys_of

MAX_ADDRESS_CHARS = 254


def requester_of(record: TaskRecord) -> dict[str, str]:
    """Return `email`, `id` and `name` of who asks, as far as they are known."""
    if record.requester is None:  # a record of before it was kept
        return requester(record.source, record.raw_payload, record.metadata)
    return kept_requester(record)


def kept_requester(row: TaskRow) -> dict[str, str]:
    """Return the same as far as a row tells it: of a record of before the requester was kept, nothing."""
    known = row.requester.model_dump(include={"email", "id", "name"}) if row.requester else {}
    return {name: value for name, value in known.items() if value}


def view_of(record: TaskRecord) -> View:
    """Return what may be seen of the task's event, by whom the record says it is."""
    seen = view(record.source, record.raw_payload, record.metadata)
    return replace(seen, fields={"requester": requester_of(record)})


def view_at_birth(record: TaskRecord) -> View:
    """Return what the gate saw of the task's event: as `view_of`, without an address that a person named since."""
    by = record.requester.vouched_by if record.requester else ""
    is_told_since = bool(by) and not by.startswith(LOOKED_UP)
    return view(record.source, record.raw_payload, record.metadata) if is_told_since else view_of(record)


def told(record: TaskRecord, email: str, by: str) -> TaskRecord:
    """Return the record with an address of the requester that a person gave.

    Raises:
        Unprocessable: it is none.
    """
    spelled = address(email)
    name, at, domain = spelled.partition("@")
    odd = any(c.isspace() or not c.isprintable() for c in spelled) or "@" in domain
    if not (name and at and "." in domain) or odd or len(spelled) > MAX_ADDRESS_CHARS:
        raise Unprocessable("requester_email must be an e-mail address", code="bad_requester", field="/requester_email")
    asks = Requester(**vouched(requester_of(record), spelled, by))
    keys = keys_of(record.task_id, {"email": spelled}, {}, {}, known=record.keys)
    return record.model_copy(update={"requester": asks, "keys": keys})


def is_unknown(row: TaskRow, intent: Intent) -> bool:
    """Whether the intent needs to know of the requester what nobody has said."""
    return bool(_missing(requester_of(row) if isinstance(row, TaskRecord) else kept_requester(row), intent))


def _missing(known: Mapping[str, str], intent: Intent) -> list[str]:
    return [pointer for pointer in intent.needs if pointer.removeprefix("/requester/") not in known]


def must_be_known(record: TaskRecord, intent: Intent) -> None:
    """Raise `Unprocessable` if the intent needs to know of the requester what nobody has said."""
    if missing := _missing(requester_of(record), intent):
        raise Unprocessable(
            f"the event does not say whose request this is ({', '.join(missing)}); say it as requester_email",
            code="requester_unknown",
            field="/requester_email",
        )
