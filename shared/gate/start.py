"""Whether an effect may begin now: asked once more in the start transaction. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from shared.canonical import params_hash
from shared.gate.answer import validate
from shared.gate.confidence import Classified, confidence_reasons
from shared.gate.doors import approvals_needed
from shared.gate.policy import Usage, is_enabled, risk_reasons
from shared.intent.declaration import Intent
from shared.settings import Settings
from shared.task.breaker import CODE as BREAKER
from shared.task.breaker import Breaker
from shared.task.execution import SWITCHED_OFF
from shared.task.schemas import TaskRecord
from shared.task.subjects import Wish

POLICY_CHANGED = "policy_changed"
ASKS = frozenset({BREAKER, POLICY_CHANGED})


def start_refusal(
    record: TaskRecord,
    intent: Intent,
    settings: Settings,
    *,
    switched_off: bool,
    like: Sequence[Wish] = (),
    breaker: Breaker | None = None,
) -> str | None:
    """Return why the effect may not begin now (a stable code), or None. Checked in the start transaction.

    What is in `ASKS` stops only what nobody has decided, and people may let it go on.
    """
    if switched_off or intent.name in settings.disabled_intents:
        return SWITCHED_OFF
    if not is_enabled(intent, record.source, settings):
        return "intent_disabled"
    if record.intent != intent.name or record.params_hash != params_hash(
        record.intent, record.intent_version, record.parameters
    ):
        return "parameters_tampered"
    if validate(intent, record.parameters)[0] != record.parameters:
        return "parameters_outdated"
    approved = _is_approved(record, intent)
    decided_at = record.approval.at if approved and record.approval else record.created_at
    told = any(f.kind in ("edited", "deleted") and f.at > decided_at for f in record.followups)
    if told and not record.effect.possibly_applied:  # what may have begun goes on under its key
        return "changed_since"
    if any(w.started_at is not None and w.started_at >= decided_at for w in like):
        return "repeated"  # nobody who decided about this one could know of it
    if approved:
        return None
    if record.decision.route != "execute":
        return "approval_missing"
    if breaker is not None and breaker.open and not record.effect.possibly_applied:
        return BREAKER
    said = record.classification
    believed = Classified(said.confidence, said.model, said.prompt_version, record.created_at)
    still = confidence_reasons(intent, believed, settings)
    still += risk_reasons(intent, record.parameters, Usage(), settings)
    return POLICY_CHANGED if still else None


def reason_to_ask(refusal: str, breaker: Breaker | None) -> str:
    """Return why a task that was let through waits for people after all, as its reasons say it."""
    if refusal == BREAKER and breaker is not None:
        return f"{BREAKER}: {breaker.why}"
    return f"{refusal}: the policy would not let it through any more"


def _is_approved(record: TaskRecord, intent: Intent) -> bool:
    """Whether as many people as it takes have approved; where one is enough, the record of earlier versions says so."""
    if record.approval is None or record.approval.decision != "approve":
        return False
    needed = approvals_needed(intent, record.parameters, record.decision.reasons)
    return needed == 1 or len(record.review.approvals) >= needed
