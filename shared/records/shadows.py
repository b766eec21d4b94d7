"""What candidates are asked and say: a budget by the day, an answer by the task, and a report over the newest.

Nothing here touches a task: it writes `router/spent` and `shadows/{task_id}`, and reads labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from shared.records.documents import transact
from shared.records.labels import label_path
from shared.task.router import MAX_FLIPS, Candidate, Flip, Report, Shadow, Spent
from shared.wiring.ports import ABSENT, Document, Filter, Snapshot, Store, Write

SPENT = "router/spent"
MOST = 1_000  # answers of a report: as many reads, and as many labels
UP_TO = 10_000
_MEMBERS = tuple(Shadow.model_fields)


async def reserve(store: Store, candidate: Candidate, tokens: int, task_id: str) -> bool:
    """Take a call of about so many tokens from today's budget; False where there is no room for it any more.

    Raises:
        StoreUnavailable, CommitUnknown: it may have been taken.
    """
    is_taken = False

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        nonlocal is_taken
        spent = _today(snapshots[SPENT])
        more = {"calls": spent.calls + 1, "tokens": spent.tokens + tokens, "last": task_id}
        after = spent.model_copy(update=more)
        is_taken = after.calls <= (candidate.calls_a_day or after.calls) and after.tokens <= (
            candidate.tokens_a_day or after.tokens
        )
        return {SPENT: after.model_dump()} if is_taken else {}

    await transact(store, (SPENT,), body)
    return is_taken


async def settle(store: Store, more: int, task_id: str) -> None:
    """Count tokens that a call took beyond what was reserved for it, or give back what it did not (negative).

    Raises:
        StoreUnavailable, CommitUnknown: what was reserved may stay counted.
    """

    def body(snapshots: Mapping[str, Snapshot]) -> Mapping[str, Document]:
        spent = _today(snapshots[SPENT])
        after = {"tokens": max(0, spent.tokens + more), "last": f"{task_id} settled"}
        return {SPENT: spent.model_copy(update=after).model_dump()}

    if more:
        await transact(store, (SPENT,), body)


async def keep(store: Store, shadow: Shadow) -> None:
    """Write what the candidate said about a task; once, for a task is put to it once.

    Raises:
        Conflict: there is an answer.
        StoreUnavailable, CommitUnknown: it may not be there.
    """
    await store.commit(Write(f"shadows/{shadow.task_id}", shadow.model_dump(), ABSENT))


async def spent_today(store: Store) -> Spent:
    """Return what today's calls took.

    Raises:
        StoreUnavailable: nothing is known.
    """
    return _today((await store.read(SPENT))[0])


async def report(store: Store, candidate: str) -> Report:
    """Return what is known of a candidate by its hash.

    Raises:
        StoreUnavailable: nothing is known.
    """
    mine = [Filter("candidate", "==", candidate)]
    rows = await store.query_rows("shadows", _MEMBERS, where=mine, order_by="at", descending=True, limit=MOST)
    total = len(rows) if len(rows) < MOST else await store.count("shadows", where=mine, up_to=UP_TO)
    shadows = [Shadow.model_validate(dict(row.data)) for row in rows]
    paths = [label_path(shadow.task_id) for shadow in shadows]
    labels = await store.read_rows(("intent",), *paths) if paths else []
    return summed(candidate, total, shadows, {row.id: row.data.get("intent") for row in labels})


def summed(candidate: str, total: int, shadows: Sequence[Shadow], labels: Mapping[str, str | None]) -> Report:
    """Return the report over these answers, newest first; `labels` has what people said that tasks were."""
    answered = [s for s in shadows if not s.error]
    judged = [s for s in answered if labels.get(s.task_id)]
    flips = [s for s in answered if s.flips]
    return Report(
        candidate=candidate,
        seen=total,
        looked_at=len(shadows),
        since=shadows[-1].at if shadows else None,
        until=shadows[0].at if shadows else None,
        failed=len(shadows) - len(answered),
        agreed=sum(s.differs == "" for s in answered),
        differs=dict(Counter(s.differs for s in answered if s.differs)),
        executes=sum(s.would == "execute" for s in answered),
        decided_executes=sum(s.decided_route == "execute" for s in answered),
        flips=len(flips),
        examples=[_flip(s, labels) for s in sorted(flips, key=lambda s: -s.confidence)[:MAX_FLIPS]],
        judged=len(judged),
        right=sum(s.intent == labels[s.task_id] for s in judged),
        decided_right=sum(s.decided_intent == labels[s.task_id] for s in judged),
        tokens=sum(s.tokens_used for s in shadows),
        latency_ms=round(median([s.latency_ms for s in answered] or [0.0]), 1),
    )


def _flip(shadow: Shadow, labels: Mapping[str, str | None]) -> Flip:
    return Flip(
        task_id=shadow.task_id,
        now=f"{shadow.decided_intent}, {shadow.decided_route}",
        would=shadow.intent,
        confidence=shadow.confidence,
        labelled=labels.get(shadow.task_id),
    )


def _today(snapshot: Snapshot) -> Spent:
    """Return what was spent on the day of the store's time."""
    day = snapshot.read_time.date().isoformat()
    try:
        spent = Spent.model_validate(snapshot.data or {"day": day})
    except ValueError:  # by another hand: nothing more is spent today than a day's budget
        return Spent(day=day)
    return spent if spent.day == day else Spent(day=day)
