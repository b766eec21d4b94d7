"""A report in; tables for a terminal out, each figure with its 95% interval where it is a share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from infra.evaluate.against import Comparison, Flip
from infra.evaluate.certified import PARTS, RISK, Automatic
from infra.evaluate.report import FOREIGN, Report
from infra.evaluate.statistics import Share
from infra.ops.show import plain

NONE = "-"
MOST_TEXT = 70
MOST_LINES = 12


def tables(report: Report, keywords: Report, found: Sequence[Automatic]) -> list[RenderableType]:
    """Return the tables of one setting, the keyword router's figures beside the first."""
    return [_overview(report, keywords), _intents(report), _outside(report), _certified(found)]


def _certified(found: Sequence[Automatic]) -> Group:
    """Return what could run without a person at a promised precision, and how that was found out."""
    made = _table("automatic at a proven precision", "at least", "threshold", "share automatic", "right there", "proof")
    for entry in found:
        threshold = f"{entry.proven.threshold:g}" if entry.proven else NONE
        made.add_row(
            f"{entry.target:.0%}", threshold, with_interval(entry.acted), with_interval(entry.right), _proof(entry)
        )
    words = (
        f"threshold and proof: chosen on all tickets, at a risk of {RISK:.0%}. Share and right: cross-fitted, each "
        f"of {PARTS} parts at the threshold that the other parts prove."
    )
    return Group(made, Text(words, style="dim"))


def gate(report: Report) -> Group:
    """Return what the gate would execute with all its checks and today's settings, and why it would pause the rest."""
    made = _table("the gate, with all its checks", "", "tickets", "share")
    made.add_row("executed", f"{report.executed.count:,}", with_interval(report.executed))
    made.add_row("  of these right", f"{report.executed_right.count:,}", with_interval(report.executed_right))
    for code, count in list(report.reasons.items())[:MOST_LINES]:
        made.add_row(f"paused: {code}", f"{count:,}", _figure(count / report.tickets))
    words = "As if each ticket came alone: no rates, no repeated wishes, no audits."
    return Group(made, Text(words, style="dim"))


def notes(report: Report) -> list[str]:
    """Return what keeps the figures from being what they seem, one line each."""
    said = []
    if report.strange_labels:
        listed = ", ".join(
            f"{plain(label)} {count:,}" for label, count in list(report.strange_labels.items())[:MOST_LINES]
        )
        said.append(f"labels that are no intent here, counted as out of scope ({FOREIGN}): {listed}")
    if report.failures:
        listed = ", ".join(f"{code} {count:,}" for code, count in report.failures.items())
        said.append(f"calls without an answer, counted as naming none: {listed}")
    if report.spent.tokens:
        said.append(
            "dollars: at the prices of infra/cost/prices.json, which are of one model; how many of a call's tokens are "
            "its answer is estimated"
        )
    if report.known_by_heart:
        said.append(
            f"{report.known_by_heart:,} tickets are examples or near misses of an intent, word for word: they prove "
            "nothing"
        )
    if report.cannot_run:
        said.append(
            f"{report.cannot_run:,} tickets name an intent whose answer could not run whatever its confidence, mostly "
            "for parameters that the ticket does not state; --intent-only measures the intent alone"
        )
    return said


def comparison(made: Comparison, names: tuple[str, str], most: int) -> Group:
    """Return both settings side by side, and the first `most` of the tickets that go another way."""
    head = Text(f"here: {plain(names[0])}\nthere: {plain(names[1])}")
    first = _table("both settings", "", "tickets")
    for words, count in (
        ("both right", made.both),
        ("only here", made.only_here),
        ("only there", made.only_there),
        ("neither", made.neither),
        ("acted on and wrong, here", made.wrongly_acted[0]),
        ("acted on and wrong, there", made.wrongly_acted[1]),
    ):
        first.add_row(words, f"{count:,}")
    test = Text(
        f"McNemar's exact test on the {made.only_here + made.only_there:,} of which one is right: p = {made.p:.2g}"
    )
    second = _table("tickets that go another way", "id", "gold", "here", "there", "better", "text")
    for flip in made.flips[:most]:
        second.add_row(*map(Text, _flip(flip)))
    left = len(made.flips) - most
    rest = [Text(f"and {left:,} more; --flips says how many to show", style="dim")] if left > 0 else []
    marks = Text("* acted on at the threshold, ** executed by the gate", style="dim")
    return Group(head, first, test, Text(""), second, *rest, marks) if made.flips else Group(head, first, test)


