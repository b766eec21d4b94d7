"""Firestore's two calls of every task, raw: on the channel of Google's client, with the generated messages.

The client's own methods wrap each message in proto-plus and each call in retries that we switch off: twice the
CPU. What is rare, queries and counts, goes through them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

UNKNOWN = 2  # the number of this gRPC status
_SERVICE = "/google.firestore.v1.Firestore/"


class WriteFailed(Exception):
    """Raised when one write of several did not happen, for a reason of its own; the others know nothing of it."""

    def __init__(self, number: int) -> None:
        import grpc

        self.code = next(code for code in grpc.StatusCode if code.value[0] == number)
        super().__init__(self.code.name)


class Wire:
    """The calls and messages of one client; credentials, endpoint and options are those of its channel."""

    def __init__(self, client: Any) -> None:
        from google.cloud.firestore_v1 import types

        self.database: str = client._database_string
        self._documents = f"{self.database}/documents/"
        # What the client adds to a call: which database, twice, so that the call is routed to where that is.
        self.metadata = (*client._rpc_metadata, ("x-goog-request-params", f"database={quote(self.database, safe='')}"))
        self.commit_request = types.CommitRequest.pb()
        self.batch_request = types.BatchWriteRequest.pb()
        self.get_request = types.BatchGetDocumentsRequest.pb()
        channel = client._firestore_api.transport.grpc_channel
        self.commit = channel.unary_unary(
            f"{_SERVICE}Commit",
            request_serializer=self.commit_request.SerializeToString,
            response_deserializer=types.CommitResponse.pb().FromString,
        )
        self.batch_write = channel.unary_unary(
            f"{_SERVICE}BatchWrite",
            request_serializer=self.batch_request.SerializeToString,
            response_deserializer=types.BatchWriteResponse.pb().FromString,
        )
        self.batch_get = channel.unary_stream(
            f"{_SERVICE}BatchGetDocuments",
            request_serializer=self.get_request.SerializeToString,
            response_deserializer=types.BatchGetDocumentsResponse.pb().FromString,
        )

    def name_of(self, path: str) -> str:
        """Return the full name of the document at `path`."""
        return self._documents + path

    def path_of(self, name: str) -> str:
        """Return the path of the document with this full name."""
        return name.removeprefix(self._documents)


def version_of(update_time: Any) -> str:
    """Return the update time with all its nanoseconds: a precondition compares exactly."""
    from proto.datetime_helpers import DatetimeWithNanoseconds

    return str(DatetimeWithNanoseconds.from_timestamp_pb(update_time).rfc3339())
