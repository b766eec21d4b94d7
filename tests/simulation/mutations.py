"""The guards of the protocol, each with the change that removes it: the simulation must notice every one."""

from __future__ import annotations

from dataclasses import dataclass

START = "shared/gate/start.py"
REFUND = "functions/execute/refund_request/main.py"
DECISIONS = "shared/records/decisions.py"
TOMBSTONE, CLOCK = "shared/task/tombstone.py", "infra/embedded/clock.py"
EXECUTION, MOVES = "shared/task/execution.py", "shared/task/moves.py"

OF_PEOPLE = {
    f"shared/{name}.py"
    for name in (
        "gate/doors",
        "records/approvals",
        "records/decisions",
        "records/edits",
        "records/letters",
        "records/repairs",
        "task/redrive",
        "task/undo",
        "task/repair",
        "task/waiting",
    )
}
OF_EFFECTS = ("functions/execute/", EXECUTION, START, MOVES, "shared/wiring/")


@dataclass(frozen=True)
class Mutation:
    """In `file`, each of the old texts becomes the new one beside it.

    `raises`: a step breaks without the guard, so that I0 is what notices.
    """

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    raises: bool = False

    @property
    def of(self) -> str:
        """Whose guard it is: of `people`, of `effects`, or of `documents`."""
        if self.file in OF_PEOPLE:
            return "people"
        return "effects" if self.file.startswith(OF_EFFECTS) else "documents"

    def apply(self, source: str) -> str:
        """Return the source without the guard.

        Raises:
            ValueError: the guard is not where it was: this table has to follow the code.
        """
        for old, new in self.changes:
            if source.count(old) != 1:
                raise ValueError(f"{self.name}: {self.file} has {source.count(old)} times {old!r}")
            source = source.replace(old, new)
        return source


def _without(name: str, file: str, *changes: tuple[str, str], raises: bool = False) -> Mutation:
    return Mutation(name, file, changes, raises)


