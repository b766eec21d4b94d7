"""Guards of tasks, messages and time, each with the change that removes it."""

from __future__ import annotations

from tests.simulation.mutations import Mutation

TOMBSTONE = "shared/task/tombstone.py"
CLOCK = "infra/embedded/clock.py"

GUARDS = (
    Mutation(
        "sweeper",
        "functions/sweep/step.py",
        (("pages(due, PAGE, MAX_PAGES)", "pages(due, PAGE, 0)"),),
        seed=8,
    ),
    Mutation(
        "outbox kept until the message is out",
        "shared/records/outbox.py",
        (
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
        seed=16,
    ),
    Mutation(
        "dedupe on create",
        "shared/records/creation.py",
        (("        if snapshots[path].data is not None:\n            return {}\n", ""),),
        seed=7,
    ),
    Mutation(
        "compare-and-set",
        "shared/records/documents.py",
        (("Write(path, data, snapshots[path].version)", "Write(path, data, None)"),),
        seed=7,
    ),
    Mutation(
        "one key for all attempts",
        "shared/task/schemas.py",
        (("{self.effect.seq}", "{self.effect.seq}.{self.exec.attempts}"),),
    ),
    Mutation(
        "errors that open a breaker",
        "functions/sweep/step.py",
        (("    await trip_breakers(ports, clock.read_time)\n", ""),),
        seed=10,
    ),
    Mutation(
        "audit in the commit that makes its task",
        "shared/records/creation.py",
        (
            (
                "        if audit_draw is not None and audit and",
                "        if False and audit_draw is not None and audit and",
            ),
        ),
        seed=3,
    ),
    Mutation(
        "task that nobody has looked at",
        "shared/records/tombstones.py",
        (("            if is_open(snapshots[audit]):", "            if False:"),),
        seed=52,
    ),
    Mutation(
        "kill switch",
        "shared/records/switches.py",
        (("    return switch.data is not None and", "    return False and"),),
        seed=87,
    ),
    Mutation(
        "dead letters",
        "functions/deadletter/step.py",
        (
            (
                '    await park(ports, delivery, reason="dead_lettered"',
                '    False and await park(ports, delivery, reason="dead_lettered"',
            ),
        ),
        seed=9,
    ),
    Mutation(
        "strict reading of confidence",
        "shared/gate/answer.py",
        (("if is_number and math.isfinite(value) and 0 <= value <= 1:", "if is_number:"),),
        raises=True,
        seed=159,
    ),
    Mutation(
        "a second wish about one subject is never automatic",
        "shared/gate/policy.py",
        (("    return reasons + repeated_reasons(usage.like)", "    return reasons"),),
        seed=26,
    ),
    Mutation(
        "other words under a known id",
        "functions/classify/step.py",
        (
            (
                "        if same_source and event.content == _content_of(record):",
                "        if same_source:",
            ),
        ),
        seed=3,
    ),
    Mutation(
        "what nobody can read goes back in the line",
        "functions/sweep/step.py",
        (('            if what == "unreadable":\n', "            if False:\n"),),
        seed=25,
    ),
    Mutation(
        "answers to approvals of no task",
        "functions/sweep/step.py",
        (("        return await answer_stray(ports, approval, error)", '        return "skipped"'),),
    ),
    Mutation(
        "only the time of what nobody can read",
        "functions/sweep/unreadable.py",
        (("found.version, others_stay=True)", "found.version)"),),
        seed=3,
    ),
    Mutation(
        "only what has ended is removed",
        TOMBSTONE,
        (("    if record.state not in TERMINAL:", '    if record.state not in (*TERMINAL, "UNKNOWN"):'),),
        seed=31,
    ),
    Mutation(
        "removal after everybody was told",
        TOMBSTONE,
        (("    if record.outbox is not None:", "    if False:"),),
        seed=20,
    ),
    Mutation(
        "tombstone that answers a replay",
        "functions/classify/step.py",
        (("    if same_source and event.content == stone.content_sha256:", "    if False:"),),
        seed=1,
    ),
    Mutation(
        "tombstone that knows what was done",
        TOMBSTONE,
        (("        effect_key=record.effect_key,", '        effect_key=f"{record.task_id}.{record.intent}.1",'),),
    ),
    Mutation(
        "time that does not step with the clock",
        CLOCK,
        (("        return wall if abs(wall - steady) <= STEP_US else steady", "        return wall"),),
        seed=7,
    ),
    Mutation(
        "a day until a clock is trusted again",
        CLOCK,
        (("TRUSTED_AFTER_US = 24 * 3600 * SECOND_US", "TRUSTED_AFTER_US = 60 * SECOND_US"),),
        seed=5,
    ),
    Mutation(
        "sweep of what a wrong clock has left waiting",
        "functions/sweep/step.py",
        (("    if ports.clock_trouble():", "    if False:"),),
        seed=821,
    ),
)
