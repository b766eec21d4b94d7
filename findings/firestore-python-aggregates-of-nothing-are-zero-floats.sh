#!/usr/bin/env bash
# In google-cloud-firestore a count of no documents is the float 0.0, while any other count is an int; and the average of
# nothing, for which the server sends null, is 0.0 as well: it cannot be told from a true average of zero.
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
from google.cloud.firestore_v1.types import RunAggregationQueryRequest, RunAggregationQueryResponse


class Aggregates(grpc.GenericRpcHandler):
    def service(self, call):
        def answer(request, context):
            empty = request.structured_aggregation_query.structured_query.from_[0].collection_id == "empty"
            mean = {"null_value": 0} if empty else {"double_value": 2.5}
            fields = {"count": {"integer_value": 0 if empty else 3}, "mean": mean}
            yield RunAggregationQueryResponse(result={"aggregate_fields": fields}, read_time={"seconds": 1})

        return grpc.unary_stream_rpc_method_handler(
            answer,
            request_deserializer=RunAggregationQueryRequest.deserialize,
            response_serializer=RunAggregationQueryResponse.serialize,
        )


print("google-cloud-firestore", version("google-cloud-firestore"))
server = grpc.server(ThreadPoolExecutor(2), handlers=[Aggregates()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
client = firestore.Client(project="demo")
found = {}
for name in ("full", "empty"):
    query = client.collection(name).count(alias="count").avg("amount", alias="mean")
    [row] = query.get()
    found[name] = {result.alias: result.value for result in row}
    print(name, found[name])
server.stop(None)
assert found["full"] == {"count": 3, "mean": 2.5} and type(found["full"]["count"]) is int, "other values are changed, too"
assert type(found["empty"]["count"]) is float, "a count of nothing is an int"
assert found["empty"]["mean"] == 0.0 and found["empty"]["mean"] is not None, "an average of nothing is not 0.0"
PYTHON
echo "as described"
