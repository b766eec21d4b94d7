#!/usr/bin/env bash
# BulkWriter of google-cloud-firestore sends a write that can never succeed, such as create() of a document that exists, 16
# times (over two minutes by default) and then drops it: flush() and close() return as if all was written. Only a callback of
# one's own learns of it.
# Seen with: google-cloud-firestore 2.34.1, grpcio 1.85.3, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-cloud-firestore==2.34.1 grpcio==1.85.3 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import os
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import grpc
from google.cloud import firestore
from google.cloud.firestore_v1.bulk_writer import BulkRetry, BulkWriterOptions
from google.cloud.firestore_v1.types import BatchWriteRequest, BatchWriteResponse
from google.rpc.status_pb2 import Status


class DocumentExists(grpc.GenericRpcHandler):
    calls = []

    def service(self, call):
        def answer(request, context):
            self.calls.append(len(request.writes))
            return BatchWriteResponse(
                write_results=[{} for _ in request.writes],
                status=[Status(code=6, message="document exists") for _ in request.writes],
            )

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=BatchWriteRequest.deserialize,
            response_serializer=BatchWriteResponse.serialize,
        )


print("google-cloud-firestore", version("google-cloud-firestore"))
server = grpc.server(ThreadPoolExecutor(2), handlers=[DocumentExists()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
client = firestore.Client(project="demo")
# Without pauses between attempts, so that this ends soon; the default adds a second to each.
writer = client.bulk_writer(BulkWriterOptions(retry=BulkRetry.immediate))
writer.create(client.document("orders/1"), {"state": "open"})
writer.flush()
writer.close()
print(f"flush() and close() raised nothing; the server refused {len(DocumentExists.calls)} times")
assert DocumentExists.calls == [1] * 16, "another number of attempts"

DocumentExists.calls.clear()
told = []
writer = client.bulk_writer()
writer.on_write_error(lambda failure, _: told.append(failure.code))  # None: no further attempt
writer.create(client.document("orders/1"), {"state": "open"})
writer.close()
print(f"with a callback: it was told {told}, after {len(DocumentExists.calls)} attempt")
assert told == [6] and DocumentExists.calls == [1], "the callback is not told"
server.stop(None)
PYTHON
echo "as described"
