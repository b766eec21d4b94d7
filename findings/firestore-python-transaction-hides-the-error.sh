#!/usr/bin/env bash
# A transaction of google-cloud-firestore that cannot begin, because the role or the database is missing, raises a plain
# ValueError about a missing transaction id. What the server said is only in its __context__ (an `except GoogleAPICallError`
# never sees it); the asyncio client does the same.
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
import asyncio, os
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import grpc
from google.api_core.exceptions import GoogleAPICallError, PermissionDenied
from google.cloud import firestore


class Refuses(grpc.GenericRpcHandler):
    def service(self, call):
        def refuse(request, context):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "no role for this database")

        return grpc.unary_unary_rpc_method_handler(refuse)


@firestore.transactional
def nothing(transaction):
    pass


@firestore.async_transactional
async def nothing_async(transaction):
    pass


def check(kind, error):
    print(f"{kind}: {type(error).__name__}: {error}")
    print(f"    its __context__: {error.__context__!r}, its __cause__: {error.__cause__!r}")
    assert type(error) is ValueError and not isinstance(error, GoogleAPICallError), f"{kind} raises what the server said"
    assert "no role" not in str(error), f"{kind} quotes the server"
    assert isinstance(error.__context__, PermissionDenied), f"{kind} has another context"


async def in_asyncio():
    client = firestore.AsyncClient(project="demo")
    try:
        await nothing_async(client.transaction())
    except Exception as error:
        check("asyncio", error)
    else:
        raise SystemExit("asyncio raises nothing")


print("google-cloud-firestore", version("google-cloud-firestore"))
server = grpc.server(ThreadPoolExecutor(2), handlers=[Refuses()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
try:
    nothing(firestore.Client(project="demo").transaction())
except Exception as error:
    check("sync", error)
else:
    raise SystemExit("sync raises nothing")
asyncio.run(in_asyncio())
server.stop(None)
PYTHON
echo "as described"
