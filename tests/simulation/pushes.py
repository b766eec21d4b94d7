"""One delivery of a message to its function, and how it ends: by an answer, the platform's patience or a deadline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from infra.resources import Function
from shared.errors import Retry
from shared.serving.entry import log_outcome, started
from shared.serving.push import Delivery
from tests.simulation.bus import Message
from tests.simulation.deployment import step
from tests.simulation.loop import Actor, Instance

if TYPE_CHECKING:
    from tests.simulation.world import Run


class Push:
    """It runs in `instance` from its creation on."""

    __slots__ = (
        "_actor",
        "_attempt",
        "_began",
        "_function",
        "_instance",
        "_limit",
        "_message",
        "_run",
        "_settled",
        "_task",
    )

    def __init__(self, run: Run, message: Message, function: Function, instance: Instance, actor: Actor) -> None:
        self._run, self._message, self._function, self._instance, self._actor = run, message, function, instance, actor
        self._began = run.loop.time()
        self._settled = False
        self._attempt = run.bus.lease(message)
        run.note("gets message {}, attempt {}, for {}", message.id, self._attempt, actor.task_id, by=actor)
        self._task = run.loop.start(actor, self._work(), self._broken if run.rng.random() < 0.5 else _unnoticed)
        self._limit = run.later(function.timeout_s, self._cut)

    async def _work(self) -> None:
        try:
            status = await self._answer()
        except asyncio.CancelledError:
            self._settle(504)
            raise
        except Exception as error:
            self._run.witness.fail("I0", f"{self._function.name} raises {error!r}", error)
        else:
            self._settle(status)
        self._limit.cancel()
        del self._instance.tasks[self._task]  # what is over need not be kept to the run's end

    async def _answer(self) -> int:
        """Call the step as its entry point does; the HTTP status."""
        message, name, note = self._message, self._function.name, self._run.note
        began = started()
        delivery = Delivery(
            message.id, message.data, message.attributes, message.published_at, message.policy.name, self._attempt
        )
        try:
            outcome = await step(name, delivery, self._instance.ports)
        except Retry as error:
            note("retry: {}", error.code)
            return 503
        log_outcome(name, outcome, began, delivery)
        note(outcome.code)
        return outcome.status

    def _settle(self, status: int) -> None:
        """Tell the bus, once."""
        if self._settled:
            return
        self._settled = True
        run, message = self._run, self._message
        run.note("answers {} to message {}", status, message.id, by=self._actor)
        (run.bus.ack if status < 300 else run.bus.nack)(message, self._attempt)
        if self._attempt in message.open:  # the acknowledgement got lost
            self._wait()

    def _wait(self) -> None:
        """Only the subscription's deadline can tell."""
        run, over_at = self._run, self._began + self._message.policy.ack_deadline_s
        run.later(over_at - run.loop.time(), run.bus.overdue, self._message, self._attempt)

    def _broken(self) -> None:
        """The platform sees the connection break."""
        self._settle(503)

    def _cut(self) -> None:
        """The function's timeout is over."""
        if not self._task.done() and self._instance.alive:
            self._settle(504)
            if self._instance.stopped:  # whoever does not answer gets no more work
                self._run.fleet.leave(self._instance)
            if not self._run.weather.goes_on_unseen:
                self._task.cancel()
        elif not self._settled:
            self._wait()


def _unnoticed() -> None:
    """Nobody sees a connection break: only the deadline tells."""
