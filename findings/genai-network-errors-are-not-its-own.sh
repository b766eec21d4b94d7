#!/usr/bin/env bash
# google-genai lets the errors of its HTTP library through, and that depends on the call: httpx2, which is not httpx, for a
# synchronous one; for an asynchronous one aiohttp, where it is installed, and the builtin TimeoutError. No `except` of
# httpx.HTTPError or of the SDK's own APIError catches any. Besides, an asynchronous call whose connection is dropped is
# silently sent again, unless HttpRetryOptions(attempts=1) forbids it.
# Seen with: google-genai 3.6.1, httpx2 2.16.2, httpx 0.28.1, aiohttp 3.14.5, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    google-genai==3.6.1 httpx2==2.16.2 httpx==0.28.1 aiohttp==3.14.5 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import asyncio, socket, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import httpx
from google import genai
from google.genai.errors import APIError
from google.genai.types import HttpOptions, HttpRetryOptions

ONCE = HttpRetryOptions(attempts=1)


class Model(BaseHTTPRequestHandler):
    calls, drops = 0, True

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        Model.calls += 1
        if self.drops:
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            time.sleep(2)
        self.close_connection = True

    def log_message(self, *words):
        pass


async def in_asyncio(client):
    try:
        await client.aio.models.generate_content(model="gemini", contents="question")
    finally:
        await client.aio.aclose()


def tried(kind, **options):
    Model.calls = 0
    base_url = f"http://127.0.0.1:{server.server_port}"
    client = genai.Client(api_key="key", http_options=HttpOptions(base_url=base_url, **options))
    try:
        if kind == "async":
            asyncio.run(in_asyncio(client))
        else:
            client.models.generate_content(model="gemini", contents="question")
    except Exception as error:
        assert not isinstance(error, (APIError, httpx.HTTPError)), f"{error!r} is of the SDK, or of httpx"
        return f"{type(error).__module__.split('.')[0]}.{type(error).__name__}", Model.calls
    raise SystemExit("nothing is raised")


print("google-genai", version("google-genai"), "| httpx2", version("httpx2"), "| aiohttp", version("aiohttp"))
server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
found = {f"dropped, {kind}": tried(kind) for kind in ("sync", "async")}
found["dropped, async, once"] = tried("async", retry_options=ONCE)
Model.drops = False
found |= {f"timeout, {kind}": tried(kind, timeout=500) for kind in ("sync", "async")}
for name, (error, calls) in found.items():
    print(f"{name}: {error} after {calls} request(s)")
assert found == {
    "dropped, sync": ("httpx2.RemoteProtocolError", 1),
    "dropped, async": ("aiohttp.ServerDisconnectedError", 2),
    "dropped, async, once": ("aiohttp.ServerDisconnectedError", 1),
    "timeout, sync": ("httpx2.ReadTimeout", 1),
    "timeout, async": ("builtins.TimeoutError", 1),
}, "other errors, or another number of requests"
PYTHON
echo "as described"
