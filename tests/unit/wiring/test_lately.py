"""What an instance goes by for some seconds: read once, kept while the store is away."""

from __future__ import annotations

import pytest

from shared.errors import StoreUnavailable
from shared.wiring.lately import Lately


class Source:
    """Counts how often it is read; away, it cannot be."""

    def __init__(self) -> None:
        self.reads, self.away = 0, False

    async def __call__(self) -> int:
        if self.away:
            raise StoreUnavailable("away")
        self.reads += 1
        return self.reads


async def test_value_is_read_once_in_a_while() -> None:
    source, lately = Source(), Lately[int]()
    assert [await lately.value(source, 60) for _ in range(3)] == [1, 1, 1]
    assert await lately.value(source, 0) == 2


async def test_what_was_known_is_good_while_the_store_is_away() -> None:
    source, lately = Source(), Lately[int]()
    assert await lately.value(source, 0) == 1
    source.away = True
    assert await lately.value(source, 0) == 1


async def test_nothing_is_made_up_where_nothing_was_ever_known() -> None:
    source, lately = Source(), Lately[int]()
    source.away = True
    with pytest.raises(StoreUnavailable):
        await lately.value(source, 60)
    source.away = False
    assert await lately.value(source, 60) == 1
