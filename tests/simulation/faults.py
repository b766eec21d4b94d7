"""What goes wrong in a run, and how often: drawn from the seed, so that every run has a weather of its own."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields

HOUR_S = 3600.0


@dataclass
class Faults:
    """Chances, each per occasion; 0 is never. All of them are set to 0 when a run heals."""

    # per trip over the network, of whoever makes it
    crash: float = 0.0  # its instance dies, now
    sigterm: float = 0.0  # its instance is told to end, and killed 10 s later
    stop: float = 0.0  # its instance stands still, up to half an hour
    zombie: float = 0.0  # the same, of an executor
    slow: float = 0.0  # the trip takes seconds
    # per call of the store
    unavailable: float = 0.0
    commit_lost: float = 0.0  # of unknown outcome: not applied
    commit_kept: float = 0.0  # of unknown outcome: applied
    # per message of the bus
    publish_fails: float = 0.0
    publish_kept: float = 0.0  # published, and the acknowledgement is lost
    lost: float = 0.0  # after classify: the outbox must notice
    copies: float = 0.0  # 1 to 9 more, mostly at once
    late: float = 0.0  # seconds to minutes later, so that others overtake it
    next_day: float = 0.0  # once more, 25 hours later
    ack_lost: float = 0.0
    buried: float = 0.0  # to the dead letters before its time, and perhaps delivered nevertheless
    foreign: float = 0.0  # a copy of a later schema version beside it
    # per call of the model, of the provider
    model: float = 0.0
    provider: float = 0.0

    def heal(self) -> None:
        """End all trouble."""
        for f in fields(self):
            setattr(self, f.name, 0.0)


# How likely a kind is in a run where it occurs at all. Mishaps strike at every trip, of which a task makes dozens:
# more of them, and nobody gets anywhere, which proves little. The provider is called a few times.
STRENGTHS = {
    "provider": (0.1, 0.2, 0.4),
    "model": (0.1, 0.3),
    "crash": (0.003, 0.015, 0.04),
    "sigterm": (0.003, 0.015, 0.04),
    "stop": (0.01, 0.03, 0.06),
    "zombie": (0.03, 0.07, 0.12),
}
USUAL = (0.02, 0.1, 0.2)
OFTEN = frozenset({"provider", "model", "crash", "sigterm", "stop"})  # what matters most

# What becomes of a write whose call fails.
WRITE_FATES = (
    "refused",
    "429",
    "503_before",
    "500_before",
    "500_after",
    "reset_before",
    "reset_after",
    "timeout_before",
    "timeout_after",
    "timeout_later",
    "reset_later",
    "reset_later",
    "stored_500",
    "409_in_use",
    "302_before",
    "302_after",
    "401",
    # Of refunds; others simply succeed.
    "pending",
    "pending_fails",
    "failed",
)
# What leaves everybody in doubt for longest: whoever looks finds nothing, for it never arrived, or arrives later.
UNANSWERED = ("timeout_after", "reset_later", "reset_before", "timeout_before")
UNFINISHED = ("pending", "pending_fails")


@dataclass(frozen=True)
class Weather:
    """One run's circumstances."""

    faults: Faults
    write_fates: tuple[str, ...]
    tasks: int
    store_down_s: tuple[float, float] | None  # from, to
    night_s: tuple[float, float] | None  # 25 hours in which the bus and the scheduler stand still: from, to
    goes_on_unseen: bool  # what is past its function's timeout: else it is cancelled, as some platforms do
    clock_skew_s: float  # of the bus against the store
    approval_ttl_s: float
    model_budget_s: float
    patience_s: int  # with the provider
    two_people_above: int | None  # refunds of more than this take two people
    heals_at_s: float


def draw(rng: random.Random) -> Weather:
    """Return the weather of a run: some kinds of fault, of some strength, and never all at once."""
    faults = Faults()
    share = rng.choice((0.0, 0.1, 0.2, 0.35))
    for f in fields(Faults):
        if rng.random() < (2 * share if f.name in OFTEN else share):
            setattr(faults, f.name, rng.choice(STRENGTHS.get(f.name, USUAL)))
    down = (rng.uniform(0, 300), rng.choice((30.0, 600.0, HOUR_S))) if rng.random() < 0.05 else None
    write_fates: tuple[str, ...] = WRITE_FATES
    emphasis = rng.random()
    if emphasis < 0.1:  # workers that wake up when others have taken over
        faults.zombie = rng.choice((0.05, 0.12))
    elif emphasis < 0.2:  # nobody knows what was done, everything is asked twice, and the bus gives up early
        faults.provider, faults.copies, faults.ack_lost, faults.buried = 0.4, 0.2, 0.2, 0.6
        write_fates = ("reset_later",)
    elif emphasis < 0.3:  # a worker wakes up and knows what the provider has begun, when others have taken over
        faults.provider, faults.zombie, write_fates = 0.3, 0.12, UNFINISHED
    has_night = rng.random() < 0.12
    if has_night:  # what the provider did not answer in the evening is what must not be repeated in the morning
        faults.provider = max(faults.provider, 0.3)
        write_fates = UNANSWERED
    night_from = rng.uniform(5, 150)
    night = (night_from, night_from + 25 * HOUR_S) if has_night else None
    heals_at_s = rng.choice((200.0, 900.0, 2400.0))
    return Weather(
        faults=faults,
        write_fates=write_fates,
        tasks=rng.choice((4, 6, 8, 10, 12)),
        store_down_s=(down[0], down[0] + down[1]) if down else None,
        night_s=night,
        goes_on_unseen=rng.random() < 0.5,
        clock_skew_s=rng.choice((0.0, 0.0, 600.0, -600.0)),
        approval_ttl_s=rng.choice((300.0, 72 * HOUR_S, 72 * HOUR_S)),
        model_budget_s=rng.choice((10.0, 60.0, 600.0)),
        patience_s=rng.choice((60, 600, 6 * 3600)),
        two_people_above=rng.choice((None, None, 0, 2000)),
        heals_at_s=max(heals_at_s, night[1] + 600 if night else 0.0),
    )
