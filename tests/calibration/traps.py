"""Shortcuts that prove too much, each as a change of the code: the promise must break where a world is harsh on it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

from tests.calibration.worlds import Rule

ROOT = Path(__file__).resolve().parents[2]
CERTIFY, COUNTING = "shared.calibration.certify", "infra.calibrate.counting"
PROPOSAL, CROSSFIT = "infra.calibrate.proposal", "infra.calibrate.crossfit"
MODULES = (CERTIFY, COUNTING, PROPOSAL, CROSSFIT)  # whoever imports stands behind what it imports


@dataclass(frozen=True)
class Trap:
    """In each module the old text becomes the new one; `world` is where that breaks the promise."""

    name: str
    world: str
    changes: tuple[tuple[str, str, str], ...]


TRAPS = (
    Trap(
        "the point estimate instead of its bound",
        "few examples",
        ((CERTIFY, "if tail(step.right, step.counted, target) > delta:", "if step.right < target * step.counted:"),),
    ),
    Trap(
        "the loosest of all thresholds instead of the walk",
        "just below",
        ((CERTIFY, "            break\n        proven = step", "            continue\n        proven = step"),),
    ),
    Trap(
        "looking until it passes",
        "looked at again and again",
        (
            (CERTIFY, "return due[-1] if due else None", "return Look(1, counted)"),
            (PROPOSAL, "return self.delta / self.looks", "return self.delta"),
        ),
    ),
    Trap(
        "looks that each take the whole risk",
        "looked at again and again",
        ((PROPOSAL, "return self.delta / self.looks", "return self.delta"),),
    ),
    Trap(
        "decisions about those alone that the classifier was not sure of",
        "sure of one form",
        ((COUNTING, 'POOLED = ("probation", "audit")', 'POOLED = ("probation", "audit", "")'),),
    ),
    Trap(
        "audits as proof of what was never drawn",
        "audited",
        ((COUNTING, "bool(label.right), label.above)", "bool(label.right), 0.0)"),),
    ),
    Trap(
        "silence as consent",
        "half are silent",
        (
            (COUNTING, "return label.right is not None and label.drawn", "return label.drawn"),
            (COUNTING, "bool(label.right), label.above", "label.right is not False, label.above"),
        ),
    ),
    Trap(
        "the same decisions to teach and to prove",
        "taught on what it is judged by",
        ((CROSSFIT, "strict=True) if its != part]", "strict=True)]"),),
    ),
)


def rule(trap: Trap | None = None) -> Rule:
    """Return the rule as it is, or as the trap has it.

    Raises:
        ValueError: what the trap changes is not where it was: the table has to follow the code.
    """
    before = {name: importlib.import_module(name) for name in MODULES}
    try:
        if trap is not None:
            for name in MODULES:
                _load(name, trap)
        made = {name: sys.modules[name] for name in MODULES}
    finally:
        sys.modules.update(before)
    return cast(Rule, SimpleNamespace(propose=_propose(made[PROPOSAL]), out_of_sample=made[CROSSFIT].out_of_sample))


def _propose(module: ModuleType) -> Callable[..., Any]:
    return lambda labels, **wanted: module.propose(labels, module.Wanted(**wanted))


def _load(name: str, trap: Trap) -> None:
    path = ROOT / f"{name.replace('.', '/')}.py"
    source = path.read_text(encoding="utf-8")
    for module, old, new in trap.changes:
        if module == name:
            if source.count(old) != 1:
                raise ValueError(f"{trap.name}: {path.name} has {source.count(old)} times {old!r}")
            source = source.replace(old, new)
    made = ModuleType(name)
    made.__file__ = str(path)
    sys.modules[name] = made
    exec(compile(source, str(path), "exec"), made.__dict__)