MUTATIONS = (
    _without(
        "start marker",
        MOVES,
        ('{"possibly_applied": True, "first_started_at"', '{"possibly_applied": False, "first_started_at"'),
    ),
    _without(
        "epoch fence on success",
        EXECUTION,
        (
            '    must_own(record, epoch)\n    effect = record.effect.model_copy(update={"outcome": "applied"',
            '    effect = record.effect.model_copy(update={"outcome": "applied"',
        ),
    ),
    _without(
        "epoch fence on failure",
        EXECUTION,
        ("    must_own(record, epoch)\n    record = restored(record)\n", "    record = restored(record)\n"),
        ("    must_own(record, epoch)\n    return give_up(", "    return give_up("),
    ),
    _without(
        "epoch fence on an ambiguous end",
        EXECUTION,
        (
            "    must_own(record, epoch)\n    if attempts_left(",
            "    if attempts_left(",
        ),
    ),
    _without(
        "sticky possibly_applied",
        MOVES,
        ('{"possibly_applied": record.effect.applied_before_attempt}', '{"possibly_applied": False}'),
    ),
    _without(
        "key age at the start",
        EXECUTION,
        (
            "    if not may_repeat(record, intent.idempotency, now):\n"
            '        return unknown(record, now, by="execute", why="the idempotency key',
            '    if False:\n        return unknown(record, now, by="execute", why="the idempotency key',
        ),
    ),
    _without(
        "check of a repetition at reclaim",
        EXECUTION,
        (
            "        if not may_repeat(record, intent.idempotency, now):\n            return unknown(",
            "        if False:\n            return unknown(",
        ),
        (
            "    if not may_repeat(record, intent.idempotency, now):\n"
            '        return unknown(record, now, by="execute", why="the idempotency key',
            '    if False:\n        return unknown(record, now, by="execute", why="the idempotency key',
        ),
    ),
    _without(
        "patience before the provider is asked",
        "functions/execute/step.py",
        ("            if record.outbox is None:  # a request may", "            if False:  # a request may"),
    ),
    _without(
        "deadline that counts from before the claim",
        "functions/execute/attempt.py",
        (
            "        self.deadline = began + handler_seconds(intent)",
            "        self.deadline = seconds() + handler_seconds(intent)",
        ),
    ),
    _without(
        "preview that only looks",
        "functions/execute/preview.py",
        ("await handler.plan(", "await handler.handle("),
        ("deadline, _no_write, dry_run=True", "deadline"),
    ),
    _without("sweeper", "functions/sweep/step.py", ("pages(due, PAGE, MAX_PAGES)", "pages(due, PAGE, 0)")),
    _without(
        "outbox kept until the message is out",
        "shared/records/outbox.py",
        (
            "        await ports.publisher.publish(outbox.topic, _message(record), _attributes(record))\n",
            "        if outbox.topic != RESULTS:\n"
            "            await ports.publisher.publish(outbox.topic, _message(record), _attributes(record))\n",
        ),
        (
            "            await ports.store.commit(Write(task_path(record.task_id), cleared, version))\n",
            "            await ports.store.commit(Write(task_path(record.task_id), cleared, version))\n"
            "            await ports.publisher.publish(outbox.topic, _message(record), _attributes(record))\n",
        ),
    ),
    _without(
        "outbox of results",
        MOVES,
        ("        outbox=owe(RESULTS, record.generation, now),\n        **changes,", "        **changes,"),
    ),
    _without(
        "generation check",
        EXECUTION,
        (
            '    if record.generation != generation:\n        raise Skip(code="stale")\n    if record.intent != '
            "intent.name:",
            "    if record.intent != intent.name:",
        ),
    ),
    _without(
        "generation check of dead letters",
        "shared/task/repair.py",
        (
            '    if record.generation != generation:\n        raise Skip(code="stale")\n    if record.state not in',
            "    if record.state not in",
        ),
    ),
    _without(
        "server time for expiry",
        "shared/records/approvals.py",
        (
            "        before, now = to_record(snapshots[path]), snapshots[path].read_time",
            "        before, now = to_record(snapshots[path]), datetime.now(snapshots[path].read_time.tzinfo)",
        ),
    ),
    _without(
        "time of the look that a verdict rests on",
        "shared/records/repairs.py",
        ("return now if look.at is None else min(look.at, now)", "return now"),
    ),
    _without(
        "patience of people",
        MOVES,
        ('if record.state == "UNKNOWN" and looked_at < over_at <= now + LONGEST_WAIT:', "if False:"),
    ),
    _without(
        "expiry of approvals",
        MOVES,
        ("    if expired(record, now):\n        raise Refused", "    if False:\n        raise Refused"),
    ),
    _without(
        "dedupe on create",
        "shared/records/creation.py",
        ("        if snapshots[path].data is not None:\n            return {}\n", ""),
    ),
    _without(
        "compare-and-set",
        "shared/records/documents.py",
        ("Write(path, data, snapshots[path].version)", "Write(path, data, None)"),
    ),
    _without(
        "lease",
        EXECUTION,
        (
            "if ahead(record.exec.lease_until, now):\n            same",
            "if False:\n            same",
        ),
    ),
    _without(
        "marker at giving up",
        MOVES,
        ("    if record.effect.possibly_applied:\n        return unknown(record, now, by=by, why=code)\n", ""),
    ),
    _without(
        "one key for all attempts",
        "shared/task/schemas.py",
        ("{self.effect.seq}", "{self.effect.seq}.{self.exec.attempts}"),
    ),
    _without(
        "policy at the start",
        START,
        ("    return POLICY_CHANGED if still else None", "    return None"),
    ),
    _without(
        "breaker at the start",
        START,
        ("    if breaker is not None and breaker.open and not record.effect.possibly_applied:", "    if False:"),
    ),
    _without(
        "look at the breaker of what may run by itself",
        "functions/execute/step.py",
        ("[breaker_path(intent.name)] if may_run_alone(intent, ports.settings) else []", "[]"),
    ),
    _without(
        "errors that open a breaker",
        "functions/sweep/step.py",
        ("    await trip_breakers(ports, clock.read_time)\n", ""),
    ),
    _without(
        "audit in the commit that makes its task",
        "shared/records/creation.py",
        (
            "        if audit_draw is not None and audit and",
            "        if False and audit_draw is not None and audit and",
        ),
    ),
    _without(
        "task that nobody has looked at",
        "shared/records/tombstones.py",
        ("            if is_open(snapshots[audit]):", "            if False:"),
    ),
    _without(
        "kill switch", "shared/records/switches.py", ("    return switch.data is not None and", "    return False and")
    ),
    _without(
        "at most once without a key",
        MOVES,
        (
            'if not effect.possibly_applied or idempotency.kind == "natural":',
            'if not effect.possibly_applied or idempotency.kind != "by_key":',
        ),
    ),
    _without(
        "dead letters",
        "functions/deadletter/step.py",
        (
            '    await park(ports, delivery, reason="dead_lettered"',
            '    False and await park(ports, delivery, reason="dead_lettered"',
        ),
    ),
    _without(
        "status of what the provider made",
        REFUND,
        (
            '    if status == "succeeded":\n        return TaskOutput',
            '    if status != "failed":\n        return TaskOutput',
        ),
    ),
    _without(
        "patience with what the provider has not finished",
        REFUND,
        ('in NOT_REFUNDED else "pending"', 'in NOT_REFUNDED else "not_applied"'),
    ),
    _without(
        "doubt about a write that was sent elsewhere",
        "shared/wiring/outbound.py",
        ("(status < 400 and call.write)", "(status < 300 and call.write)"),
    ),
    _without(
        "patience in time",
        EXECUTION,
        ("now - since >= timedelta(seconds=intent.limits.patience_s)", "now - since >= timedelta(seconds=30)"),
    ),
    _without(
        "attempts that a provider's trouble does not cost",
        MOVES,
        ("record.exec.attempts - record.exec.waits <", "record.exec.attempts <"),
    ),
    _without(
        "new key after a refusal",
        "shared/task/redrive.py",
        ('new_key = not_applied or record.effect.outcome == "not_applied"', "new_key = not_applied"),
    ),
    _without(
        "strict reading of confidence",
        "shared/gate/answer.py",
        ("if is_number and math.isfinite(value) and 0 <= value <= 1:", "if is_number:"),
        raises=True,
    ),
    _without(
        "a second wish about one subject is never automatic",
        "shared/gate/policy.py",
        ("    return reasons + repeated_reasons(usage.like)", "    return reasons"),
    ),
    _without(
        "like effects that began since the decision",
        START,
        ("    if any(w.started_at is not None and w.started_at >= decided_at for w in like):", "    if False:"),
    ),
    _without(
        "other words under a known id",
        "functions/classify/step.py",
        (
            "        if same_source and event.content == _content_of(record):",
            "        if same_source:",
        ),
    ),
    _without(
        "words that are taken back",
        START,
        ("    if told and not record.effect.possibly_applied:", "    if False and not record.effect.possibly_applied:"),
    ),
    _without(
        "what nobody can read goes back in the line",
        "functions/sweep/step.py",
        ('            if what == "unreadable":\n', "            if False:\n"),
    ),
    _without(
        "answers to approvals of no task",
        "functions/sweep/step.py",
        ("        return await answer_stray(ports, approval, error)", '        return "skipped"'),
    ),
    _without(
        "only the time of what nobody can read",
        "functions/sweep/unreadable.py",
        ("found.version, others_stay=True)", "found.version)"),
    ),
    _without(
        "who may decide",
        DECISIONS,
        (
            "        must_be_allowed(ports.registry, ports.settings, record, person, change.intent)\n"
            "        must_be_current(record, look)\n        if decision",
            "        must_be_current(record, look)\n        if decision",
        ),
    ),
    _without(
        "who may edit",
        DECISIONS,
        (
            "        must_be_allowed(ports.registry, ports.settings, record, person, change.intent)\n"
            "        must_be_current(record, look)\n        after = changed",
            "        must_be_current(record, look)\n        after = changed",
        ),
    ),
    _without(
        "what was shown to whoever writes into the database",
        "shared/records/edits.py",
        ("    if before is None or any(", "    if before is None or False and any("),
    ),
    _without(
        "what was shown to whoever decides",
        "shared/gate/doors.py",
        ("    if look.params_hash != record.params_hash:", "    if False:"),
    ),
    _without(
        "two people",
        "shared/gate/doors.py",
        (
            "    return 1 if is_small and not any(r.startswith(UNSOURCED) for r in reasons) else policy.approvals",
            "    return 1",
        ),
    ),
    _without("two who are not one", DECISIONS, ("        if has_approved(after, person):", "        if False:")),
    _without(
        "hold of what may be taken back",
        EXECUTION,
        ("    elif ahead(record.exec.not_before, now):", "    elif False:"),
    ),
    _without(
        "undo before the effect only",
        "shared/task/undo.py",
        ('    if record.state != "READY" or record.effect.possibly_applied:', "    if False:"),
    ),
    _without(
        "undo that lets its message die",
        "shared/task/undo.py",
        ("        generation=record.generation + 1,\n", ""),
    ),
    _without("redrive in bulk approves nothing", "shared/records/repairs.py", ("approves=look.alone", "approves=True")),
    _without(
        "kill switch that pauses",
        EXECUTION,
        (
            "    outbox = Outbox(topic=intent.topic, generation=record.generation, due_at=now + HOLD)",
            '    return give_up(record, now, SWITCHED_OFF, "off")',
        ),
    ),
    _without(
        "no expiry while a task is open",
        MOVES,
        ("now + kept_for if to in TERMINAL else None", "now + kept_for"),
    ),
    _without(
        "an expiry at every end",
        MOVES,
        ("now + kept_for if to in TERMINAL else None", "now + kept_for if to in DONE else None"),
        ("KEPT_OLDEST = 5\n", 'KEPT_OLDEST = 5\nDONE = ("SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED")\n'),
    ),
    _without(
        "only what has ended is removed",
        TOMBSTONE,
        ("    if record.state not in TERMINAL:", '    if record.state not in (*TERMINAL, "UNKNOWN"):'),
    ),
    _without(
        "removal after everybody was told",
        TOMBSTONE,
        ("    if record.outbox is not None:", "    if False:"),
    ),
    _without(
        "tombstone that answers a replay",
        "functions/classify/step.py",
        ("    if same_source and event.content == stone.content_sha256:", "    if False:"),
    ),
    _without(
        "tombstone that knows what was done",
        TOMBSTONE,
        ("        effect_key=record.effect_key,", '        effect_key=f"{record.task_id}.{record.intent}.1",'),
    ),
    _without(
        "nothing is final while the clock is in doubt",
        "shared/wiring/composition.py",
        ("        if self.clock_trouble():", "        if False:"),
    ),
    _without(
        "time that does not step with the clock",
        CLOCK,
        ("        return wall if abs(wall - steady) <= STEP_US else steady", "        return wall"),
    ),
    _without(
        "a day until a clock is trusted again",
        CLOCK,
        ("TRUSTED_AFTER_US = 24 * 3600 * SECOND_US", "TRUSTED_AFTER_US = 60 * SECOND_US"),
    ),
    _without(
        "times of a wrong clock count as past",
        MOVES,
        ("now < at <= now + LONGEST_WAIT", "now < at"),
    ),
    _without(
        "sweep of what a wrong clock has left waiting",
        "functions/sweep/step.py",
        ("    if ports.clock_trouble():", "    if False:"),
    ),
)

