"""A classifier that has the local one answer where the other must not be asked, or has not answered for long."""

from __future__ import annotations

from shared.errors import ModelRefused, ModelUnavailable
from shared.logs import log
from shared.model.question import Answer, Classifier, Question
from shared.wiring.weather import DOWN, SPENT


class InPlaceClassifier:
    """A `Classifier` port around two others. Whoever insists on the model gets no other answer."""

    def __init__(self, asked: Classifier, local: Classifier) -> None:
        self.model = asked.model
        self._asked, self._local = asked, local

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Return the model's answer, or the local one's.

        Raises:
            ModelUnavailable, ModelRefused: as the model.
        """
        try:
            return await self._asked.ask(question, timeout_s)
        except ModelRefused as error:
            if error.code not in (DOWN, SPENT) or question.insists:
                raise
            code = error.code
        except ModelUnavailable as error:
            if not question.is_last or question.insists:
                raise
            code = error.code
        log("WARNING", "answered_in_place", function="classify", outcome="in_place", error_code=code)
        return await self._local.ask(question, timeout_s)

    async def close(self) -> None:
        """Release what both hold."""
        await self._asked.close()
        await self._local.close()
