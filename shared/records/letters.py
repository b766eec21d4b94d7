"""Dead letters that people see to: their task runs again, or the message is sent once more; then the letter is closed.

The work comes before the mark. A crash between them leaves the letter open: to redrive it again is refused by the task,
which has moved on, and a message sent twice is one task by its id.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared import tracing
from shared.entries import ANY_INTENT
from shared.errors import Conflict, NotFound, Refused, Unprocessable
from shared.gate.doors import Look, must_be_allowed, must_be_approver, must_be_current
from shared.records import repairs
from shared.records.documents import task_path, to_record, tombstone_in
from shared.task.letter import DeadLetter
from shared.task.moves import Person
from shared.task.schemas import SCHEMA_VERSION
from shared.topics import EVENTS, PARKED, TASKS, TASKS_EXPRESS
from shared.wiring.composition import Ports
from shared.wiring.ports import Row, Snapshot, Store, Write

LETTER_ID = re.compile(r"[0-9a-f]{64}")
LETTER_NAME = re.compile(r"[0-9a-f]{8,64}")  # an id or its beginning


async def letter_named(store: Store, text: str) -> str:
    """Return the id of the letter that has this id, or whose id begins so, as lists show it.

    Raises:
        NotFound: there is none.
        Refused: `ambiguous`: there are several.
    """
    if LETTER_ID.fullmatch(text):
        return text
    place = Row(f"dead_letters/{text}", {}, "", datetime.min.replace(tzinfo=UTC))
    rows = await store.query_rows("dead_letters", ("reason",), limit=2, after=place)
    found = [row.id for row in rows if row.id.startswith(text)]
    if len(found) > 1:
        raise Refused("several dead letters begin so; give more of the id", code="ambiguous", field="letter_id")
    if not found:
        raise NotFound("there is no such dead letter", code="letter_not_found", field="letter_id")
    return found[0]


@dataclass(frozen=True, slots=True)
class Redriven:
    """What was done: the task's new state, or `sent` where the message itself went on its way."""

    state: str


async def redrive_letter(
    ports: Ports,
    letter_id: str,
    person: Person,
    *,
    reason: str,
    not_applied: bool = False,
    look: Look | None = None,
) -> Redriven:
    """Run the letter's task again; where it never became a task, publish its bytes to the topic they came from.

    `look` is what was seen of its task, `not_applied` what was found at the provider about it.

    Raises:
        NotFound: there is no such letter.
        Refused: it was seen to already, its bytes were cut, nobody reads its topic, or the task refuses.
        Unprocessable, Forbidden: as for `repairs.redrive`; or there is a task, and nobody has looked at it.
    """
    snapshot, letter = await _open(ports, letter_id)
    task = await _task(ports, letter)
    if task is not None:
        record = to_record(task)
        if look is None:
            raise Unprocessable("this letter is of a task: say its generation and params_hash", field="/generation")
        after = await repairs.redrive(ports, record.task_id, person, look, reason=reason, not_applied=not_applied)
        done = Redriven(after.state)
    else:
        must_be_approver(ports.registry, ports.settings, ANY_INTENT, person)  # it has no intent of its own
        await _send(ports, letter)
        done = Redriven("sent")
    await _mark(ports, snapshot, letter, person, reason)
    return done


async def close_letter(
    ports: Ports, letter_id: str, person: Person, *, reason: str, look: Look | None = None
) -> Redriven:
    """Say that nothing is left to do about a letter.

    Raises:
        NotFound, Refused, Forbidden: as for `redrive_letter`; its task is looked at only where somebody says so.
    """
    snapshot, letter = await _open(ports, letter_id)
    task = await _task(ports, letter)
    stone = tombstone_in(task) if task else None
    if task is None or stone:
        must_be_approver(ports.registry, ports.settings, stone.intent if stone else ANY_INTENT, person)
    else:
        record = to_record(task)
        must_be_allowed(ports.registry, ports.settings, record, person)
        if look is not None:
            must_be_current(record, look)
    await _mark(ports, snapshot, letter, person, reason)
    return Redriven("closed")


async def _open(ports: Ports, letter_id: str) -> tuple[Snapshot, DeadLetter]:
    if not LETTER_ID.fullmatch(letter_id):
        raise NotFound("there is no such dead letter", code="letter_not_found")
    (snapshot,) = await ports.store.read(f"dead_letters/{letter_id}")
    if snapshot.data is None:
        raise NotFound("there is no such dead letter", code="letter_not_found")
    letter = DeadLetter.model_validate(snapshot.data)
    if letter.redriven_at is not None:
        raise Refused(f"{letter.redriven_by} has seen to this letter already", code="already_redriven")
    return snapshot, letter


async def _task(ports: Ports, letter: DeadLetter) -> Snapshot | None:
    """Return the document of the task that a letter is of, or None where it never became one."""
    if letter.task_id is None:
        return None
    (task,) = await ports.store.read(task_path(letter.task_id))
    return None if task.data is None else task


async def _send(ports: Ports, letter: DeadLetter) -> None:
    if letter.truncated:
        raise Refused("the message was too long to be kept whole; its source has to send it again", code="truncated")
    topic = letter.subscription.removeprefix(ports.settings.topic_prefix)
    if topic not in (EVENTS, TASKS, TASKS_EXPRESS, *(i.topic for i in ports.registry.values())):
        raise Refused("nobody reads the topic of this message any more", code="topic_gone")
    attributes = {"schema_version": str(SCHEMA_VERSION)}
    if letter.source:  # it is read as when it came
        attributes |= {PARKED: "1", "source": letter.source, "media": letter.media, "reason": letter.reason}
    tracing.link(letter.traceparent)  # what comes of it goes on from there: it may have lain here for weeks
    await ports.publisher.publish(topic, base64.b64decode(letter.data), attributes)


async def _mark(ports: Ports, snapshot: Snapshot, letter: DeadLetter, person: Person, reason: str) -> None:
    now = snapshot.read_time
    closed = {"redriven_at": now, "expire_at": now + timedelta(days=ports.settings.retention_days)}
    said = {"redriven_by": person.name[:200], "redriven_why": reason[:300]}
    marked = letter.model_copy(update=closed | said)
    try:
        await ports.store.commit(Write(snapshot.path, marked.model_dump(), snapshot.version))
    except Conflict:
        raise Refused("somebody else has just seen to this letter", code="already_redriven") from None
