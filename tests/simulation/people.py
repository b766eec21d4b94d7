"""The people: they approve, reject and edit, two at once, twice, too late and wrongly, and repair what ended badly.

What somebody agreed to is told to the witness before the click: nothing else may run in their name.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from shared.canonical import params_hash
from shared.errors import BadRequest, Retry
from shared.gate.doors import Look
from shared.records import decisions, repairs
from shared.records.decisions import AS_SHOWN, Change
from shared.records.edits import Edit
from shared.records.letters import close_letter, redrive_letter
from shared.records.tombstones import entomb
from shared.task.moves import Person
from tests.simulation.loop import ACTOR, Actor, Broken, Instance
from tests.simulation.removal import is_tombstone

if TYPE_CHECKING:
    from tests.simulation.world import Run

APPROVERS = frozenset(f"{role}{number}" for role in ("person", "operator", "clerk") for number in range(2))
INTERN = "intern0"  # may write into the database, and decides nothing
REDRIVABLE = ("FAILED", "UNKNOWN", "EXPIRED", "REJECTED", "CANCELLED")
LONGEST_WAIT_S = 900.0
MAX_REPAIRS = 4
HOW = (
    "approve",
    "approve",
    "approve",
    "approve",
    "reject",
    "edit",
    "stale_hash",
    "junk_parameters",
    "write_approved",
    "write_approved",
    "write_rejected",
    "write_junk",
    "write_edited",
    "write_parameters",
    "write_comment",
    "tamper",
    "delete",
    "both",
    "cancel",
    "redrive",
)
MEDDLING = ("write_parameters", "write_parameters", "write_edited", "write_approved", "write_plan", "tamper", "delete")


def begin(run: Run) -> None:
    """Let an operator use the kill switch now and then."""
    rng = run.rng
    if rng.random() < 0.08:
        intent, at = rng.choice(list(run.fleet.registry)), rng.uniform(5, 200)
        run.later(at, run.store.write, f"switches/{intent}", {"enabled": False})
        run.later(at + rng.uniform(10, 600), run.store.write, f"switches/{intent}", {"enabled": True})


def asked(run: Run, task_id: str) -> None:
    """A task waits for a decision: nobody, one or two people look at it."""
    for number in range(run.rng.choice((0, 1, 1, 2, 2))):
        run.spawn(_decide(run, task_id, f"person{number}"))
    if run.rng.random() < 0.4:
        run.spawn(_meddle(run, task_id))


def ended(run: Run, task_id: str) -> None:
    """A task ended badly: perhaps somebody repairs it, but not for ever."""
    run.endings[task_id] += 1
    if run.endings[task_id] <= MAX_REPAIRS:
        for number in range(run.rng.choice((0, 0, 1, 1, 2))):
            run.spawn(_repair(run, task_id, f"operator{number}"))


def wants_erased(run: Run, task_id: str) -> None:
    """Somebody may want a task erased, however far it is; only what has ended is."""
    if run.aging.erased and run.rng.random() < run.aging.erased and not run.replaying:
        run.spawn(_erase(run, task_id))


async def _erase(run: Run, task_id: str) -> None:
    await asyncio.sleep(run.rng.uniform(0, LONGEST_WAIT_S))
    run.note("somebody wants {} erased", task_id)
    await _ask(run, "officer", lambda p: entomb(p, task_id))


def parked(run: Run, letter_id: str) -> None:
    """A message became a dead letter: perhaps somebody sees to it, or two do."""
    for number in range(run.rng.choice((0, 0, 1, 2))):
        run.spawn(_see_to(run, letter_id, f"clerk{number}"))


async def _decide(run: Run, task_id: str, who: str) -> None:
    rng = run.rng
    await asyncio.sleep(rng.uniform(0, LONGEST_WAIT_S if rng.random() < 0.2 else LONGEST_WAIT_S / 5))
    record = run.store.look(f"tasks/{task_id}").data
    assert record is not None, "it asked"
    if is_tombstone(record):
        return
    await asyncio.sleep(rng.uniform(0, 60))  # looks, thinks, clicks
    for _ in range(2 if rng.random() < 0.2 else 1):
        await _act(run, task_id, record, who, rng.choice(HOW))


async def _act(run: Run, task_id: str, record: dict[str, Any], who: str, how: str) -> None:
    """Do one thing with the task as it was seen."""
    run.note("{} wants to {} {}", who, how.replace("_", " "), task_id)
    if how == "both":
        run.spawn(_act(run, task_id, record, who, run.rng.choice(("approve", "reject"))))
        how = "write_approved"
    if how.startswith("write") or how in ("tamper", "delete"):
        await _write(run, task_id, record, who, how)
        if how != "tamper":
            return
    look = Look(record["generation"], record["params_hash"], alone=run.rng.random() < 0.7)
    if how == "tamper":  # and somebody approves what they see there now
        seen = run.store.look(f"approvals/{task_id}").data or {}
        look = Look(seen.get("generation", 0), seen.get("params_hash", ""))
        _consent(run, task_id, who, record["intent"], _lower(record["parameters"]))
    elif how == "stale_hash":
        look = Look(record["generation"], params_hash("order_status", 1, {"order_id": "99999"}))
    await _click(run, task_id, record, who, how, look)


async def _click(run: Run, task_id: str, record: dict[str, Any], who: str, how: str, look: Look) -> None:
    """Use the console."""
    person, intent, parameters = Person(who, "console"), None, None
    if how == "cancel":
        return await _ask(run, who, lambda p: repairs.cancel(p, task_id, person, look, reason="not wanted"))
    if how == "redrive":  # mostly too early: then it must be refused
        if look.alone:
            _consent(run, task_id, who, record["intent"], record["parameters"])
        return await _ask(run, who, lambda p: repairs.redrive(p, task_id, person, look, reason="again"))
    if how == "edit" or (how == "approve" and record["intent"] == "unclassified"):
        intent = run.witness.truth(record)["intent"]
        parameters = _lower(run.witness.truth(record)["parameters"])
        _consent(run, task_id, who, intent, parameters)
    elif how == "junk_parameters":
        parameters = {"order_id": 7, "url": "http://169.254.169.254/"}
    elif how == "approve":
        _consent(run, task_id, who, record["intent"], record["parameters"])
    if how == "reject":
        return await _ask(run, who, lambda p: decisions.decide(p, task_id, person, "reject", look, AS_SHOWN, "seen"))
    change, undoable = Change(intent, parameters), run.rng.random() < 0.5
    await _ask(
        run,
        who,
        lambda p: decisions.decide(p, task_id, person, "approve", look, change, "seen", undoable=undoable),
    )
    if run.rng.random() < 0.3:
        await asyncio.sleep(run.rng.uniform(0, 20))
        await _undo(run, task_id, who)


async def _undo(run: Run, task_id: str, who: str) -> None:
    """Think better of it, in time or too late."""
    record = run.store.look(f"tasks/{task_id}").data
    if record is None or is_tombstone(record):
        return
    look = Look(record["generation"], record["params_hash"])
    await asyncio.sleep(run.rng.uniform(0, 3))
    run.note("{} wants to undo {}", who, task_id)
    await _ask(run, who, lambda p: decisions.undo(p, task_id, Person(who, "console"), look))


async def _write(run: Run, task_id: str, record: dict[str, Any], who: str, how: str) -> None:
    """Edit the approval document in the database's console: what is not edited stays as others leave it meanwhile."""
    path = f"approvals/{task_id}"
    seen = run.store.look(path).data
    if seen is None:
        return
    if how == "delete":
        run.note("{} deletes {}", who, path)
        run.witness.owed.deleted.add(task_id)  # its event may get lost
        run.store.delete(path)
        return run.announce(Edit(task_id, Person(who, "firestore"), seen, None))
    changes: dict[str, Any] = {"status": "approved"}
    if how == "write_rejected":
        changes = {"status": "rejected"}
    elif how == "write_junk":
        changes = run.rng.choice(
            (
                {"status": "yes please"},
                {"status": None},
                {"status": "expired"},
                {"intent": 7, "status": "approved"},
                {"params_hash": "0" * 64, "status": "approved"},
            )
        )
    elif how == "write_edited":
        changes["parameters"] = _lower(seen["parameters"])
    elif how == "write_parameters":
        changes = {"parameters": _lower(seen["parameters"])}
    elif how == "write_plan":
        changes = {"plan": "nothing will happen"}
    elif how == "write_comment":
        changes = {"comment": f"{who} was here"}
    elif how == "tamper":
        changed = _lower(seen["parameters"])
        changes = {"parameters": changed, "params_hash": params_hash(record["intent"], 1, changed)}
    await asyncio.sleep(run.rng.choice((0, 0, run.rng.uniform(0, 3))))
    now = run.store.look(path).data
    if who == INTERN and "parameters" in changes:
        run.witness.meddled[task_id].append(changes["parameters"])
    if changes.get("status") == "approved":  # to what they looked at, and to what the console shows them by now
        _consent(run, task_id, who, (seen | changes)["intent"], (seen | changes)["parameters"])
        if now is not None and now.get("parameters") not in run.witness.meddled[task_id]:
            _consent(run, task_id, who, (now | changes)["intent"], (now | changes)["parameters"])
    actor = Actor(who, Instance("database console", None), "person")

    def write() -> None:
        ACTOR.set(actor)
        run.store.write(path, (now or seen) | changes)

    copy_context().run(write)


