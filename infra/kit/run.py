"""Run one task of an intent without a stack: parameters and a scripted provider in, what the task ends as out.

The production steps, gate and lifecycle run on a store in a temporary folder whose clock is moved where somebody would
have to wait: a pause passes, a lease ends, the sweep comes by. Nothing leaves the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.kit.play import playing
from infra.kit.provider import ScriptedProvider, Sent
from shared.gate.answer import validate
from shared.intent.declaration import Intent
from shared.intent.registry import load_handler
from shared.settings import Settings
from shared.task.schemas import TaskRecord

REQUESTER = {"email": "jane@example.com", "id": "u1", "name": "Jane"}


@dataclass(frozen=True, slots=True)
class Run:
    """How a task ended, and what it did on the way. `crashes` counts the attempts that were killed."""

    record: TaskRecord
    requests: list[Sent]
    effects: list[Sent]
    crashes: int

    @property
    def state(self) -> str:
        """The state in which nothing more happens by itself."""
        return self.record.state

    @property
    def output(self) -> str:
        """What the handler said, or why it failed; empty where it did neither."""
        return self.record.result.output if self.record.result else ""

    @property
    def error(self) -> str | None:
        """The code of what went wrong last."""
        return self.record.error.code if self.record.error else None

    @property
    def reasons(self) -> list[str]:
        """Why a person had to look, `code: words` each; empty where it ran by itself."""
        return self.record.decision.reasons

    @property
    def attempts(self) -> int:
        """How often the handler was called."""
        return self.record.exec.attempts

    @property
    def effect_key(self) -> str:
        """The key that every attempt hands to the provider."""
        return self.record.effect_key

    @property
    def writes(self) -> list[Sent]:
        """The requests that may have changed something, of all attempts."""
        return [sent for sent in self.requests if sent.write]


async def run(
    intent: Intent,
    parameters: Mapping[str, Any],
    *,
    provider: ScriptedProvider | None = None,
    handler: Any = None,
    approve: bool = True,
    deliveries: int = 1,
    text: str | None = None,
    requester: Mapping[str, str] = REQUESTER,
    confidence: float = 1.0,
    settings: Settings | None = None,
) -> Run:
    """Run a task of `intent` until nothing more happens by itself.

    Args:
        provider: default: the sandbox, without trouble.
        handler: an object with `handle`; default: the folder's `main.py`.
        approve: whether a person approves where the gate wants one; else the run ends AWAITING_APPROVAL.
        deliveries: how often the bus delivers each message.
        text: what the customer wrote; default: the parameters' values, as `FromPayload` wants them.
        requester: the authenticated sender. At the sandbox the order that `parameters` name is theirs.
        confidence: of the model, 0 to 1.

    Raises:
        ValueError: the parameters are not what the intent declares; says which, and why.
    """
    provider, handler = _ready(intent, parameters, provider, handler, requester)
    async with playing(
        intent, handler, parameters, provider, confidence=confidence, settings=settings, deliveries=deliveries
    ) as play:
        record = await play.begin(text or _said(parameters), requester)
        if record.state == "AWAITING_APPROVAL" and approve:
            await play.approve()
        record = await play.until_settled()
        return Run(record, provider.requests, provider.effects, play.crashes)


async def planned(
    intent: Intent,
    parameters: Mapping[str, Any],
    *,
    provider: ScriptedProvider | None = None,
    handler: Any = None,
    requester: Mapping[str, str] = REQUESTER,
) -> str | None:
    """Return what a person who has to decide is told would happen; None where the handler has no `plan`.

    Raises:
        ValueError: as for `run`.
    """
    provider, handler = _ready(intent, parameters, provider, handler, requester)
    async with playing(intent, handler, parameters, provider, confidence=0.0) as play:  # so that it waits
        await play.begin(_said(parameters), requester)
        await play.until_settled()
        return await play.plan()


def _ready(
    intent: Intent,
    parameters: Mapping[str, Any],
    provider: ScriptedProvider | None,
    handler: Any,
    requester: Mapping[str, str],
) -> tuple[ScriptedProvider, Any]:
    _, wrong = validate(intent, parameters)
    if wrong:
        raise ValueError("; ".join(wrong))
    provider = provider or ScriptedProvider()
    provider.sandbox.state.desk.orders.belong(parameters, requester.get("email", ""))
    return provider, handler or load_handler(intent.name)


def _said(parameters: Mapping[str, Any]) -> str:
    return " ".join(map(str, parameters.values()))
