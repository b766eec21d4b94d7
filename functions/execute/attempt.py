"""One attempt of one task: the handler between start marker and committed outcome, by whoever holds the lease."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any

from functions.execute.asking import MustAsk, ask_people
from functions.execute.context import context, handler_seconds
from functions.execute.ended import ended, fields_of, tell_of
from shared import tracing
from shared.errors import Retry, Skip
from shared.gate.policy import may_run_alone, subject_path
from shared.gate.start import ASKS, reason_to_ask, start_refusal
from shared.intent.declaration import Intent, executor_for
from shared.intent.handler import TaskContext, TaskOutput
from shared.intent.outcomes import Ambiguous, LockedOut, NotApplied, Pending, Permanent
from shared.logs import log
from shared.records.breakers import breaker_in, breaker_path
from shared.records.creation import wished, wishes_like
from shared.records.documents import Changed, change
from shared.records.switches import is_off, switch_path
from shared.serving.entry import Outcome
from shared.task import execution
from shared.task.moves import must_own
from shared.task.schemas import MAX_OUTPUT_CHARS, TaskRecord, TaskResult
from shared.wiring.composition import Ports
from shared.wiring.ports import Document, Snapshot

FINISH_TRIES = 3
# A redelivery by the bus serves short waits; longer ones are left to the outbox, so that no delivery is burnt.
LONGEST_REDELIVERY_S = 60.0


class EffectRefused(Exception):
    """Raised into a handler right before its first write when the start marker could not be set: nothing was sent."""


class Attempt:
    """One attempt of one task by the worker that holds its lease; `began` is when it asked for it.

    The handler's time counts from then: a process that stood still right after its claim must not act when others
    have taken over.
    """

    def __init__(self, claimed: Changed, ports: Ports, intent: Intent, handler: Any, began: float) -> None:
        self.record, self.ports, self.intent, self.handler = claimed.after, ports, intent, handler
        self.epoch = claimed.after.exec.epoch
        self.stopped: Changed | Skip | None = None  # set when the start marker was refused
        self.last, self.last_at = claimed, began  # our own latest commit, and when it was begun
        self.began = seconds()
        self.deadline = began + handler_seconds(intent)

    async def run(self) -> Outcome:
        """Run the handler and commit what is known of the effect afterwards."""
        try:
            arrow = await self._handle()
        except EffectRefused:
            arrow = None
        if isinstance(self.stopped, Skip):
            return self._outcome(self.stopped.code, self.record, self.record)
        if self.stopped is not None:
            return await ended(self.stopped, self.ports)
        assert arrow is not None, "a handler that was not stopped has an outcome"
        try:
            done = await self._finish(arrow)
        except Skip as skip:  # fenced: the lease went to somebody else, who decides
            return self._outcome(skip.code, self.record, self.record)
        if done.after.state == "READY":
            return self._again(done)
        return await ended(done, self.ports)

    async def _handle(self) -> Callable[[TaskRecord, datetime], TaskRecord] | None:
        """Call the handler; return the arrow that its outcome means."""
        parameters = self.intent.parameters.model_validate(self.record.parameters)  # valid: the gate looked at claim
        epoch, intent = self.epoch, self.intent
        try:
            if seconds() >= self.deadline:
                raise NotApplied(code="deadline_passed")
            async with asyncio.timeout_at(self.deadline):
                with tracing.span(f"handle {intent.name}", intent=intent.name):
                    output = await self.handler.handle(parameters, self._context())
            done = output if isinstance(output, TaskOutput) else TaskOutput(output)
            result, provider_ref = self._result(_text(done.output)), done.provider_ref and _text(done.provider_ref)
        except EffectRefused:
            raise
        except NotApplied as error:
            if isinstance(error, LockedOut):
                self._locked_out(_text(error.code))
            return functools.partial(
                _retry,
                epoch=epoch,
                intent=intent,
                code=_text(error.code),
                after_s=error.retry_after_s,
                ms=self._spent_ms(),
            )
        except Permanent as error:
            # Read here: the name `error` is gone when the arrow is applied.
            code, message, ms = _text(error.code), _text(error.message or error.code), self._spent_ms()
            return lambda r, now: execution.fail(r, epoch, now, code=code, message=message, spent_ms=ms)
        except Pending as error:
            code, message = _text(error.code), _text(error.message or error.code)
            return lambda r, now: execution.pending(r, epoch, now, code=code, message=message)
        except Exception as error:  # anything else is ambiguous: that is the contract
            if not isinstance(error, Ambiguous):
                tell_of(error, "handler failed", self.record)
            code = _text(error.code) if isinstance(error, Ambiguous) else f"unexpected_{type(error).__name__}"[:60]
            return lambda r, now: execution.ambiguous(r, epoch, intent, now, code=code)
        self.ports.locked_out.discard(intent.provider.name)
        return lambda r, now: execution.succeed(r, epoch, result, provider_ref, now)

    def _locked_out(self, code: str) -> None:
        """Tell the operators that a key has to be mended: once, until a handler has got through to its provider."""
        name = self.intent.provider.name
        if name not in self.ports.locked_out:
            self.ports.locked_out.add(name)
            variable = self.intent.provider.variable("API_KEY")
            log("ERROR", "provider refuses our key", intent=self.intent.name, variable=variable, error_code=code)

    def _context(self) -> TaskContext:
        return context(
            self.record,
            self.ports,
            self.intent,
            self.deadline,
            before_write=self._start if self.intent.starts_late else None,
        )

    async def _start(self) -> None:
        """Set the start marker right before the first write; without it nothing is sent, now or later."""
        if self.stopped is not None:
            raise EffectRefused

        intent = self.intent

        def arrow(
            record: TaskRecord, now: datetime, switch: Snapshot, *others: Snapshot
        ) -> tuple[TaskRecord, dict[str, Document]]:
            about = [s for s in others if s.path == subject]
            like = [wish for s in about for wish in wishes_like(s, intent, record.task_id)]
            breaker = next((breaker_in(s) for s in others if s.path == guard), None)
            refusal = start_refusal(
                record, intent, self.ports.settings, switched_off=is_off(switch), like=like, breaker=breaker
            )
            if refusal in ASKS and not record.effect.possibly_applied:
                must_own(record, self.epoch)
                raise MustAsk(record, reason_to_ask(refusal, breaker))
            after = execution.start(record, self.epoch, intent, now, refusal)
            begun = after.effect.first_started_at if after.state == "EXECUTING" else None
            return after, {s.path: wished(s, intent, record, begun) for s in about if begun}

        began, subject = seconds(), subject_path(intent, self.record.parameters)
        guard = breaker_path(intent.name) if may_run_alone(intent, self.ports.settings) else None
        paths = (switch_path(intent.name), *(p for p in (guard, subject) if p))
        try:
            try:
                changed = await change(self.ports.store, self.record.task_id, arrow, *paths)
            except MustAsk as asks:
                changed = await ask_people(self.ports, asks)
        except (Skip, Retry) as error:
            self.stopped = error if isinstance(error, Skip) else Skip(code="start_unconfirmed")
            raise EffectRefused from None
        if changed.after.state != "EXECUTING":
            self.stopped = changed
            raise EffectRefused
        self.last, self.last_at = changed, began

    async def _finish(self, arrow: Callable[[TaskRecord, datetime], TaskRecord]) -> Changed:
        """Commit the outcome; worth a few tries, because a known outcome would else become an unknown one."""
        for tries in range(FINISH_TRIES):
            # Normally nobody has touched the task since our own commit, so that it need not be read again.
            known, elapsed_s = self.last if tries == 0 else None, seconds() - self.last_at
            try:
                return await change(self.ports.store, self.record.task_id, arrow, known=known, elapsed_s=elapsed_s)
            except Retry:
                if tries == FINISH_TRIES - 1:
                    raise
                await asyncio.sleep(0.2 * 4**tries)
        raise AssertionError("unreachable")

    def _again(self, done: Changed) -> Outcome:
        """Let the bus bring this message again; a long wait is left to the outbox, which is not due before.

        Raises:
            Retry: the bus redelivers.
        """
        due = done.after.outbox.due_at if done.after.outbox else done.now
        wait_s = (due - done.now).total_seconds()
        if wait_s > LONGEST_REDELIVERY_S:
            return self._outcome("retry_later", done.before, done.after)
        log(
            "WARNING",
            "retry",
            function=executor_for(self.intent.name),
            outcome="retry",
            **fields_of(done.before, done.after),
        )
        code = done.after.error.code if done.after.error else "retry"
        raise Retry("the handler will be tried again", code=code, retry_after_s=wait_s)

    def _spent_ms(self) -> float:
        return round((seconds() - self.began) * 1000, 1)

    def _result(self, output: str) -> TaskResult:
        tokens = self.record.classification.tokens_used
        return TaskResult(
            success=True, output=output[:MAX_OUTPUT_CHARS], execution_time_ms=self._spent_ms(), tokens_used=tokens
        )

    def _outcome(self, code: str, before: TaskRecord, after: TaskRecord) -> Outcome:
        return Outcome(code, fields=fields_of(before, after), severity="WARNING")


def seconds() -> float:
    """Return the event loop's clock."""
    return asyncio.get_running_loop().time()


def _retry(
    record: TaskRecord, now: datetime, *, epoch: int, intent: Intent, code: str, after_s: float | None, ms: float
) -> TaskRecord:
    return execution.retry(record, epoch, intent, now, code=code, retry_after_s=after_s, spent_ms=ms)


def _text(value: object) -> str:
    """Return what a handler or its provider said as text that every store takes."""
    return str(value).encode("utf-8", "replace").decode()
