"""Whether the classifier may be believed: its confidence, the threshold, and what is proven of it. Pure.

Reasons are `code: words`. What is proven counts only for the classifier that it was proven of, and only in its time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from shared.calibration.reliability import calibrated
from shared.certificate import Certificate, Line
from shared.intent.declaration import Intent
from shared.settings import Settings

ABOUT = 500  # decisions that it takes, as a rule, until a threshold is proven


@dataclass(frozen=True, slots=True)
class Classified:
    """Who said how sure they are: `model` and `prompt_version` as records name them, and when."""

    confidence: float
    model: str
    prompt_version: str
    at: datetime


def proven(intent: Intent, said: Classified, settings: Settings) -> Line | None:
    """Return what is proven of this classifier for an intent, or None."""
    certificate = certificate_of(said, settings)
    return certificate.line_for(intent.name) if certificate else None


def calibrated_confidence(intent: Intent, said: Classified, settings: Settings) -> float | None:
    """Return the share of such answers that was right, or None where nothing is proven."""
    line = proven(intent, said, settings)
    return None if line is None or not line.curve else calibrated(said.confidence, line.curve)


def threshold_of(intent: Intent, said: Classified, settings: Settings) -> float:
    """Return the least confidence that is enough for an intent: what is proven of the classifier, else the setting."""
    line = proven(intent, said, settings)
    return settings.confidence_threshold if line is None else max(line.threshold, intent.policy.min_confidence)


def is_on_probation(intent: Intent | None, said: Classified, settings: Settings) -> bool:
    """Whether everything of this classifier goes to people, however sure it is: its decisions count as proof."""
    if not settings.certification:
        return False
    return certificate_of(said, settings) is None if intent is None else proven(intent, said, settings) is None


def confidence_reasons(intent: Intent, said: Classified, settings: Settings, *, counted: int = 0) -> list[str]:
    """Return why the confidence is not enough for this intent.

    `counted`: how many decisions about this classifier count as proof by now, for the words alone.
    """
    if is_on_probation(intent, said, settings):
        return [f"unproven: {counted} of about {ABOUT} decisions"]
    reasons = _below(said.confidence, threshold_of(intent, said, settings))
    worth = calibrated_confidence(intent, said, settings)
    if not reasons and worth is not None and not worth >= settings.confidence_threshold:
        reasons.append(
            f"low_confidence: {said.confidence:.2f} was right in {worth:.2f} of cases, "
            f"below {settings.confidence_threshold:.2f}"
        )
    return reasons


def certificate_of(said: Classified, settings: Settings) -> Certificate | None:
    """Return the certificate of whoever said it, if there is one and it has not run out."""
    known = (c for c in (settings.certificate, settings.local_certificate) if c is not None)
    return next((c for c in known if c.is_of(said.model, said.prompt_version) and said.at < c.valid_until), None)


def _below(confidence: float, threshold: float) -> list[str]:
    # Written so that NaN asks a person: NaN < 0.8 is False.
    if math.isfinite(confidence) and threshold <= confidence <= 1:
        return []
    return [f"low_confidence: {confidence:.2f} is below {threshold:.2f}"]
