"""Store, bus and model with a span around what they do for a task; used only while something is traced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared import tracing
from shared.model.question import Answer, Classifier, Question
from shared.wiring.ports import Publisher, Store, Write

TASKS = "tasks/"


class TracedStore:
    """A store that shows its commits; it reads as it always does."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, *writes: Write) -> list[str]:
        """See `Store.commit`."""
        ids = [write.path.removeprefix(TASKS) for write in writes if write.path.startswith(TASKS)]
        states = [write.data.get("state") for write in writes if write.path.startswith(TASKS)]
        said: dict[str, Any] = {"task_id": ids[0], "state_to": states[0]} if len(ids) == 1 else {}
        with tracing.span(
            "commit", kind="client", database="gcp.firestore", operation="commit", count=len(writes), **said
        ):
            return await self._store.commit(*writes)


class TracedPublisher:
    """A bus whose messages carry the span that publishes them, as google-cloud-pubsub writes it: its spans join."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def __getattr__(self, name: str) -> Any:
        return getattr(self._publisher, name)

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """See `Publisher.publish`."""
        with tracing.span(f"publish {topic}", kind="producer", system="gcp_pubsub", topic=topic) as seen:
            here = tracing.traceparent()
            carried = {**attributes, tracing.MESSAGE_CONTEXT: here} if here else attributes
            message_id = await self._publisher.publish(topic, data, carried)
            seen.tell(message_id=message_id)
            return message_id


class TracedClassifier:
    """A classifier that shows each call of its model."""

    def __init__(self, classifier: Classifier, provider: str) -> None:
        self._classifier, self._provider = classifier, provider

    def __getattr__(self, name: str) -> Any:
        return getattr(self._classifier, name)

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """See `Classifier.ask`."""
        if learn := getattr(self._classifier, "learn", None):  # a local one: before that it has no name
            await learn()
        model = self._classifier.model
        with tracing.span(
            f"generate_content {model}",
            kind="client",
            question="generate_content",
            provider=self._provider,
            model=model,
        ) as seen:
            answer = await self._classifier.ask(question, timeout_s)
            seen.tell(tokens_used=answer.tokens_used, input_tokens=answer.input_tokens)
            seen.tell(output_tokens=answer.tokens_used - answer.input_tokens, cached_tokens=answer.cached_tokens)
            return answer
