"""`Store` over Firestore: paths and dicts in, snapshots and versions (update times) out.

Reads the environment through Google's client only: FIRESTORE_EMULATOR_HOST, or the default credentials.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from shared.errors import CommitUnknown, Conflict, Misconfigured, StoreUnavailable, SwitchyardError
from shared.wiring.adapters import grpc_status
from shared.wiring.adapters.firestore_values import decode_fields, encode_fields, plain, refused
from shared.wiring.adapters.firestore_wire import UNKNOWN, Wire, WriteFailed, version_of
from shared.wiring.adapters.shared_calls import SharedCalls, settled
from shared.wiring.ports import ABSENT, Filter, Row, Snapshot, Write

TIMEOUT_S = 10.0

# What each gRPC status means. An error without any status is a bug of ours and passes through.
_TRANSIENT = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "CANCELLED", "UNKNOWN", "ABORTED", "DATA_LOSS", "TIMEOUT"}
_NOTHING_WRITTEN = {"RESOURCE_EXHAUSTED"}
_REFUSED = {"INVALID_ARGUMENT", "OUT_OF_RANGE"}
_MISCONFIGURED = {"PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND", "FAILED_PRECONDITION", "UNIMPLEMENTED"}
_LOST_RACE = {"FAILED_PRECONDITION", "ALREADY_EXISTS", "NOT_FOUND", "ABORTED"}


class FirestoreStore:
    """One client per process and event loop, built on first use."""

    def __init__(self, project: str, database: str = "(default)") -> None:
        self._project, self._database = project, database
        self._built: Any = None
        self._opened: Wire | None = None
        self._reads: SharedCalls[tuple[str, ...], list[Snapshot]] = SharedCalls(self._read_each)
        self._writes: SharedCalls[Any, Any] = SharedCalls(self._commit_each)

    @property
    def _client(self) -> Any:
        if self._built is None:
            from google.cloud.firestore import AsyncClient

            self._built = AsyncClient(project=self._project, database=self._database)
        return self._built

    @property
    def _wire(self) -> Wire:
        if self._opened is None:
            self._opened = Wire(self._client)
        return self._opened

    async def read(self, *paths: str) -> list[Snapshot]:
        """See `Store.read`."""
        if not paths:
            return []
        with _errors_of("read"):
            async with asyncio.timeout(TIMEOUT_S):
                return await self._reads.ask(paths)

    async def _read_each(self, wanted: list[tuple[str, ...]]) -> list[list[Snapshot]]:
        found = await self._get({path: None for paths in wanted for path in paths})
        return [[found[path] for path in paths] for paths in wanted]

    async def commit(self, *writes: Write) -> list[str]:
        """See `Store.commit`."""
        request = self._wire.commit_request(database=self._wire.database)
        for write in writes:
            self._write(request.writes.add(), write)
        with _errors_of("commit"):
            async with asyncio.timeout(TIMEOUT_S):
                # Only what is atomic by itself may travel with others.
                results = await (self._writes.ask(request.writes[0]) if len(writes) == 1 else self._commit(request))
        return [version_of(result.update_time) for result in results]

    async def _commit(self, request: Any) -> Any:
        """Send a commit, once: what was applied would fail its own precondition, and success would be a Conflict."""
        answer = await self._wire.commit(request, timeout=TIMEOUT_S, metadata=self._wire.metadata)
        return answer.write_results

    async def _commit_each(self, writes: list[Any]) -> list[Any]:
        """Apply writes that have nothing to do with each other; return for each its results, or the error."""
        wire = self._wire
        if len(writes) > 1 and len({write.update.name for write in writes}) == len(writes):
            try:
                request = wire.batch_request(database=wire.database, writes=writes)
                answer = await wire.batch_write(request, timeout=TIMEOUT_S, metadata=wire.metadata)
            except Exception as error:
                status = grpc_status(error)
                if status in _LOST_RACE | _NOTHING_WRITTEN:  # said of which? Not of all, for they are not atomic
                    raise WriteFailed(UNKNOWN) from error
                if status not in _REFUSED:  # for one of them all are refused, and nothing is written
                    raise
            else:
                done = zip(answer.write_results, answer.status, strict=True)
                return [WriteFailed(status.code) if status.code else [result] for result, status in done]
        requests = [wire.commit_request(database=wire.database, writes=[write]) for write in writes]
        return await settled(map(self._commit, requests))

    async def query(
        self,
        collection: str,
        *,
        where: Sequence[Filter] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: Snapshot | Row | None = None,
    ) -> list[Snapshot]:
        """See `Store.query`. Ties are ordered by path in the same direction, as Firestore's indexes are."""
        query = self._page(collection, where, order_by, descending, after).limit(limit)
        with _errors_of("query"):
            return await _snapshots(query.stream(retry=None, timeout=TIMEOUT_S))

    async def read_rows(self, fields: Sequence[str], *paths: str) -> list[Row]:
        """See `Store.read_rows`. Billed as one read per document; the other members do not travel."""
        if not paths:
            return []
        with _errors_of("read"):
            found = await self._get(paths, mask={"field_paths": fields})
        return _rows([found[path] for path in paths])

    async def query_rows(
        self,
        collection: str,
        fields: Sequence[str],
        *,
        where: Sequence[Filter] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: Snapshot | Row | None = None,
    ) -> list[Row]:
        """See `Store.query_rows`. Billed as one read per document; the other members do not travel."""
        query = self._page(collection, where, order_by, descending, after).limit(limit).select(fields)
        with _errors_of("query"):
            return _rows(await _snapshots(query.stream(retry=None, timeout=TIMEOUT_S)))

    async def count(self, collection: str, *, where: Sequence[Filter] = (), up_to: int) -> int:
        """See `Store.count`. Billed as one read per thousand index entries, of which it looks at `up_to` at most.

        Descending, as our indexes are: without an order what has a range ascends (v1, StructuredQuery.order_by).
        """
        query = self._filtered(collection, where).limit(up_to)
        for field in dict.fromkeys(condition.field for condition in where if condition.op != "=="):
            query = query.order_by(field, direction="DESCENDING")
        with _errors_of("count"):
            [[found]] = await query.count().get(retry=None, timeout=TIMEOUT_S)
        return int(found.value)

    async def close(self) -> None:
        """Close the channel, if there is one."""
        if self._built is not None:
            client, self._built, self._opened = self._built, None, None
            await client._firestore_api.transport.close()

    def _filtered(self, collection: str, where: Sequence[Filter]) -> Any:
        from google.cloud.firestore import FieldFilter

        query = self._client.collection(collection)
        for condition in where:
            op = "array_contains" if condition.op == "contains" else condition.op
            query = query.where(filter=FieldFilter(condition.field, op, condition.value))
        return query

    def _page(
        self,
        collection: str,
        where: Sequence[Filter],
        order_by: str | None,
        descending: bool,
        after: Snapshot | Row | None,
    ) -> Any:
        query = self._filtered(collection, where)
        for field in [order_by, "__name__"] if order_by else ["__name__"]:
            query = query.order_by(field, direction="DESCENDING" if descending else "ASCENDING")
        if after is None:
            return query
        cursor = {"__name__": self._client.document(after.path)}
        return query.start_after(cursor | ({order_by: (after.data or {})[order_by]} if order_by else {}))

    async def _get(self, paths: Iterable[str], **options: Any) -> dict[str, Snapshot]:
        wire = self._wire
        request = wire.get_request(database=wire.database, documents=map(wire.name_of, paths), **options)
        answers = [a async for a in wire.batch_get(request, timeout=TIMEOUT_S, metadata=wire.metadata)]
        # Documents already streamed are guaranteed unchanged up to the read time of the last one.
        read_time = max(answer.read_time.ToDatetime(UTC) for answer in answers)
        found = {}
        for answer in answers:
            document = answer.found if answer.HasField("found") else None
            path = wire.path_of(document.name if document else answer.missing)
            data = decode_fields(document.fields, self._client) if document else None
            found[path] = Snapshot(path, data, version_of(document.update_time) if document else ABSENT, read_time)
        return found

    def _write(self, raw: Any, write: Write) -> None:
        raw.update.name = self._wire.name_of(write.path)
        encode_fields(raw.update.fields, write.data)
        if write.others_stay:
            raw.update_mask.field_paths.extend(write.data)  # names of ours, which need no quotes
        if write.expected == ABSENT:
            raw.current_document.exists = False
        elif write.expected is not None:
            raw.current_document.update_time.FromJsonString(write.expected)


