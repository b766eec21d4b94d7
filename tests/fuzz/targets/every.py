"""All targets by name."""

from __future__ import annotations

from tests.fuzz.scenery import populated
from tests.fuzz.targets import Target
from tests.fuzz.targets.approvals import Approvals, Events
from tests.fuzz.targets.console import Console
from tests.fuzz.targets.intake import Intake
from tests.fuzz.targets.model import Model
from tests.fuzz.targets.push import push_targets


async def targets() -> dict[str, Target]:
    """Return every target; call it where output is captured and secrets are set."""
    scenery = await populated()
    found: list[Target] = [
        Intake(),
        *push_targets(scenery),
        Model(),
        Approvals(scenery),
        Events(scenery),
        Console(scenery),
    ]
    return {target.name: target for target in found}
