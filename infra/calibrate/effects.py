"""A proposed certificate and the labels that it rests on in, what it would change a day out. Pure.

Whether a ticket would run is the gate's own word, so floors and policy count as they will.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from infra.calibrate.counting import could_run
from infra.errors import StackError
from shared.calibration.certify import lower_bound
from shared.certificate import Certificate
from shared.gate.confidence import Classified, confidence_reasons
from shared.intent.registry import Registry
from shared.settings import Settings
from shared.task.label import Label

DAY_S = 24 * 3600
RISK = 0.05  # of the most wrong ones


@dataclass(frozen=True, slots=True)
class Effects:
    """What people see a day, what of it would run by itself, and how many of these would be wrong in a week.

    `sure`: reach what is proven, also of intents that policy gives to people anyway; `saved`: the others.
    """

    days: float
    tickets_a_day: float
    sure_a_day: float
    saved_a_day: float
    wrong_a_week: float
    most_wrong_a_week: float


def acted_share(labels: Sequence[Label], certificate: Certificate, audit_share: float | None = None) -> float:
    """Return which share of the tickets reached their line's threshold.

    On probation people see every ticket, so those alone are looked at where there are any. Else an audited ticket
    stands for as many as `audit_share` says, and all others for themselves.

    Raises:
        StackError: no ticket was on probation, and nobody says which share was audited.
    """
    seen = [label for label in labels if label.drawn == "probation"] or list(labels)
    weights = [1.0] * len(seen)
    if seen[0].drawn != "probation" and any(label.drawn == "audit" for label in seen):
        if not audit_share:
            raise StackError("no ticket was on probation: say with --audit-share which share was drawn for audits")
        weights = [1 / audit_share if label.drawn == "audit" else 1.0 for label in seen]
    reached = (_reaches(label, certificate) for label in seen)
    return sum(w for w, reaches in zip(weights, reached, strict=True) if reaches) / sum(weights)


def _reaches(label: Label, certificate: Certificate) -> bool:
    line = certificate.line_for(label.said)
    return line is not None and label.confidence >= line.threshold


def effects(
    labels: Sequence[Label], certificate: Certificate, registry: Registry, settings: Settings
) -> Effects | None:
    """Return what would have changed while every ticket was on probation, None where that took no time."""
    seen = [label for label in labels if label.drawn == "probation"]
    if not seen or seen[0].at == seen[-1].at:
        return None
    days = max(1.0, (seen[-1].at - seen[0].at).total_seconds() / DAY_S)
    proven = replace(settings, certification=True, certificate=certificate)
    sure = [label for label in seen if _would_run(label, registry, proven)]
    saved = [label for label in sure if _needs_nobody(label.said, registry, settings)]
    judged = [bool(label.right) for label in saved if label.right is not None]
    wrong = judged.count(False) / len(judged) if judged else 0.0
    most = 1 - lower_bound(sum(judged), len(judged), RISK) if judged else 0.0
    saved_a_day = len(saved) / days
    return Effects(
        days, len(seen) / days, len(sure) / days, saved_a_day, saved_a_day * 7 * wrong, saved_a_day * 7 * most
    )


def _would_run(label: Label, registry: Registry, settings: Settings) -> bool:
    said = Classified(label.confidence, label.model, label.prompt_version, label.at)
    return could_run(label) and not confidence_reasons(registry[label.said], said, settings)


def _needs_nobody(intent: str, registry: Registry, settings: Settings) -> bool:
    policy = registry[intent].policy
    return intent not in settings.disabled_intents and (policy.risk == "none" or intent in settings.automatic)
