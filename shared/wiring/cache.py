"""A classifier that asks another one only what it was not asked lately by the same person in the same words."""

from __future__ import annotations

import asyncio

from shared.intent.registry import Registry
from shared.model.exact import Kept, key_of, may_be_kept
from shared.model.question import Answer, Classifier, Question


class CachingClassifier:
    """A `Classifier` port around another one. What an instance keeps goes with it."""

    def __init__(self, asked: Classifier, registry: Registry, age_s: float) -> None:
        self.model = asked.model
        self._asked, self._registry, self._kept = asked, registry, Kept(age_s)

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Return what was said to the same question, unless a person insists; else what is said now.

        Raises:
            ModelUnavailable, ModelRefused: as the model that is asked.
        """
        now = asyncio.get_running_loop().time
        key = key_of(question, self.model)
        known = None if question.insists else self._kept.get(key, now())
        if known is not None:
            return known
        answer = await self._asked.ask(question, timeout_s)
        if key and may_be_kept(answer, self._registry):
            self._kept.put(key, answer, now())
        return answer

    async def close(self) -> None:
        """Release what the other one holds."""
        await self._asked.close()
