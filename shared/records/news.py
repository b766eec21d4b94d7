"""What a source tells of a task that exists: its words were edited or deleted, its effect turned out otherwise.

Called by `classify`, which reads the event, and by `decisions` for the tasks that asked the like.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.errors import NotFound, Retry, Skip
from shared.event.payload import view_of
from shared.event.reading import Echo, Reading
from shared.intent.registry import Registry
from shared.records.approvals import change_both
from shared.records.documents import change
from shared.records.outbox import pay
from shared.task.repair import reconciled, reversed_
from shared.task.schemas import MAX_FOLLOWUP_CHARS, Followup, FollowupKind, TaskRecord
from shared.task.subjects import Wish
from shared.task.waiting import follow_up
from shared.wiring.composition import Ports

WORDS = {
    "edited": "changed_since: the words were edited after they were read",
    "deleted": "withdrawn: the words were deleted after they were read",
    "id_reused": "id_reused: something else came under the same id, now",
    "repeated": "repeated: the like is asked by",
    "approved": "repeated: the like was approved as",
}


async def revised(ports: Ports, record: TaskRecord, reading: Reading) -> TaskRecord:
    """Tell a task that the words it was made of were edited or deleted.

    Raises:
        Skip: it was told before.
        StoreUnavailable: it was not told.
    """
    text = "\n\n".join(view_of(reading).texts.values())
    kind: FollowupKind = "deleted" if reading.does == "deleted" else "edited"
    revision = reading.fact.revision[:200]
    return await tell(ports, record.task_id, kind=kind, revision=revision, text=text[:MAX_FOLLOWUP_CHARS])


async def tell(
    ports: Ports, task_id: str, *, kind: FollowupKind, revision: str = "", text: str = "", about: str = ""
) -> TaskRecord:
    """Add one followup to a task and to what people decide on; a task whose effect has not begun waits for a person.

    Raises:
        Skip: it was told before.
        NotFound: there is no such task.
        StoreUnavailable: it was not told.
    """
    patience = timedelta(seconds=ports.settings.approval_ttl_s)
    reason = f"{WORDS.get(revision) or WORDS[kind]} task {about}" if about else WORDS[kind]

    def arrow(record: TaskRecord, now: datetime) -> TaskRecord:
        told = Followup.model_validate(
            {"kind": kind, "at": now, "revision": revision, "text": text, "task_id": about or None}
        )
        after = follow_up(record, told, reason, now, patience=patience)
        return after.model_copy(update={"noted_at": now}) if _is_for_people(after, kind, ports.registry) else after

    _, after = await change_both(ports, task_id, arrow)
    return after


def _is_for_people(record: TaskRecord, kind: FollowupKind, registry: Registry) -> bool:
    """Whether somebody has to hear of words that were taken back: nothing of ours undoes what was done."""
    intent = registry.get(record.intent)
    has_weight = intent is not None and intent.policy.risk in ("money", "goods")
    is_done = record.state == "SUCCEEDED" or record.effect.possibly_applied
    return kind in ("edited", "deleted") and has_weight and is_done


async def tell_others(ports: Ports, like: Sequence[Wish], about: str, *, approved: bool = False) -> None:
    """Tell tasks that wait that another one asks the like, or was approved; best effort: `start` asks again."""
    for wish in like:
        try:
            await tell(ports, wish.task_id, kind="repeated", revision="approved" if approved else "", about=about)
        except (Skip, NotFound, Retry):
            continue


async def proven(ports: Ports, record: TaskRecord, echo: Echo) -> TaskRecord:
    """Move a task by what an event about its own effect proves.

    Raises:
        Skip: nothing is left to prove, or it is another effect.
        Retry: a worker is at it; the event comes again.
    """
    if echo.effect_key != record.effect_key:
        raise Skip(code="other_effect")
    if record.state in ("READY", "EXECUTING"):
        raise Retry("the task is still under way; the event is looked at again", code="task_busy")
    if record.state == "SUCCEEDED" and echo.verdict == "not_applied":
        changed = await change(ports.store, record.task_id, reversed_)
    elif record.state == "UNKNOWN" and echo.verdict:
        verdict = echo.verdict
        changed = await change(
            ports.store, record.task_id, lambda r, now: reconciled(r, record.generation, verdict, now)
        )
    else:
        raise Skip(code="already_done")
    await pay(ports, changed.after, changed.version)
    return changed.after
