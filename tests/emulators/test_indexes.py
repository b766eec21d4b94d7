"""Whatever the steps and the console ask of Firestore has its index: the emulator says which one each query needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import httpx
import pytest

from shared.wiring.adapters.firestore import FirestoreStore
from tests.store import MemoryStore
from tests.terraform.indexes import Index, declared, is_served
from tests.terraform.test_database import watched


class Beside(MemoryStore):
    """Asks an empty Firestore, too, unless equality alone decides: for that the indexes merge that every field has."""

    def __init__(self, firestore: FirestoreStore, *given: Any) -> None:
        super().__init__(*given)
        self._firestore = firestore

    async def query(self, collection: str, **how: Any) -> list[Any]:
        if how.get("order_by") or any(condition.op != "==" for condition in how.get("where", ())):
            await self._firestore.query(collection, **how)
        return await super().query(collection, **how)

    async def count(self, collection: str, **how: Any) -> int:
        if any(condition.op != "==" for condition in how["where"]):
            await self._firestore.count(collection, **how)
        return len(await super().query(collection, where=how["where"], limit=how["up_to"]))


@pytest.fixture
async def firestore(project: str) -> AsyncIterator[FirestoreStore]:
    store = FirestoreStore(project)
    yield store
    await store.close()


async def needed(host: str, project: str) -> set[Index]:
    """Return the composite indexes that the queries of this project would have used in the cloud."""
    url = f"http://{host}/emulator/v1/projects/{project}:indexUsage"
    async with httpx.AsyncClient(headers={"authorization": "Bearer owner"}, trust_env=False, timeout=10) as http:
        answer = await http.get(url, params={"database": f"projects/{project}/databases/(default)"})
    found = set()
    for index in (report["index"] for report in answer.raise_for_status().json()["reports"]):
        *equal, last = [field for field in index["fields"] if field["fieldPath"] != "__name__"]
        if {field["fieldPath"] for field in (*equal, last)} == {"keys"}:
            continue  # a field alone, of which Terraform says that it has its index
        collection = index["name"].split("/")[-3]
        paths = frozenset(field["fieldPath"] for field in equal)
        found.add((collection, paths, last["fieldPath"], last["order"] == "DESCENDING"))
    return found


async def test_every_query_has_the_index_that_firestore_needs_for_it(
    firestore: FirestoreStore, emulator_hosts: Mapping[str, str], project: str
) -> None:
    await watched(partial(Beside, firestore))
    found = await needed(emulator_hosts["FIRESTORE_EMULATOR_HOST"], project)
    assert len(found) >= 15
    assert {index for index in found if not is_served(index, declared())} == set()