def show(console: Console, head: str, parts: Sequence[RenderableType], lines: Sequence[str]) -> None:
    """Print the head, the parts with a blank line before each, then the lines."""
    console.print(head, highlight=False, markup=False)
    for part in parts:
        console.print()
        console.print(part)
    console.print()
    for line in lines:
        console.print(f"- {line}", highlight=False, markup=False)


def with_interval(of: Share) -> str:
    """Return `.887 (.84-.92)`; a dash of nothing."""
    if of.value is None or of.interval is None:
        return NONE
    low, high = of.interval
    # Outwards, so that the interval still holds the share.
    bounds = (math.floor(low * 100) / 100, math.ceil(high * 100) / 100)
    return f"{_figure(of.value)} ({'-'.join(_figure(b, 2) if 0 < b < 1 else f'{b:g}' for b in bounds)})"


def _overview(report: Report, keywords: Report) -> Table:
    made = _table("all tickets", "", "measured", "keyword router")
    at, spent = f"at {report.threshold:g}", report.spent

    for words, mine, theirs in (
        ("in scope", report.in_scope, keywords.in_scope),
        ("in-scope accuracy", report.found, keywords.found),
        (f"acted on {at}", report.acted, keywords.acted),
        ("  of these right (precision)", report.right, keywords.right),
    ):
        made.add_row(words, with_interval(mine), with_interval(theirs))
    made.add_section()
    made.add_row("calibration error, intent named", _figure(report.error), NONE)
    made.add_row("AUROC of the confidence: right", _figure(report.auroc_right), NONE)
    made.add_row("  intent named", _figure(report.auroc_right_named), NONE)
    made.add_row("AUROC of the confidence: in scope", _figure(report.auroc_in_scope), NONE)
    made.add_section()
    made.add_row("tokens per 1,000 tickets", f"{spent.tokens:,.0f}", "0")
    made.add_row(f"  dollars, prices of {spent.as_of}", f"{spent.dollars:.3f}", "0")
    made.add_row("latency of a call, p50 / p95, ms", f"{_ms(spent.p50_ms)} / {_ms(spent.p95_ms)}", NONE)
    return made


def _intents(report: Report) -> Table:
    at = f"at {report.threshold:g}"
    made = _table("each intent", "", "tickets", "found (recall)", f"acted on {at}", "right (precision)")
    for name, of in report.intents.items():
        made.add_row(name, f"{of.found.of:,}", with_interval(of.found), f"{of.acted:,}", with_interval(of.right))
    return made


def _outside(report: Report) -> Table:
    at = f"at {report.threshold:g}"
    made = _table("out of scope (recall)", "", "tickets", "named none", f"not acted on {at}")
    for kind, of in report.outside.items():
        made.add_row(kind, f"{of.left.of:,}", with_interval(of.named_none), with_interval(of.left))
    return made


def _proof(entry: Automatic) -> str:
    step, last = entry.proven, entry.last
    if step:
        return f"{step.right} right of {step.counted}"
    if last.counted < entry.fewest:
        return f"none: {last.counted} tickets from {last.threshold:g} on, it takes {entry.fewest}"
    return f"none: {last.right} right of {last.counted} from {last.threshold:g} on"


def _flip(flip: Flip) -> tuple[str, ...]:
    """Return the cells of one ticket; what strangers wrote moves no cursor, and is no markup."""
    better = {True: "here", False: "there", None: ""}[flip.is_better_here]
    ticket = flip.here.ticket
    text = plain(" ".join(ticket.text.split()))
    cut = text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
    said = (
        f"{v.failure or v.said} {_figure(v.confidence, 2)}{'**' if executes else '*' if acts else ''}"
        for v, acts, executes in zip((flip.here, flip.there), flip.acts, flip.executes, strict=True)
    )
    return plain(ticket.id), flip.here.gold, *said, better, cut


def _table(title: str, *columns: str) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for n, column in enumerate(columns):
        is_words = n == 0 or column in ("gold", "here", "there", "better", "text", "proof")
        made.add_column(column, justify="left" if is_words else "right", overflow="fold")
    return made


def _figure(value: float | None, digits: int = 3) -> str:
    """Return a figure from 0 to 1 without its leading zero; a dash for none."""
    if value is None:
        return NONE
    text = f"{value:.{digits}f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def _ms(value: float | None) -> str:
    return NONE if value is None else f"{value:,.1f}" if value < 10 else f"{value:,.0f}"
