"""A classifier, or an answer to pretend, in; a classifier that keeps what was asked and said out."""

from __future__ import annotations

import json
from dataclasses import replace

from shared.errors import BadRequest, ModelRefused, ModelUnavailable
from shared.event.strict_json import parse_object
from shared.intent.registry import Registry
from shared.model.extraction import extract
from shared.model.question import Answer, Classifier, Question


class Heard:
    """A `Classifier`. Where the inner one names another intent than the wanted one, it answers for the wanted one."""

    def __init__(self, inner: Classifier | None, pretended: str, wanted: str) -> None:
        self.model = inner.model if inner else "pretended"
        self.registry: Registry  # to be set before it is asked
        self.question: Question | None = None
        self.answer: Answer | None = None
        self.refusal = self.instead_of = ""
        self._inner, self._pretended, self._wanted = inner, pretended, wanted

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Return the answer that the gate is to read.

        Raises:
            ModelUnavailable: says where to look; nobody waits here until the model is back.
            ModelRefused: as the inner one says.
        """
        self.question = question
        if self._inner is None:
            self.answer = Answer(self._pretended, self.model, tokens_used=0, latency_ms=0.0)
            return self.answer
        try:
            self.answer = self._as_wanted(await self._inner.ask(question, timeout_s), question)
        except ModelRefused as error:
            self.refusal = error.code
            raise
        except ModelUnavailable as error:
            self.refusal = error.code
            words = f"the model {self.model} is not available ({error.code}): {error.message}"
            raise ModelUnavailable(words, code=error.code) from None
        return self.answer

    async def close(self) -> None:
        """Release the inner one's connections."""
        if self._inner:
            await self._inner.close()

    def _as_wanted(self, said: Answer, question: Question) -> Answer:
        if not self._wanted or _intent_of(said) == self._wanted:
            return said
        self.instead_of = said.text
        parameters, _ = extract(self.registry[self._wanted].parameters, question.view)
        # Nobody was asked how sure this intent is, so nothing is claimed.
        text = json.dumps({"intent": self._wanted, "parameters": parameters, "confidence": 0.0}, ensure_ascii=False)
        return replace(said, text=text)


def _intent_of(answer: Answer) -> object:
    try:
        return parse_object(answer.text.encode("utf-8", "surrogatepass")).get("intent")
    except BadRequest:
        return None
