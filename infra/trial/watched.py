"""A handler in; the same handler, with a note of whatever it raises and the traceback of its mistakes, out."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from functions.execute.attempt import EffectRefused
from functions.execute.preview import WriteRefused
from shared.intent.outcomes import HandlerOutcome

CALLED = ("handle", "plan", "reconcile")


@dataclass(frozen=True, slots=True)
class Raised:
    """What came out of one of the handler's functions. `traceback` is empty where the contract allows it."""

    function: str
    words: str
    where: str  # file:line in the handler's folder
    traceback: str


def watched(handler: Any, intent: str, raised: list[Raised]) -> Any:
    """Return an object with the handler's functions, each of which adds to `raised` what it raises."""
    functions = {name: getattr(handler, name) for name in CALLED if hasattr(handler, name)}
    return SimpleNamespace(**{name: _watched(name, call, intent, raised) for name, call in functions.items()})


def _watched(name: str, call: Callable[..., Awaitable[Any]], intent: str, raised: list[Raised]) -> Any:
    async def watch(*args: Any) -> Any:
        try:
            return await call(*args)
        except (EffectRefused, WriteRefused):  # the step's own, thrown into the handler
            raise
        except Exception as error:
            raised.append(_told(name, error, intent))
            raise

    return watch


def _told(name: str, error: Exception, intent: str) -> Raised:
    own = [f for f in traceback.extract_tb(error.__traceback__) if f"/execute/{intent}/" in f.filename]
    where = f"{own[-1].filename.rpartition('/')[2]}:{own[-1].lineno}" if own else ""
    if isinstance(error, HandlerOutcome):
        return Raised(name, f"{type(error).__name__}({error.code}) {error.message}".rstrip(), where, "")
    trace = error.__traceback__.tb_next if error.__traceback__ else None  # the first frame is `watch`
    text = "".join(traceback.format_exception(type(error), error, trace))
    return Raised(name, f"{type(error).__name__}: {error}", where, text)
