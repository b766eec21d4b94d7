"""What people's decisions say of the classifier, `labels/{task_id}`: written with a decision, kept without its task."""

from __future__ import annotations

from shared.settings import Settings
from shared.task.label import Judgement, Label, judgement, label
from shared.task.schemas import TaskRecord
from shared.task.undo import UNDONE
from shared.wiring.ports import Document


def label_path(task_id: str) -> str:
    """Return the path of a task's label."""
    return f"labels/{task_id}"


def label_of(before: TaskRecord, after: TaskRecord, known: Document | None, settings: Settings) -> Label | None:
    """Return the label that comes with a change of a task; None: nobody has decided by it, or what is `known` stays.

    A task that nobody had decided and that somebody runs again was not drawn: only what looks right is run again. So it
    is no proof, and takes nothing away that is.
    """
    if known is not None and after.history[-1].why == UNDONE and after.history[-1] not in before.history[-1:]:
        # It was a slip: what it said is no proof of anything.
        last = after.history[-1]
        return label(after, Judgement("other", None, None), by=last.by, at=last.at, settings=settings)
    given, judged = after.approval, judgement(after)
    if given is None or judged is None or given == before.approval:
        return None
    was_asked = before.state == "AWAITING_APPROVAL" or before.approval is not None
    drawn = after.decision.drawn if was_asked else ""
    if known is not None and known.get("drawn") and not drawn:
        return None
    return label(after, judged, by=given.by, at=given.at, settings=settings, drawn=drawn)
