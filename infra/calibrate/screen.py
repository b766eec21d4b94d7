"""A proposal in; what people read before they believe it out: the walk, each intent's own count, what would change."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.calibrate.counting import Classifier
from infra.calibrate.effects import Effects
from infra.calibrate.proposal import Pool, Proposal, why_not
from infra.ops.show import plain
from shared.calibration.certify import Step, upper_bound
from shared.certificate import Certificate

OWN_RISK = 0.1  # an intent of which even the upper bound at this risk is under the target drags its pool down


def show(console: Console, classifier: Classifier, proposal: Proposal) -> None:
    """Print whose decisions were looked at, and the walk of every pool."""
    look, wanted = proposal.look, proposal.wanted
    _lines(
        console,
        f"{plain(classifier.model)}, prompt {plain(classifier.prompt_version)}: {look.decisions:,} decisions, "
        f"{proposal.since:%Y-%m-%d} to {proposal.until:%Y-%m-%d}, sha256 {proposal.digest[:16]}...",
        f"look {look.number} of {wanted.looks}, for {wanted.promise}",
    )
    for pool in proposal.pools:
        console.print()
        console.print(_walk(pool))
        if pool.walk.proven:
            console.print(_intents(pool, pool.walk.proven, wanted.target))
        else:
            _lines(console, f"nothing is proven: {why_not(pool, wanted)}")
    if len(proposal.pools) > 1:
        _lines(console, f"each of {len(proposal.pools)} lines is a promise of its own, with a risk of its own")


def show_change(console: Console, made: Certificate, found: Effects | None) -> None:
    """Print until when it is valid, and what it changes."""
    _lines(
        console,
        "",
        f"valid until {made.valid_until:%Y-%m-%d %H:%M} UTC, for this model and prompt; "
        f"{made.acted_share:.1%} of all tickets reach their threshold",
        *(_changes(found) if found else ("how many tickets that is a day, these labels do not say",)),
    )


def _changes(found: Effects) -> Iterator[str]:
    yield (
        f"of {found.tickets_a_day:,.1f} tickets a day ({found.days:,.0f} days), {found.sure_a_day:,.1f} would be sure "
        f"enough, and {found.saved_a_day:,.1f} run by themselves: so many approvals a day less"
    )
    if found.saved_a_day < found.sure_a_day:
        yield "  the others are of intents that policy gives to people, unless AUTOMATIC names them"
    yield (
        f"wrong ones among these: {found.wrong_a_week:,.1f} a week expected, at most {found.most_wrong_a_week:,.1f} "
        "with 95% certainty"
    )


def _walk(pool: Pool) -> Table:
    made = _table(f"the walk: {', '.join(pool.intents)}", "threshold", "right", "of", "proven share", "")
    for step in pool.walk.steps:
        made.add_row(
            f"{step.threshold:g}", f"{step.right:,}", f"{step.counted:,}", f"{step.bound:.4f}", _word(pool, step)
        )
    return made


def _word(pool: Pool, step: Step) -> str:
    if step.counted < pool.walk.fewest:
        return "too few to tell"
    if step == pool.walk.proven:
        return "the loosest that is proven"
    return "fails" if step == pool.walk.steps[-1] else "holds"


def _intents(pool: Pool, proven: Step, target: float) -> Table:
    made = _table(f"each intent from {proven.threshold:g} on", "intent", "right", "of", "share", "")
    for intent in pool.intents:
        right, count = pool.own(intent, proven.threshold)
        is_doubtful = count and upper_bound(right, count, OWN_RISK) < target
        word = f"by itself below {target:g}; a next look --without it leaves it to people" if is_doubtful else ""
        word = word if count else "none reaches it: stays with people"
        made.add_row(intent, f"{right:,}", f"{count:,}", f"{right / count:.3f}" if count else "-", word)
    return made


def _table(title: str, *columns: str) -> Table:
    made = Table(title=Text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for n, column in enumerate(columns):
        made.add_column(column, justify="left" if n in (0, len(columns) - 1) else "right", overflow="fold")
    return made


def _lines(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, highlight=False, markup=False)
