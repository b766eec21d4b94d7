"""Guards of effects, in the code of executors and of what moves a task, each with the change that removes it."""

from __future__ import annotations

from tests.simulation.mutations import Mutation

START = "shared/gate/start.py"
REFUND = "functions/execute/refund_request/main.py"
EXECUTION = "shared/task/execution.py"
MOVES = "shared/task/moves.py"

GUARDS = (
    Mutation(
        "start marker",
        MOVES,
        (('{"possibly_applied": True, "first_started_at"', '{"possibly_applied": False, "first_started_at"'),),
    ),
    Mutation(
        "epoch fence on success",
        EXECUTION,
        (
            (
                '    must_own(record, epoch)\n    effect = record.effect.model_copy(update={"outcome": "applied"',
                '    effect = record.effect.model_copy(update={"outcome": "applied"',
            ),
        ),
        seed=59,
    ),
    Mutation(
        "epoch fence on failure",
        EXECUTION,
        (
            ("    must_own(record, epoch)\n    record = restored(record)\n", "    record = restored(record)\n"),
            ("    must_own(record, epoch)\n    return give_up(", "    return give_up("),
        ),
        seed=7,
    ),
    Mutation(
        "epoch fence on an ambiguous end",
        EXECUTION,
        (
            (
                "    must_own(record, epoch)\n    if attempts_left(",
                "    if attempts_left(",
            ),
        ),
        seed=7,
    ),
    Mutation(
        "sticky possibly_applied",
        MOVES,
        (('{"possibly_applied": record.effect.applied_before_attempt}', '{"possibly_applied": False}'),),
        seed=169,
    ),
    Mutation(
        "key age at the start",
        EXECUTION,
        (
            (
                "    if not may_repeat(record, intent.idempotency, now):\n"
                '        return unknown(record, now, by="execute", code="key_too_old',
                '    if False:\n        return unknown(record, now, by="execute", code="key_too_old',
            ),
        ),
        seed=284,
    ),
    Mutation(
        "check of a repetition at reclaim",
        EXECUTION,
        (
            (
                "        if not may_repeat(record, intent.idempotency, now):\n            return unknown(",
                "        if False:\n            return unknown(",
            ),
            (
                "    if not may_repeat(record, intent.idempotency, now):\n"
                '        return unknown(record, now, by="execute", code="key_too_old',
                '    if False:\n        return unknown(record, now, by="execute", code="key_too_old',
            ),
        ),
        seed=38,
    ),
    Mutation(
        "patience before the provider is asked",
        "functions/execute/step.py",
        (("            if record.outbox is None:  # a request may", "            if False:  # a request may"),),
        seed=638,
    ),
    Mutation(
        "deadline that counts from before the claim",
        "functions/execute/attempt.py",
        (
            (
                "        self.deadline = began + handler_seconds(intent)",
                "        self.deadline = seconds() + handler_seconds(intent)",
            ),
        ),
        seed=18,
    ),
    Mutation(
        "preview that only looks",
        "functions/execute/preview.py",
        (
            ("await handler.plan(", "await handler.handle("),
            ("deadline, _no_write, dry_run=True", "deadline"),
        ),
    ),
    Mutation(
        "outbox of results",
        MOVES,
        (("        outbox=owe(RESULTS, record.generation, now),\n        **changes,", "        **changes,"),),
    ),
    Mutation(
        "generation check",
        EXECUTION,
        (
            (
                '    if record.generation != generation:\n        raise Skip(code="stale")\n    if record.intent != '
                "intent.name:",
                "    if record.intent != intent.name:",
            ),
        ),
        seed=27,
    ),
    Mutation(
        "patience of people",
        MOVES,
        (('if record.state == "UNKNOWN" and looked_at < over_at <= now + LONGEST_WAIT:', "if False:"),),
        seed=521,
    ),
    Mutation(
        "expiry of approvals",
        MOVES,
        (("    if expired(record, now):\n        raise Refused", "    if False:\n        raise Refused"),),
        seed=58,
    ),
    Mutation(
        "lease",
        EXECUTION,
        (
            (
                "if ahead(record.exec.lease_until, now):\n            same",
                "if False:\n            same",
            ),
        ),
        seed=4,
    ),
    Mutation(
        "marker at giving up",
        MOVES,
        (("    if record.effect.possibly_applied:\n        return unknown(record, now, by=by, code=code)\n", ""),),
        seed=26,
    ),
    Mutation(
        "policy at the start",
        START,
        (("    return POLICY_CHANGED if still else None", "    return None"),),
        seed=69,
    ),
    Mutation(
        "breaker at the start",
        START,
        (("    if breaker is not None and breaker.open and not record.effect.possibly_applied:", "    if False:"),),
        seed=5,
    ),
    Mutation(
        "look at the breaker of what may run by itself",
        "functions/execute/step.py",
        (("[breaker_path(intent.name)] if may_run_alone(intent, ports.settings) else []", "[]"),),
    ),
    Mutation(
        "at most once without a key",
        MOVES,
        (
            (
                'if not effect.possibly_applied or idempotency.kind == "natural":',
                'if not effect.possibly_applied or idempotency.kind != "by_key":',
            ),
        ),
        seed=25,
    ),
    Mutation(
        "status of what the provider made",
        REFUND,
        (
            (
                '    if status == "succeeded":\n        return TaskOutput',
                '    if status != "failed":\n        return TaskOutput',
            ),
        ),
        seed=166,
    ),
    Mutation(
        "patience with what the provider has not finished",
        REFUND,
        (('in NOT_REFUNDED else "pending"', 'in NOT_REFUNDED else "not_applied"'),),
        seed=166,
    ),
    Mutation(
        "doubt about a write that was sent elsewhere",
        "shared/wiring/outbound.py",
        (("(status < 400 and call.write)", "(status < 300 and call.write)"),),
        seed=217,
    ),
    Mutation(
        "patience in time",
        EXECUTION,
        (("now - since >= timedelta(seconds=intent.limits.patience_s)", "now - since >= timedelta(seconds=30)"),),
        seed=46,
    ),
    Mutation(
        "attempts that a provider's trouble does not cost",
        MOVES,
        (("record.exec.attempts - record.exec.waits <", "record.exec.attempts <"),),
        seed=7,
    ),
    Mutation(
        "like effects that began since the decision",
        START,
        (("    if any(w.started_at is not None and w.started_at >= decided_at for w in like):", "    if False:"),),
        seed=64,
    ),
    Mutation(
        "words that are taken back",
        START,
        (
            (
                "    if told and not record.effect.possibly_applied:",
                "    if False and not record.effect.possibly_applied:",
            ),
        ),
        seed=439,
    ),
    Mutation(
        "hold of what may be taken back",
        EXECUTION,
        (("    elif ahead(record.exec.not_before, now):", "    elif False:"),),
        seed=13,
    ),
    Mutation(
        "kill switch that pauses",
        EXECUTION,
        (
            (
                "    outbox = Outbox(topic=intent.topic, generation=record.generation, due_at=now + HOLD)",
                '    return give_up(record, now, SWITCHED_OFF, "off")',
            ),
        ),
        seed=48,
    ),
    Mutation(
        "no expiry while a task is open",
        MOVES,
        (("now + kept_for if to in TERMINAL else None", "now + kept_for"),),
    ),
    Mutation(
        "an expiry at every end",
        MOVES,
        (
            ("now + kept_for if to in TERMINAL else None", "now + kept_for if to in DONE else None"),
            ("KEPT_OLDEST = 5\n", 'KEPT_OLDEST = 5\nDONE = ("SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED")\n'),
        ),
        seed=3,
    ),
    Mutation(
        "nothing is final while the clock is in doubt",
        "shared/wiring/composition.py",
        (("        if self.clock_trouble():", "        if False:"),),
        seed=5,
    ),
    Mutation(
        "times of a wrong clock count as past",
        MOVES,
        (("now < at <= now + LONGEST_WAIT", "now < at"),),
        seed=766,
    ),
)
