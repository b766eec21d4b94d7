#!/usr/bin/env bash
# google-generativeai offers generate_content_async with the transport "rest", which is the way to another endpoint. The call
# is sent, served and paid for, blocking the event loop all the while, and then raises a TypeError about 'await' instead of
# returning the reply. The same call without async works.
# Seen with: google-generativeai 0.8.6, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-generativeai==0.8.6 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import asyncio, json, threading, time, warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

warnings.simplefilter("ignore", FutureWarning)
import google.generativeai as sdk

STATUS = 200
CANDIDATE = {"content": {"role": "model", "parts": [{"text": "answer"}]}, "finishReason": "STOP"}
REPLY = json.dumps({"candidates": [CANDIDATE]}).encode()


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    calls = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        Model.calls += 1
        time.sleep(0.5)
        self.send_response(STATUS)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()


async def ask(model):
    ticks = []

    async def tick():
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.02)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.1)
    before = len(ticks)
    try:
        await model.generate_content_async("question", request_options={"timeout": 10})
    except Exception as error:
        return error, len(ticks) - before
    finally:
        ticking.cancel()
    raise SystemExit("the reply is returned")


print("google-generativeai", version("google-generativeai"))
endpoint = f"http://127.0.0.1:{server.server_port}"
sdk.configure(api_key="key", transport="rest", client_options={"api_endpoint": endpoint})
model = sdk.GenerativeModel("gemini")
print("sync:", repr(model.generate_content("question", request_options={"timeout": 10}).text), "requests:", Model.calls)
error, ticks = asyncio.run(ask(model))
print(f"async: {type(error).__name__}: {error}; requests: {Model.calls}; the loop ran {ticks} times meanwhile")
assert type(error) is TypeError and "'await' expression" in str(error), "it fails in another way"
assert Model.calls == 2, "the request is not sent"
assert ticks <= 3, "the loop is not blocked"
PYTHON
echo "as described"
