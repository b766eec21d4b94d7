#!/usr/bin/env bash
# With http_proxy set, Google's gRPC clients ask the proxy even for an emulator at 127.0.0.1, and no_proxy=localhost does not
# help; the error says UNAVAILABLE. no_proxy takes the very spelling that PUBSUB_EMULATOR_HOST has, or a network.
# Seen with: google-cloud-pubsub 2.44.0, grpcio 1.85.3, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-cloud-pubsub==2.44.0 grpcio==1.85.3 ||
    { echo "the packages could not be installed" >&2; exit 2; }

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import os, socket, threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

for name in ("grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy"):
    os.environ.pop(name, None)
    os.environ.pop(name.upper(), None)

import grpc
from google.api_core.exceptions import ServiceUnavailable
from google.pubsub_v1.types import Topic
from google.cloud.pubsub_v1 import PublisherClient


class Emulator(grpc.GenericRpcHandler):
    def service(self, call):
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: Topic(name="projects/demo/topics/tasks"), response_serializer=Topic.serialize
        )


def refuse_all(listener, asked):
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            asked.append(connection.recv(4096).split(b"\r\n")[0].decode())
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")


print("google-cloud-pubsub", version("google-cloud-pubsub"), "grpcio", version("grpcio"))
server = grpc.server(ThreadPoolExecutor(2), handlers=[Emulator()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
proxy, asked = socket.create_server(("127.0.0.1", 0)), []
threading.Thread(target=refuse_all, args=(proxy, asked), daemon=True).start()
os.environ["PUBSUB_EMULATOR_HOST"] = f"127.0.0.1:{port}"
os.environ["http_proxy"] = f"http://127.0.0.1:{proxy.getsockname()[1]}"
results = {}
for excluded in ("", "localhost", "127.0.0.1", "127.0.0.0/8"):
    os.environ["no_proxy"] = excluded
    asked.clear()
    client = PublisherClient()
    try:
        client.get_topic(topic="projects/demo/topics/tasks", retry=None, timeout=5)
        results[excluded] = "emulator"
    except ServiceUnavailable as error:
        results[excluded] = "proxy" if f"CONNECT 127.0.0.1:{port} HTTP/1.1" in asked else repr(error)
    client.transport.close()
    print(f"no_proxy={excluded!r}: answered by the {results[excluded]}; the proxy was asked: {asked[:1]}")
server.stop(None)
expected = {"": "proxy", "localhost": "proxy", "127.0.0.1": "emulator", "127.0.0.0/8": "emulator"}
assert results == expected, f"expected {expected}"
PYTHON
echo "as described"
