"""What a model said to the very same question: kept for a while, and only what can harm nobody. Pure.

Of two people who write the same words neither is given the other's answer: whoever asks is part of the question. What
would move money or goods, or let somebody in, is asked anew each time; what was refused or cannot be read is not kept.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from shared.canonical import canonical_json, sha256_hex
from shared.errors import BadRequest
from shared.event.strict_json import parse_object
from shared.intent.registry import Registry
from shared.model.question import Answer, Question
from shared.task.schemas import UNCLASSIFIED

MOST = 2_000  # answers, of some 300 bytes each
_MEMBERS = {"intent", "parameters", "confidence"}


def key_of(question: Question, model: str) -> str:
    """Return what two questions share that are the same: all that the model sees but the nonce, and who asks.

    Empty for a question whose nonce is not known: it is like no other one.
    """
    if not question.nonce:
        return ""
    content = question.content.replace(question.nonce, "")
    return sha256_hex(canonical_json([model, question.version, question.alone, content, dict(question.view.fields)]))


def may_be_kept(answer: Answer, registry: Registry) -> bool:
    """Return whether an answer has the wanted form, names no intent that could do harm, and was given to nobody else.

    Of a call that several shared nothing is kept: whoever was beside may have had a say in it.
    """
    if answer.prompt_version:
        return False
    try:
        said = parse_object(answer.text.encode("utf-8", "surrogatepass"))
    except BadRequest:
        return False
    if said.keys() != _MEMBERS or not isinstance(said["parameters"], dict):
        return False
    intent = said["intent"]
    if intent == UNCLASSIFIED:
        return True
    return isinstance(intent, str) and intent in registry and registry[intent].policy.risk == "none"


class Kept:
    """The newest `MOST` answers, each for `age_s` seconds; times are seconds of one clock that does not jump."""

    def __init__(self, age_s: float, most: int = MOST) -> None:
        self._age_s, self._most = age_s, most
        self._answers: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def get(self, key: str, now_s: float) -> Answer | None:
        """Return what was said, as an answer that cost nothing."""
        until_s, answer = self._answers.get(key, (0.0, None))
        if answer is None or now_s >= until_s:
            self._answers.pop(key, None)
            return None
        return replace(answer, tokens_used=0, input_tokens=0, cached_tokens=0, latency_ms=0.0, from_cache=True)

    def put(self, key: str, answer: Answer, now_s: float) -> None:
        """Keep an answer; the oldest goes where there are too many."""
        self._answers.pop(key, None)
        self._answers[key] = (now_s + self._age_s, answer)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)
