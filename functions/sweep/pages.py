"""A query in; its pages, one after the other and not for ever, out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def pages(ask: Callable[..., Awaitable[Sequence[T]]], size: int, most: int) -> AsyncIterator[Sequence[T]]:
    """Yield up to `most` pages of `size`. `ask` takes `limit` and `after`, as the queries of a store do.

    Raises:
        StoreUnavailable: the next sweep finds the rest.
    """
    after: T | None = None
    for _ in range(most):
        page = await ask(limit=size, after=after)
        yield page
        if len(page) < size:
            return
        after = page[-1]
