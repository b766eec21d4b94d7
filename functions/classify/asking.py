"""A question in; the answer that may be decided on, out: given beside others where nothing comes of it by itself.

Where one would run and moves money, credentials or goods, or says more than the ticket does, the model is asked again
about this ticket alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from shared.errors import ModelRefused, ModelUnavailable
from shared.model.question import Answer, Classifier, Question
from shared.wiring.desk import ASKING_S

NeedsOwnCall = Callable[[Answer], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is none, as a code; and the tokens that the model took all the same."""

    code: str
    tokens_used: int = 0


async def never(answer: Answer) -> bool:
    """Return False: a person decides, whatever the answer is."""
    return False


async def ask(question: Question, classifier: Classifier, needs_own_call: NeedsOwnCall = never) -> Answer:
    """Return the answer within `ASKING_S`, and in it the version of the prompt that it was given to.

    `needs_own_call`: whether an answer given beside others is not enough for what would come of it.

    Raises:
        ModelUnavailable, ModelRefused: as `Classifier.ask`, of either call.
    """
    time = asyncio.get_running_loop().time
    began = time()
    answer = await classifier.ask(question, ASKING_S)
    if answer.prompt_version and await needs_own_call(answer):
        try:
            own = await classifier.ask(replace(question, alone=True), ASKING_S - (time() - began))
        except ModelRefused as error:
            error.tokens_used += answer.tokens_used
            raise
        answer = own.after(answer)
    return replace(answer, prompt_version=answer.prompt_version or question.version)


async def ask_or_say_why(question: Question, classifier: Classifier, needs_own_call: NeedsOwnCall) -> Answer | NoAnswer:
    """Return the answer, or why a person must look.

    Raises:
        ModelUnavailable: unless the question `is_last`.
    """
    try:
        return await ask(question, classifier, needs_own_call)
    except ModelRefused as error:
        return NoAnswer(error.code, error.tokens_used)
    except ModelUnavailable as error:
        if not question.is_last:
            raise
        return NoAnswer(error.code)
