"""One database's documents into another of the same emulator: what a restore is in the cloud, to rehearse it here."""

from __future__ import annotations

import os
from collections import Counter

from google.cloud.firestore import AsyncClient

from infra.errors import StackError

BATCH = 100


async def copy(project: str, source: str, target: str) -> Counter[str]:
    """Write every document of `source` into the empty `target`, and return how many there are by collection.

    Raises:
        StackError: there is no emulator, or `target` holds documents already.
    """
    if not os.environ.get("FIRESTORE_EMULATOR_HOST"):
        raise StackError("only the emulator is copied; in the cloud gcloud clones or restores a database")
    here, there = (AsyncClient(project=project, database=name) for name in (source, target))
    try:
        async for collection in there.collections():
            raise StackError(f"{target} holds {collection.id} already; name a database that is not there")
        return await _copy(here, there)
    finally:
        for client in (here, there):
            await client._firestore_api.transport.close()


async def _copy(here: AsyncClient, there: AsyncClient) -> Counter[str]:
    copied: Counter[str] = Counter()
    batch = there.batch()
    async for collection in here.collections():
        async for document in collection.stream():
            batch.set(there.document(collection.id, document.id), document.to_dict() or {})
            copied[collection.id] += 1
            if len(batch) == BATCH:
                await batch.commit()
                batch = there.batch()
    await batch.commit()
    return copied
