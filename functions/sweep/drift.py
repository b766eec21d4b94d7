"""The newest tickets and the certificate in; a warning out where fewer or more of them reach their threshold."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import ValidationError

from shared.calibration.drift import deviation
from shared.certificate import Certificate
from shared.errors import Conflict
from shared.logs import log
from shared.records.drift import PATH, Drift, drift_in
from shared.task.schemas import Classification
from shared.wiring.composition import Ports
from shared.wiring.ports import Row, Write

LOOK_EVERY = timedelta(hours=1)
NEWEST = 500


async def look_for_drift(ports: Ports, now: datetime) -> None:
    """Compare the newest tickets with what the certificate says of its own, once an hour; one that has run out decides
    nothing, so nobody looks.

    Raises:
        StoreUnavailable: the next sweep looks.
    """
    certificate = ports.settings.certificate
    if certificate is None or now >= certificate.valid_until:
        return
    (known,) = await ports.store.read(PATH)
    last = drift_in(known)
    if last is not None and last.model == certificate.model and timedelta(0) <= now - last.at < LOOK_EVERY:
        return
    rows = await ports.store.query_rows(
        "tasks", ("classification", "created_at"), order_by="created_at", descending=True, limit=NEWEST
    )
    reached = [r for row in rows if (r := _reaches(row, certificate)) is not None]
    share = certificate.acted_share
    found = Drift(
        at=now,
        model=certificate.model,
        seen=len(reached),
        acted=sum(reached),
        expected=share,
        z=round(deviation(sum(reached), len(reached), share), 2),
    )
    try:
        await ports.store.commit(Write(PATH, found.model_dump(), known.version))
    except Conflict:  # another sweep has looked
        return
    if found.warns:
        log(
            "WARNING",
            "what comes in is not like what the certificate was made from",
            function="sweep",
            outcome="drift",
            model=found.model,
            count=found.seen,
        )


def _reaches(row: Row, certificate: Certificate) -> bool | None:
    """Return whether a ticket reaches its threshold; None: another classifier answered, or nobody can read it."""
    try:
        said = Classification.model_validate(row.data.get("classification"))
    except ValidationError:
        return None
    if not certificate.is_of(said.model, said.prompt_version):
        return None
    line = certificate.line_for(said.intent)
    return line is not None and said.confidence >= line.threshold
