"""A proposal in, a certificate out, as a file that people review: the same decisions make the same bytes.

The file remembers its look. Who could look again and again until something is proven would prove anything, so what is
there already is not overwritten with another look of the same number.
"""

from __future__ import annotations

import json
import os
import re
from datetime import datetime, timedelta
from pathlib import Path

from infra.calibrate.counting import Classifier
from infra.calibrate.effects import acted_share
from infra.calibrate.proposal import Pool, Proposal, Wanted, why_not
from infra.errors import StackError
from shared.calibration.certify import LOOKS
from shared.certificate import MAX_BYTES, Certificate, Line, parse
from shared.errors import SettingError
from shared.task.label import Label

_UNNAMED = "the classifier named no intent"
_PAIR = re.compile(r"\[\s+([\d.e-]+),\s+([\d.e-]+)\s+\]")


def certificate(
    proposal: Proposal,
    classifier: Classifier,
    labels: list[Label],
    now: datetime,
    *,
    days: int,
    audit_share: float | None = None,
) -> Certificate:
    """Return what a proposal proves, valid for so many days from its last decision on.

    `labels`: all of the classifier. `audit_share`: see `acted_share`.

    Raises:
        StackError: it proves nothing, or has lapsed already; it says why.
    """
    _must_prove(proposal)
    wanted, until = proposal.wanted, proposal.until + timedelta(days=days)
    if until <= now:
        raise StackError(
            f"the last decision is of {proposal.until:%Y-%m-%d}: a certificate of {days} days has lapsed; decide more "
            "tickets, or say --days"
        )
    made = Certificate(
        model=classifier.model,
        prompt_versions=(classifier.prompt_version,),
        target=wanted.target,
        delta=wanted.delta,
        look=proposal.look.number,
        looks=wanted.looks,
        decisions=proposal.look.decisions,
        since=proposal.since,
        until=proposal.until,
        valid_until=until,
        labels_sha256=proposal.digest,
        acted_share=0.0,
        lines=tuple(_lines(proposal)),
    )
    share = acted_share([x for x in labels if x.at <= proposal.until], made, audit_share)
    return made.model_copy(update={"acted_share": round(share, 4)})


def _must_prove(proposal: Proposal) -> None:
    if not proposal.proven:
        reasons = "; ".join(_why_not(pool, proposal.wanted) for pool in proposal.pools)
        raise StackError(
            f"nothing is proven by {proposal.look.decisions:,} decisions. {reasons or _UNNAMED}. {_next(proposal)}"
        )


def _why_not(pool: Pool, wanted: Wanted) -> str:
    return f"{pool.intents[0]}: {why_not(pool, wanted)}" if len(pool.intents) == 1 else why_not(pool, wanted)


def _lines(proposal: Proposal) -> list[Line]:
    """Return a line for each pool; an intent of which no decision reaches the threshold has proven nothing."""
    found = []
    for pool in proposal.proven:
        if step := pool.walk.proven:
            found.append(
                Line(
                    intents=tuple(name for name in pool.intents if pool.own(name, step.threshold)[1]),
                    threshold=step.threshold,
                    right=step.right,
                    counted=step.counted,
                    bound=round(step.bound, 4),
                    curve=tuple(pool.curve),
                )
            )
    return found


def _next(proposal: Proposal) -> str:
    later = [decisions for decisions in LOOKS if decisions > proposal.look.decisions]
    if proposal.wanted.one_look:
        return "That was its one look: a better classifier is another one, and begins anew"
    if not later:
        return "That was the last look: a better classifier is another one, and begins anew"
    return f"The next look is at {later[0]:,}; this one again, with other options until it passes, would prove nothing"


def text(made: Certificate) -> str:
    """Return the certificate as its file holds it."""
    return _PAIR.sub(r"[\1, \2]", json.dumps(made.model_dump(mode="json"), indent=1)) + "\n"


def write(path: Path, made: Certificate) -> None:
    """Write the file, in one step.

    Raises:
        StackError: it cannot be written, is none of ours, or remembers another look of this number or a later one.
    """
    content = text(made)
    if len(content.encode()) > MAX_BYTES:
        raise StackError(f"the certificate has over {MAX_BYTES} bytes, which no setting takes; leave out --per-intent")
    _must_go_on(path, made)
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(content, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise StackError(f"{path} cannot be written: {error.strerror}") from None


def _must_go_on(path: Path, made: Certificate) -> None:
    try:
        old = parse(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError, SettingError):
        raise StackError(f"{path} is there, and no certificate; name another file with --out") from None
    if not any(old.is_of(made.model, version) for version in made.prompt_versions):
        return  # another classifier's looks are its own
    is_same = made.model_copy(update={"valid_until": old.valid_until}) == old
    if is_same or (made.looks == old.looks > 1 and made.look > old.look):
        return
    raise StackError(
        f"{path} was made from look {old.look} of {old.looks}, at {old.decisions:,} decisions up to "
        f"{old.until:%Y-%m-%d}; "
        f"this would be look {made.look} of {made.looks} at other decisions, or with other options, and looking until "
        f"it passes proves nothing: {_cure(old)}"
    )


def _cure(old: Certificate) -> str:
    later = LOOKS[old.look : old.look + 1]
    if old.looks > 1 and later:
        return (
            f"the next look is at {later[0]:,} decisions; for the same look export all labels and say the same options"
        )
    return "its looks are taken; a better classifier is another one, and begins anew"
