"""One event of the demo on its way: what was sent, what intake answered, and the task as last seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from infra.demo.events import Decision, Event


@dataclass
class Case:
    """One event, what intake answered, and the task as last seen."""

    event: Event
    status: int = 0
    task_id: str = ""
    parked: str = ""  # why its body could not be read
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def decision(self) -> Decision | None:
        """What a person says of it. What chance alone drew for a look, one of twenty of some intents, is approved."""
        is_drawn = self.record.get("decision", {}).get("drawn") == "audit"
        return self.event.decision or ("approve" if is_drawn and self.event.state == "SUCCEEDED" else None)

    @property
    def state(self) -> str:
        """The task's state; before it has one, where it is; for a refused request, its status."""
        if self.parked:
            return "PARKED"
        return self.record.get("state") or ("QUEUED" if self.task_id else str(self.status or ""))
