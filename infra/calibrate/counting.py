"""Labels in, those that count as proof out: of one classifier, drawn whatever its confidence was, judged by a person.
Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from infra.errors import StackError
from infra.ops.show import plain
from shared.calibration.certify import Counted
from shared.task.label import Label
from shared.task.schemas import UNCLASSIFIED

POOLED = ("probation", "audit")  # drawn from all intents alike
OF_ITS_INTENT = (*POOLED, "policy")  # whoever policy always shows to a person says nothing of the other intents
MOST_LISTED = 8


class Classifier(NamedTuple):
    """Who answered, as records name it."""

    model: str
    prompt_version: str


def of_one(labels: Sequence[Label], model: str = "", prompt: str = "") -> tuple[Classifier, list[Label]]:
    """Return the labels of one classifier, and which it is: the only one, or the one that is chosen.

    Where no model answered a label has no prompt; it is of nobody.

    Raises:
        StackError: there are several, or none such; it names them with how many labels each has.
    """
    found = Counter(Classifier(label.model, label.prompt_version) for label in labels if label.prompt_version)
    if not found:
        raise StackError("no label is about an answer of a classifier; decide tickets that one answered")
    chosen = [c for c in found if (not model or c.model == model) and (not prompt or c.prompt_version == prompt)]
    if len(chosen) != 1:
        listed = found.most_common(MOST_LISTED)
        named = ", ".join(plain(f"{c.model} with prompt {c.prompt_version} ({count:,})") for c, count in listed)
        rest = f" and {len(found) - MOST_LISTED} others" if len(found) > MOST_LISTED else ""
        raise StackError(
            f"the labels are of {named}{rest}: what is proven of one says nothing of another; "
            f"{'none of them is' if not chosen else 'choose one with'} --model {model or 'NAME'}"
            f"{f' --prompt {prompt}' if prompt else ' (and --prompt VERSION)'}"
        )
    return chosen[0], [label for label in labels if Classifier(label.model, label.prompt_version) == chosen[0]]


def must_be_known(names: Iterable[str | None], intents: Collection[str]) -> None:
    """Refuse labels whose names are of intents that there are not.

    Raises:
        StackError: it names these intents, with how often each stands there.
    """
    strange = Counter(name for name in names if name and name not in (UNCLASSIFIED, *intents))
    if strange:
        named = ", ".join(f"{name!r} ({count:,})" for name, count in strange.most_common(MOST_LISTED))
        raise StackError(
            f"labels are about {named}, which no folder declares; leave them out, or run this where the folders are"
        )


def counts(label: Label, drawn: Collection[str] = POOLED) -> bool:
    """Whether a label is proof, for or against: silence and refusals for other reasons are neither."""
    return label.right is not None and label.drawn in drawn


def could_run(label: Label) -> bool:
    """Whether the answer named an intent and could have run as it stood, had nobody looked.

    Who corrects it although it was right has set parameters that were missing or invalid: the gate holds such an
    answer back whatever its confidence is.
    """
    return label.said != UNCLASSIFIED and not (label.verdict == "corrected" and label.right)


def decision(label: Label) -> Counted:
    """Return what a walk reads of a label that counts and could have run."""
    return Counted(label.confidence, bool(label.right), label.above)


def nothing_counts(labels: Sequence[Label]) -> str:
    """Return why none of these labels is proof, and what to do about it."""
    unsure = sum(label.right is not None and not label.drawn for label in labels)
    if unsure:
        return (
            f"all {unsure:,} decisions are about tickets that the classifier was not sure of; they say nothing about "
            "those that it would run: set CERTIFICATION=required, and people see every ticket until enough are decided"
        )
    if any(label.drawn == "policy" for label in labels):
        return "people saw these tickets for reasons of policy, which prove an intent by itself alone: add --per-intent"
    return f"none of {len(labels):,} labels says whether the answer was right; decide more tickets"
