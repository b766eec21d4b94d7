"""Documents that cannot be read are put back in the line, so that they stand before no other for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.errors import Conflict, Retry
from shared.wiring.composition import Ports
from shared.wiring.ports import Row, Snapshot, Write

SHORTEST, LONGEST = timedelta(minutes=2), timedelta(hours=1)


async def put_back(ports: Ports, found: Snapshot | Row, member: str, now: datetime) -> None:
    """Set the time `member`, by which a document is due, to later; nothing else in it changes.

    A later version of this code may have written it, and reads it again once it is back: what has changed lately is
    looked at again soon, and the pause grows as nothing happens.
    """
    updated_at = (found.data or {}).get("updated_at")
    age = now - updated_at if isinstance(updated_at, datetime) else LONGEST
    later = {member: now + min(max(age, SHORTEST), LONGEST)}
    try:
        await ports.store.commit(Write(found.path, later, found.version, others_stay=True))
    except (Conflict, Retry):
        return  # it was written meanwhile, or is still due: the next sweep sees to it