async def _snapshots(stream: AsyncIterable[Any]) -> list[Snapshot]:
    found = [document async for document in stream]
    if not found:
        return []
    # Documents already streamed are guaranteed unchanged up to the read time of the last one.
    read_time: datetime = plain(max(document.read_time for document in found))
    return [
        Snapshot(
            path=document.reference.path,
            data=plain(document.to_dict()),
            version=str(document.update_time.rfc3339()) if document.exists else ABSENT,
            read_time=read_time,
        )
        for document in found
    ]


def _rows(snapshots: Sequence[Snapshot]) -> list[Row]:
    return [Row(s.path, s.data, s.version, s.read_time) for s in snapshots if s.data is not None]


@contextmanager
def _errors_of(operation: str) -> Iterator[None]:
    """Turn what Google's client raises into the error tree. Messages name the status, never the request."""
    try:
        yield
    except Exception as error:
        mapped = _mapped(operation, grpc_status(error))
        if mapped is None:
            raise
        raise mapped from error


def _mapped(operation: str, status: str) -> SwitchyardError | None:
    said = f"Firestore answered {status} to a {operation}"
    if operation == "commit" and status in _LOST_RACE:
        return Conflict(said)
    if operation == "commit" and status in _TRANSIENT:
        return CommitUnknown(said)
    if status in _TRANSIENT or status in _NOTHING_WRITTEN:
        return StoreUnavailable(said)
    if status in _REFUSED:
        return refused(f"{status} to a {operation}")
    if status in _MISCONFIGURED:
        return Misconfigured(f"{said}; check the database, its indexes and the role of this service account")
    return None
