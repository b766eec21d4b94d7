"""What goes wrong with the classifier: a flood of wrong suggestions opens a breaker, and what ran by itself is audited.

Drawn apart from the weather: a seed keeps the weather that it had before there was any of this.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import BadRequest, Retry
from shared.records.audits import answer
from shared.records.breakers import rearm
from shared.task.breaker import FEWEST_BAD
from shared.task.moves import Person
from tests.simulation.loop import Broken

if TYPE_CHECKING:
    from tests.simulation.world import Run

SALT = "tripping1"
SWEEP_EVERY_S = 60.0
PATIENCE_S = 600.0


@dataclass(frozen=True)
class Tripping:
    """One run's circumstances; where nothing `floods`, nobody counts errors, and nobody looks at a breaker."""

    floods: bool
    at_s: float  # when the flood comes
    rearmed_after_s: float
    audit_share: float

    @property
    def error_budget(self) -> float:
        """The setting of this name."""
        return 0.25 if self.floods else 0.0


def draw(seed: int) -> Tripping:
    """Return what goes wrong with the classifier in a run."""
    rng = random.Random(f"{SALT} {seed}")
    floods = rng.random() < 0.2
    return Tripping(
        floods=floods,
        at_s=rng.uniform(1, 60),
        rearmed_after_s=rng.choice((60.0, 600.0, 3600.0)),
        audit_share=1.0 if floods and rng.random() < 0.5 else 0.0,
    )


def begin(run: Run) -> None:
    """Let the flood come."""
    if run.tripping.floods:
        run.later(run.tripping.at_s, lambda: run.spawn(_flood(run)))


async def _flood(run: Run) -> None:
    """People have rejected what the classifier said, again and again, of an intent that tasks are on their way to."""
    ready = [data["intent"] for _, data in run.store.items("tasks") if data.get("state") == "READY"]
    intent = ready[0] if ready and ready[0] in run.fleet.registry else "order_status"
    run.note("a flood of wrong {}", intent)
    for n in range(5 * FEWEST_BAD):  # more than may go right in a run
        wrong = {"said": intent, "right": False, "drawn": "", "at": run.store.now}
        run.store.write(f"labels/flood{n}", wrong)
    while not _is_open(run, intent) and run.loop.time() < run.ends_at_s + PATIENCE_S:
        await run.scheduler.sweep()
        await asyncio.sleep(SWEEP_EVERY_S / 3)
    a_day = run.aging.steps or run.weather.night_s  # may have passed, so that none of it counts any more
    if not (_is_open(run, intent) or a_day or intent not in run.fleet.registry):
        run.witness.fail("I13", f"the breaker of {intent} did not open")
    await asyncio.sleep(run.tripping.rearmed_after_s)
    await _ask(run, lambda p: rearm(p, intent, Person("operator0", "console"), "looked at"))


def born(run: Run, task_id: str) -> None:
    """Somebody looks at what ran by itself, sooner or later."""
    if run.tripping.audit_share and not run.replaying:
        run.spawn(_audit(run, task_id))


async def _audit(run: Run, task_id: str) -> None:
    await asyncio.sleep(run.rng.uniform(0, PATIENCE_S))
    found = run.store.look(f"audits/{task_id}").data
    if found is None:
        return run.witness.fail("I13", f"{task_id} ran by itself and was not drawn")
    verdict: Any = "right" if run.rng.random() < 0.8 else "wrong_intent"
    said = (None, found["intent"]) if found["blind"] else (verdict, None)
    return await _ask(run, lambda p: answer(p, task_id, Person("clerk0", "console"), *said))


async def _ask(run: Run, work: Any) -> None:
    for _ in range(3):
        try:
            await run.request("console", "clerk0", work)
        except (Retry, Broken):
            await asyncio.sleep(run.rng.uniform(1, 30))
        except BadRequest as error:
            return run.note("it is refused: {}", error.code)
        except Exception as error:
            return run.witness.fail("I0", f"the console raises {error!r}", error)
        else:
            return run.note("it is done")
    return None


def is_unanswered(run: Run, task_id: str) -> bool:
    """Whether somebody still has to look at a task: until then it must not be removed."""
    found = run.store.look(f"audits/{task_id}").data
    return bool(found and found["open"])


def _is_open(run: Run, intent: str) -> bool:
    return bool((run.store.look(f"breakers/{intent}").data or {}).get("open"))