async def _meddle(run: Run, task_id: str) -> None:
    """Write into an approval without being one of those who decide, about when they do."""
    for _ in range(run.rng.choice((1, 1, 2))):
        await asyncio.sleep(run.rng.uniform(0, LONGEST_WAIT_S / 5 + 60))
        record = run.store.look(f"tasks/{task_id}").data
        if record is not None and record["state"] == "AWAITING_APPROVAL":
            await _write(run, task_id, record, INTERN, run.rng.choice(MEDDLING))


async def _repair(run: Run, task_id: str, who: str) -> None:
    """Look at the provider, then redrive or settle by what is there."""
    rng, person = run.rng, Person(who, "console")
    await asyncio.sleep(rng.uniform(0, LONGEST_WAIT_S / 30 if rng.random() < 0.5 else LONGEST_WAIT_S))
    seen = run.store.look(f"tasks/{task_id}")
    record = seen.data
    if record is None or is_tombstone(record) or record["state"] not in REDRIVABLE:
        return
    look = Look(record["generation"], record["params_hash"], seen.read_time, alone=rng.random() < 0.7)
    run.note("{} looks at {}, which is {}", who, task_id, record["state"])
    if run.provider.is_pending(_key(record)):
        return run.note("{} sees that {} is under way", who, task_id)
    happened = _happened(run, task_id, record)
    await asyncio.sleep(rng.uniform(0, 200))  # what was under way arrives meanwhile
    if record["state"] == "UNKNOWN" and rng.random() < 0.5:
        verdict: Any = "applied" if happened else "not_applied"
        return await _ask(
            run,
            who,
            lambda p: repairs.settle(p, task_id, person, look, verdict=verdict, reason="looked at the provider"),
        )
    intent, parameters = None, None
    if record["intent"] == "unclassified" or rng.random() < 0.2:
        truth = run.witness.truth(record)
        intent, parameters = truth["intent"], _lower(truth["parameters"])
    if record["state"] == "FAILED" and rng.random() < 0.1:
        return await _ask(run, who, lambda p: repairs.close(p, task_id, person, look, reason="done by hand"))
    then: Any = rng.choice((None, None, "run" if look.alone else None, "wait"))
    if look.alone and then != "wait":
        wanted = record["parameters"] if parameters is None else parameters
        _consent(run, task_id, who, intent or record["intent"], wanted)
    not_applied = not happened and rng.random() < 0.5
    await _ask(
        run,
        who,
        lambda p: repairs.redrive(
            p,
            task_id,
            person,
            look,
            reason="again",
            then=then,
            not_applied=not_applied,
            change=Change(intent, parameters),
        ),
    )


