"""Guards of what people decide, each with the change that removes it."""

from __future__ import annotations

from tests.simulation.mutations import Mutation

DECISIONS = "shared/records/decisions.py"

GUARDS = (
    Mutation(
        "generation check of dead letters",
        "shared/task/repair.py",
        (
            (
                '    if record.generation != generation:\n        raise Skip(code="stale")\n    if record.state not in',
                "    if record.state not in",
            ),
        ),
        seed=1002,
    ),
    Mutation(
        "server time for expiry",
        "shared/records/approvals.py",
        (
            (
                "        before, now = to_record(snapshots[path]), snapshots[path].read_time",
                "        before, now = to_record(snapshots[path]), datetime.now(snapshots[path].read_time.tzinfo)",
            ),
        ),
    ),
    Mutation(
        "time of the look that a verdict rests on",
        "shared/records/repairs.py",
        (("return now if look.at is None else min(look.at, now)", "return now"),),
        seed=521,
    ),
    Mutation(
        "new key after a refusal",
        "shared/task/redrive.py",
        (('new_key = not_applied or record.effect.outcome == "not_applied"', "new_key = not_applied"),),
    ),
    Mutation(
        "who may decide",
        DECISIONS,
        (
            (
                "        must_be_allowed(ports.registry, ports.settings, record, person, change.intent)\n"
                "        must_be_current(record, look)\n        if decision",
                "        must_be_current(record, look)\n        if decision",
            ),
        ),
        seed=3,
    ),
    Mutation(
        "who may edit",
        DECISIONS,
        (
            (
                "        must_be_allowed(ports.registry, ports.settings, record, person, change.intent)\n"
                "        must_be_current(record, look)\n        after = changed",
                "        must_be_current(record, look)\n        after = changed",
            ),
        ),
        seed=3,
    ),
    Mutation(
        "what was shown to whoever writes into the database",
        "shared/records/edits.py",
        (("    if before is None or any(", "    if before is None or False and any("),),
        seed=167,
    ),
    Mutation(
        "what was shown to whoever decides",
        "shared/gate/doors.py",
        (("    if look.params_hash != record.params_hash:", "    if False:"),),
        seed=5,
    ),
    Mutation(
        "two people",
        "shared/gate/doors.py",
        (
            (
                "    return 1 if is_small and not any(r.startswith(UNSOURCED) for r in reasons) else policy.approvals",
                "    return 1",
            ),
        ),
        seed=2,
    ),
    Mutation(
        "two who are not one",
        DECISIONS,
        (("        if has_approved(after, person):", "        if False:"),),
        seed=6,
    ),
    Mutation(
        "undo before the effect only",
        "shared/task/undo.py",
        (('    if record.state != "READY" or record.effect.possibly_applied:', "    if False:"),),
        seed=8,
    ),
    Mutation(
        "undo that lets its message die",
        "shared/task/undo.py",
        (("        generation=record.generation + 1,\n", ""),),
        seed=19,
    ),
    Mutation(
        "redrive in bulk approves nothing",
        "shared/records/repairs.py",
        (("approves=look.alone", "approves=True"),),
    ),
)
