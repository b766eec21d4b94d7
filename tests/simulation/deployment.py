"""What is deployed: the manifest's functions, each with the production step behind its entry point."""

from __future__ import annotations

from collections.abc import Awaitable

from functions.classify.step import classify
from functions.deadletter.step import deadletter
from functions.execute.step import execute
from functions.intake.step import receive_event
from functions.resume.step import resume
from infra.embedded.bus import with_document_events
from infra.manifest import build
from shared.intent.registry import discover, load_handler
from shared.serving.entry import Outcome
from shared.serving.push import Delivery
from shared.wiring.composition import Ports

REGISTRY = discover()
MANIFEST = with_document_events(build(REGISTRY))
FUNCTIONS = {f.name: f for f in MANIFEST.functions}
HANDLERS = {name: load_handler(name) for name in REGISTRY}


def step(function: str, delivery: Delivery, ports: Ports) -> Awaitable[Outcome]:
    """Call the step of a function that a subscription pushes to."""
    if function == "classify":
        return classify(delivery, ports)
    if function == "resume":
        return resume(delivery.data, ports)  # type: ignore[arg-type]  # events are objects here
    if function == "deadletter":
        return deadletter(delivery, ports)
    if function == "intake-events":
        return receive_event(delivery, ports)
    intent = FUNCTIONS[function].environment["INTENT"]
    return execute(delivery, ports, ports.registry[intent], HANDLERS[intent])
