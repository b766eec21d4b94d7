"""Who works on a task, who looks at it, and what they write beside it. Pure.

None of this is an arrow of the lifecycle: state, generation, parameters, history and `updated_at` stay as they are.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.errors import Refused, Unprocessable
from shared.task.moves import Person
from shared.task.schemas import MAX_NOTE_CHARS, MAX_NOTES, Looking, Note, TaskRecord, TaskRow

LOOK = timedelta(seconds=90)  # long enough that a page which says so every half minute may fail to once
RENEWED_BELOW = timedelta(seconds=70)  # what is left of a look; above, saying so again is no write


def wants_somebody(record: TaskRow) -> bool:
    """Whether a person has something to do about it. What runs by itself is not written to for being looked at."""
    return record.state in ("AWAITING_APPROVAL", "UNKNOWN") or (record.state == "FAILED" and not record.closed_at)


def looks(record: TaskRow, now: datetime) -> str:
    """Return who has it open now, where it wants somebody; an empty string: nobody, as far as is known."""
    known = record.looking
    # A look that lasts longer than any does is of a clock that was ahead.
    return known.by if known and wants_somebody(record) and now < known.until <= now + LOOK else ""


def assigned(record: TaskRecord, person: Person, *, take: bool, over: str = "") -> TaskRecord:
    """Make it this person's work, or nobody's. `over`: whose it was when they looked, if it was somebody else's.

    Raises:
        Refused: `taken`: it is somebody else's meanwhile.
    """
    if record.assignee not in ("", person.name, over):
        raise Refused(f"{record.assignee} has taken it; ask them, or take it over", code="taken")
    name = person.name if take else ""
    return record if name == record.assignee else record.model_copy(update={"assignee": name})


def noted(record: TaskRecord, person: Person, text: str, now: datetime) -> TaskRecord:
    """Add what somebody wrote; the same words sent twice are written once.

    Raises:
        Unprocessable: `bad_note`: it is empty or too long.
        Refused: `too_many_notes`: none is thrown away for another.
    """
    text = text.replace("\r\n", "\n").strip()  # a form sends two characters for each of its line ends
    if not 0 < len(text) <= MAX_NOTE_CHARS:
        raise Unprocessable(f"a note has 1 to {MAX_NOTE_CHARS:,} characters", code="bad_note", field="/text")
    if record.notes and (record.notes[-1].by, record.notes[-1].text) == (person.name, text):
        return record
    if len(record.notes) >= MAX_NOTES:
        raise Refused(f"it has {MAX_NOTES} notes already; go on in the ticket itself", code="too_many_notes")
    return record.model_copy(update={"notes": [*record.notes, Note(at=now, by=person.name, text=text)]})


def looked_at(record: TaskRecord, person: Person, now: datetime) -> TaskRecord:
    """Say that this person has it open, unless somebody else has: who came first is who others are told of."""
    if not wants_somebody(record) or looks(record, now) not in ("", person.name):
        return record
    known = record.looking
    if known and looks(record, now) and known.until - now > RENEWED_BELOW:
        return record
    return record.model_copy(update={"looking": Looking(by=person.name, until=now + LOOK)})