# The seed that notices, where the first does not: it is tried before all others, and where the runs have changed since
# nothing is lost but time.
NOTICED_BY = {
    "undo before the effect only": 8,
    "undo that lets its message die": 19,
    "hold of what may be taken back": 13,
    "epoch fence on success": 59,
    "epoch fence on failure": 7,
    "epoch fence on an ambiguous end": 7,
    "sticky possibly_applied": 25,
    "key age at the start": 284,
    "check of a repetition at reclaim": 38,
    "patience before the provider is asked": 51,
    "deadline that counts from before the claim": 306,
    "sweeper": 8,
    "outbox kept until the message is out": 16,
    "generation check": 68,
    "generation check of dead letters": 75,
    "time of the look that a verdict rests on": 273,
    "patience of people": 273,
    "expiry of approvals": 5,
    "dedupe on create": 7,
    "compare-and-set": 7,
    "marker at giving up": 16,
    "policy at the start": 69,
    "breaker at the start": 5,
    "errors that open a breaker": 10,
    "audit in the commit that makes its task": 3,
    "task that nobody has looked at": 44,
    "kill switch": 87,
    "at most once without a key": 16,
    "dead letters": 9,
    "status of what the provider made": 166,
    "patience with what the provider has not finished": 166,
    "doubt about a write that was sent elsewhere": 938,
    "patience in time": 35,
    "attempts that a provider's trouble does not cost": 7,
    "strict reading of confidence": 159,
    "a second wish about one subject is never automatic": 26,
    "like effects that began since the decision": 12,
    "other words under a known id": 3,
    "words that are taken back": 439,
    "what nobody can read goes back in the line": 3,
    "only the time of what nobody can read": 3,
    "who may decide": 3,
    "who may edit": 3,
    "what was shown to whoever writes into the database": 639,
    "what was shown to whoever decides": 3,
    "two people": 2,
    "two who are not one": 33,
    "kill switch that pauses": 48,
    "an expiry at every end": 3,
    "only what has ended is removed": 31,
    "removal after everybody was told": 20,
    "tombstone that answers a replay": 1,
    "nothing is final while the clock is in doubt": 5,
    "time that does not step with the clock": 7,
    "a day until a clock is trusted again": 5,
    "times of a wrong clock count as past": 5,
    "sweep of what a wrong clock has left waiting": 5,
}
