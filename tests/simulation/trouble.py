"""Where calls meet the network and its faults: `Calm` has none, `Storm` those of a run's weather."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from shared.errors import CommitUnknown, StoreUnavailable, SwitchyardError
from tests.simulation.faults import HOUR_S, Faults, Weather
from tests.simulation.loop import ACTOR, Instance
from tests.store import Network, Unapplied, turn


class Calm(Network):
    """No trouble: every call only lets others run.

    Calls that only read, and messages, travel back only: what can happen on their way out can happen on the way back of
    the call before. A commit travels both ways, because the deadlines of what led to it are over.
    """

    def publish_fails(self) -> str:
        """Return `lost`, `kept` or an empty string, for the message that arrives now."""
        return ""

    def deliveries(self, subscription: str) -> list[float]:
        """Return after how many seconds a new message is delivered, once for each time that it is."""
        return [0.0]

    def ack_is_lost(self) -> bool:
        """Return whether an acknowledgement does not arrive."""
        return False

    def buries(self) -> str:
        """Return whether a refused message goes to the dead letters now: `gone`, `both` (it also stays) or not."""
        return ""


class Storm(Calm):
    """The weather of a run. `mishap(kind)` tells the simulation to end or stop the instance of the current actor.

    `others` holds whoever could go on now: where it is empty, nobody needs to be given a turn.
    """

    def __init__(
        self, weather: Weather, rng: random.Random, mishap: Callable[[str, Instance], None], others: Sequence[object]
    ) -> None:
        self.faults: Faults = weather.faults
        self._sum_up()
        self._down = weather.store_down_s
        self._random = rng.random
        self._uniform = rng.uniform
        self._mishap = mishap
        self._others = others

    def heal(self) -> None:
        """End all trouble."""
        self.faults.heal()
        self._sum_up()
        self._down = None

    def _sum_up(self) -> None:
        """Put what can happen at one occasion side by side: one draw then says whether any of it does, and which."""
        f = self.faults
        self._rough = f.crash + f.sigterm + f.stop
        self._commits = (("unavailable", f.unavailable), ("lost", f.commit_lost), ("kept", f.commit_kept))
        self._publishes = (("lost", f.publish_fails), ("kept", f.publish_kept))
        self._burials = (("gone", f.buried / 2), ("both", f.buried / 2))

    async def hop(self) -> None:
        """Travel one way: the occasion for others to run, and for mishaps."""
        faults, draw = self.faults, self._random()
        if draw < self._rough:
            kind = "crash" if draw < faults.crash else "sigterm" if draw < faults.crash + faults.sigterm else "stop"
            self._mishap(kind, ACTOR.get().instance)
            return await turn()
        draw -= self._rough
        if faults.zombie and ACTOR.get().function.startswith("execute-") and self._random() < faults.zombie:
            self._mishap("stop", ACTOR.get().instance)
            await turn()
        elif draw < faults.slow:
            await asyncio.sleep(self._uniform(0.01, 20.0))
        elif draw > 0.4 and self._others:  # the other answers come so fast that nobody else gets a turn
            await turn()
        return None

    send = hop

    def read_fails(self) -> bool:
        return self._is_down() or self._random() < self.faults.unavailable

    def tears(self) -> bool:
        return self._random() < 0.2

    def commit_fails(self) -> SwitchyardError | None:
        fate = "unavailable" if self._is_down() else self._one_of(self._commits)
        return failed_commit(fate) if fate else None

    def publish_fails(self) -> str:
        return self._one_of(self._publishes)

    def deliveries(self, subscription: str) -> list[float]:
        faults = self.faults
        # What classify has not seen yet exists on the bus only, and the bus promises not to lose it.
        if subscription.startswith(("intent-", "document-")) and self._random() < faults.lost:
            return []
        delays = [self._delay()]
        if faults.copies and self._random() < faults.copies:
            delays += [self._delay() for _ in range(1 + int(9 * self._random()))]
        if faults.next_day and self._random() < faults.next_day:
            delays.append(25 * HOUR_S)
        return delays

    def ack_is_lost(self) -> bool:
        return self._random() < self.faults.ack_lost

    def buries(self) -> str:
        return self._one_of(self._burials)

    def _delay(self) -> float:
        return self._uniform(0, 200) if self._random() < self.faults.late else self._uniform(0, 0.1)

    def _is_down(self) -> bool:
        return self._down is not None and self._down[0] <= asyncio.get_running_loop().time() < self._down[1]

    def _one_of(self, chances: tuple[tuple[str, float], ...]) -> str:
        draw = self._random()
        for kind, chance in chances:
            if draw < chance:
                return kind
            draw -= chance
        return ""


def failed_commit(fate: str) -> SwitchyardError:
    """Return what the caller of a commit is told that was not taken (`unavailable`), or got `lost` or `kept` unseen."""
    if fate == "unavailable":
        return StoreUnavailable("the store is down")
    return Unapplied("no answer") if fate == "lost" else CommitUnknown("no answer")