async def _see_to(run: Run, letter_id: str, who: str) -> None:
    """Look at a dead letter, and at the provider if it is of a task; then redrive or close it."""
    rng, person = run.rng, Person(who, "console")
    await asyncio.sleep(rng.uniform(0, LONGEST_WAIT_S))
    letter = run.store.look(f"dead_letters/{letter_id}").data
    assert letter is not None, "it was written"
    task_id = letter["task_id"]
    run.note("{} looks at a letter of {}", who, task_id)
    if rng.random() < 0.3:
        return await _ask(run, who, lambda p: close_letter(p, letter_id, person, reason="seen"))
    seen = run.store.look(f"tasks/{task_id}")
    look, not_applied = None, False
    if seen.data is not None and not is_tombstone(seen.data):
        look = Look(seen.data["generation"], seen.data["params_hash"], seen.read_time)
        certain = not (_happened(run, task_id, seen.data) or run.provider.is_pending(_key(seen.data)))
        not_applied = certain and rng.random() < 0.5
        await asyncio.sleep(rng.uniform(0, 200))
        _consent(run, task_id, who, seen.data["intent"], seen.data["parameters"])
    return await _ask(
        run, who, lambda p: redrive_letter(p, letter_id, person, reason="again", not_applied=not_applied, look=look)
    )


def _happened(run: Run, task_id: str, record: dict[str, Any]) -> bool:
    """Return what somebody finds at the provider: the effect of this generation, or of its key."""
    key = _key(record)
    return any(e.generation == record["generation"] or e.key == key for e in run.provider.of[task_id])


def _key(record: dict[str, Any]) -> str:
    return f"{record['task_id']}.{record['intent']}.{record['effect']['seq']}"


async def _ask(run: Run, who: str, work: Any) -> None:
    """Send a request to the console; a person may try again, or give up."""
    for _ in range(run.rng.choice((1, 3))):
        try:
            record = await run.request("console", who, work)
        except (Retry, Broken) as error:
            run.note("{} gets no answer: {}", who, type(error).__name__)
        except BadRequest as error:
            return run.note("{} is refused: {}", who, error.code)
        except Exception as error:
            return run.witness.fail("I0", f"the console raises {error!r}", error)
        else:
            return run.note("{} is told: {}", who, record.state)
        await asyncio.sleep(run.rng.uniform(1, 30))
    return None


def _consent(run: Run, task_id: str, who: str, intent: str, parameters: Any) -> None:
    run.witness.consents[task_id].append((who, intent, parameters))


def _lower(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters as a careful person would change them."""
    if "amount_minor" in parameters:
        return parameters | {"amount_minor": 100}
    return dict(parameters)


def email_of(record: dict[str, Any]) -> str:
    """Return whose task it is."""
    return str((record["requester"] or {}).get("email", ""))
