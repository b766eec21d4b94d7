"""The world's store, as strict as Firestore about what it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore_v1.types import Document as FirestoreDocument

from shared.wiring.adapters.firestore_values import encode_fields
from shared.wiring.ports import Document, Filter, Snapshot, Write
from tests.fuzz.case import Broken
from tests.store import MemoryStore

MAX_DOCUMENT_BYTES = 1024 * 1024
MAX_DEPTH = 20
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_RESERVED = re.compile(r"__.*__")


class FirestoreLike(MemoryStore):
    """Refuses, as broken promises, documents and queries that Firestore would answer with INVALID_ARGUMENT."""

    async def commit(self, *writes: Write) -> list[str]:
        for write in writes:
            fits(write.data)
            if not all(0 < len(part.encode()) <= 1500 and part not in (".", "..") for part in write.path.split("/")):
                raise Broken("document cannot be stored", f"its path is {write.path[:100]!r}")
        versions = await super().commit(*writes)
        for write in writes:
            found = self.look(write.path).data or {}
            if (found if not write.others_stay else {name: found.get(name) for name in write.data}) != write.data:
                raise Broken("document reads differently than it was written", write.path)
        return versions

    async def query(self, collection: str, *, where: Sequence[Filter] = (), **options: Any) -> list[Snapshot]:
        after = options.get("after")
        fits({str(n): f.value for n, f in enumerate(where)} | {"after": after.data if after else None})
        return await super().query(collection, where=where, **options)


def fits(data: Document) -> None:
    """Raise Broken unless Firestore takes these fields."""
    pb = FirestoreDocument.pb(FirestoreDocument())
    try:
        encode_fields(pb.fields, data)
    except Exception as error:
        raise Broken("document cannot be stored", f"{type(error).__name__}: {error}") from None
    if pb.ByteSize() > MAX_DOCUMENT_BYTES:
        raise Broken("document cannot be stored", f"{pb.ByteSize()} bytes: {sorted(data)}")
    if odd := unfit(data):
        raise Broken("document cannot be stored", odd)


def unfit(data: Document) -> str | None:
    """Return what Firestore would refuse about the names, the depth or the times in a document, or None."""
    for depth, key, value in _walk(data):
        if depth > MAX_DEPTH or not key or _RESERVED.fullmatch(key) or len(key.encode()) > 1500:
            return f"key {key[:100]!r} at depth {depth}"
        if isinstance(value, datetime) and not FIRST <= value <= LAST:
            return f"{value} is out of range"
    return None


def _walk(value: Any, depth: int = 1) -> Iterator[tuple[int, str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield depth, key, item
            yield from _walk(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield depth, "item", item
            yield from _walk(item, depth + 1)
