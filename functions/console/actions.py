"""What people can do to a task on its page, and a form that was refused as it was filled in: data for the templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.console.dossier import Dossier
from functions.console.page import Page
from shared.canonical import sha256_hex
from shared.errors import BadRequest
from shared.gate.doors import approvals_needed, missing
from shared.gate.inputs import Input, inputs_of, problems, refilled
from shared.intent.declaration import Intent
from shared.records.decisions import missing_approvers, why_not
from shared.task.redrive import is_approved
from shared.task.schemas import REDRIVABLE, TaskRecord


def actions(page: Page, dossier: Dossier, form: Mapping[str, str], error: BadRequest | None = None) -> dict[str, Any]:
    """Return what the forms of a task's page show. `form` was refused because of `error`."""
    record, registry = dossier.record, page.ports.registry
    suggested = record.intent if record.intent in registry else record.classification.intent
    chosen = registry.get(form.get("intent") or page.query.get("intent") or suggested)
    refusal = why_not(page.ports, record, page.who, chosen.name if chosen else None)
    shown = {
        "chosen": chosen,
        "unknown": bool(chosen and [p for p in chosen.needs if dossier.view.at(p) is None]),
        "is_open": bool(form.get("edited") or (chosen and chosen.name != record.intent)),
        "refusal": refusal,
        "missing": missing(registry.get(record.intent), record),
        "missing_approvers": missing_approvers(page.ports, record),
        "runs": _runs(record, chosen) if record.state in REDRIVABLE else "",
        "fault": (error.field or "").strip("/") if error else "",
        "error": error.message if error else "",
        "form": form,
    }
    doors = (
        record.state,
        record.generation,
        record.params_hash,
        record.closed_at,
        refusal,
        shown["missing"],
        dossier.repairs,
    )
    return shown | {
        "inputs": _inputs(chosen, record, form, told=error is not None),
        "doors": sha256_hex(repr(doors).encode())[:16],
    }


def _runs(record: TaskRecord, intent: Intent | None) -> str:
    """Return what running an ended task again as it is means: `again`, `approves`, `first` of several; or nothing."""
    if intent is None or intent.name != record.intent or not record.parameters:
        return "approves"
    if is_approved(record):
        return "again"
    return "approves" if approvals_needed(intent, record.parameters, record.decision.reasons) == 1 else "first"


def _inputs(intent: Intent | None, record: TaskRecord, form: Mapping[str, str], *, told: bool) -> list[Input]:
    if intent is None:
        return []
    found = inputs_of(intent, record)
    if not any(i.name in form for i in found):
        return found
    return refilled(found, form, problems(intent, form) if told else {})
