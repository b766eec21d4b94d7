"""`Store` over Firestore: paths and dicts in, snapshots and versions (update times) out.

Reads the environment through Google's client only: FIRESTORE_EMULATOR_HOST, or the default credentials.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from shared.errors import CommitUnknown, Conflict, Misconfigured, StoreUnavailable, SwitchyardError
from shared.wiring.adapters import grpc_status
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

    def __init__(self, project: str) -> None:
        self._project = project
        self._built: Any = None

    @property
    def _client(self) -> Any:
        if self._built is None:
            from google.cloud.firestore import AsyncClient

            self._built = AsyncClient(project=self._project)
        return self._built

    async def read(self, *paths: str) -> list[Snapshot]:
        """See `Store.read`."""
        references = [self._client.document(path) for path in paths]
        with _errors_of("read"):
            found = await _snapshots(self._client.get_all(references, retry=None, timeout=TIMEOUT_S))
        by_path = {snapshot.path: snapshot for snapshot in found}
        return [by_path[path] for path in paths]

    async def commit(self, *writes: Write) -> list[str]:
        """See `Store.commit`."""
        batch = self._client.batch()
        # The public batch.set() takes no precondition and encodes eleven times slower than `_encode`.
        batch._add_write_pbs([self._write(write) for write in writes])
        with _errors_of("commit"):
            # No retry: the client's own would send a commit again that was applied, and its precondition would then
            # turn our success into a Conflict.
            results = await batch.commit(retry=None, timeout=TIMEOUT_S)
        return [_version(result.update_time) for result in results]

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
        references = [self._client.document(path) for path in paths]
        found = self._client.get_all(references, field_paths=fields, retry=None, timeout=TIMEOUT_S)
        with _errors_of("read"):
            rows = {row.path: row for row in _rows(await _snapshots(found))}
        return [rows[path] for path in paths if path in rows]

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
        """See `Store.count`. Billed as one read per thousand index entries, of which it looks at `up_to` at most."""
        query = self._filtered(collection, where).limit(up_to)
        with _errors_of("count"):
            [[found]] = await query.count().get(retry=None, timeout=TIMEOUT_S)
        return int(found.value)

    async def close(self) -> None:
        """Close the channel, if there is one."""
        if self._built is not None:
            client, self._built = self._built, None
            await client._firestore_api.transport.close()

    def _filtered(self, collection: str, where: Sequence[Filter]) -> Any:
        from google.cloud.firestore import FieldFilter

        query = self._client.collection(collection)
        for condition in where:
            query = query.where(filter=FieldFilter(condition.field, condition.op, condition.value))
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

    def _write(self, write: Write) -> Any:
        from google.cloud.firestore_v1.types import Write as FirestoreWrite
        from google.protobuf.timestamp_pb2 import Timestamp

        proto = FirestoreWrite()
        raw = FirestoreWrite.pb(proto)
        raw.update.name = self._client.document(write.path)._document_path
        encode_fields(raw.update.fields, write.data)
        if write.others_stay:
            raw.update_mask.field_paths.extend(write.data)  # names of ours, which need no quotes
        if write.expected == ABSENT:
            raw.current_document.exists = False
        elif write.expected is not None:
            version = Timestamp()
            version.FromJsonString(write.expected)
            raw.current_document.update_time.CopyFrom(version)
        return proto


async def _snapshots(stream: AsyncIterable[Any]) -> list[Snapshot]:
    found = [document async for document in stream]
    if not found:
        return []
    # Documents already streamed are guaranteed unchanged up to the read time of the last one.
    read_time = _plain(max(document.read_time for document in found))
    return [
        Snapshot(
            path=document.reference.path,
            data=_plain(document.to_dict()),
            version=_version(document.update_time) if document.exists else ABSENT,
            read_time=read_time,
        )
        for document in found
    ]


def _rows(snapshots: Sequence[Snapshot]) -> list[Row]:
    return [Row(s.path, s.data, s.version, s.read_time) for s in snapshots if s.data is not None]


def _version(update_time: Any) -> str:
    """Return the update time with all its nanoseconds: a precondition compares exactly."""
    return str(update_time.rfc3339())


def _plain(value: Any) -> Any:
    """Return `value` with every timestamp as a plain datetime: strict models take no subclasses."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return datetime.combine(value.date(), value.time(), UTC)
    return value


def encode_fields(fields: Any, data: Mapping[str, Any]) -> None:
    """Put `data` into `fields`, the raw protobuf map of Firestore's `Document` or of its event.

    Raises:
        SwitchyardError: `invalid_document`: Firestore has no such value; nothing was sent.
    """
    for key, value in data.items():
        try:
            _encode(fields[key], value)
        except ValueError as error:  # an integer over 64 bits, a string that is no Unicode
            raise _refused(f"field {key!r}: {type(error).__name__}") from None


def _encode(target: Any, value: Any) -> None:
    match value:
        case None:
            target.null_value = 0
        case bool():
            target.boolean_value = value
        case int():
            target.integer_value = value
        case float():
            target.double_value = value
        case str():
            target.string_value = value
        case datetime():
            target.timestamp_value.FromDatetime(value)
        case dict():
            target.map_value.SetInParent()
            encode_fields(target.map_value.fields, value)
        case list() | tuple():
            target.array_value.SetInParent()
            for item in value:
                _encode(target.array_value.values.add(), item)
        case _:
            raise _refused(f"{type(value).__name__} is no type of a document")


def _refused(why: str) -> SwitchyardError:
    return SwitchyardError(f"Firestore cannot hold this document: {why}", code="invalid_document")


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
        return _refused(f"{status} to a {operation}")
    if status in _MISCONFIGURED:
        return Misconfigured(f"{said}; check the database, its indexes and the role of this service account")
    return None
